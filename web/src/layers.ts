// The layer classes of one loaded module.

import * as check from './check.js';
import { MAX_RANK } from './contract.js';
import { type Context, Dense, type DenseOptions, Module, Sequential } from './nn.js';
import type { DType } from './types.js';

/** Layers without options, by the functions that make them. */
type PlainLayer = 'reluLayer' | 'sigmoidLayer' | 'tanhLayer' | 'geluLayer' | 'flatten';

export interface LayerNormOptions {
  /** 1e-5 by default. */
  eps?: number;
  /** `float32` by default. */
  dtype?: DType;
}

export interface LayerClasses {
  readonly Dense: new (inFeatures: number, outFeatures: number, options?: DenseOptions) => Dense;
  /** PyTorch's name for Dense. */
  readonly Linear: LayerClasses['Dense'];
  /** y = max(x, 0) */
  readonly ReLU: new () => Module;
  /** y = 1 / (1 + exp(-x)) */
  readonly Sigmoid: new () => Module;
  readonly Tanh: new () => Module;
  /** y = x (1 + erf(x / sqrt 2)) / 2 */
  readonly GELU: new () => Module;
  /** Along `dim`, by default the last. */
  readonly Softmax: new (dim?: number) => Module;
  /** In training each element is zero with probability `p` (0.5), the others are scaled by 1 / (1 - p). */
  readonly Dropout: new (p?: number) => Module;
  /** (x - mean) / sqrt(variance + eps) * weight + bias over the last axis, which has `features` elements. */
  readonly LayerNorm: new (features: number, options?: LayerNormOptions) => Module;
  /** `[n, ...]` to `[n, product of the rest]` */
  readonly Flatten: new () => Module;
  readonly Sequential: new (layers: readonly Module[]) => Sequential;
}

export function layerClasses(context: Context): LayerClasses {
  const { runtime } = context;
  const { module } = runtime;
  // By name: a function that is kept would run in a module that has ended, and hold its memory.
  const plain = (make: PlainLayer) =>
    class extends Module {
      constructor() {
        super(context, module[make]());
      }
    };
  const BoundDense = class extends Dense {
    constructor(inFeatures: number, outFeatures: number, options?: DenseOptions) {
      super(context, inFeatures, outFeatures, options);
    }
  };
  return {
    Dense: BoundDense,
    Linear: BoundDense,
    ReLU: plain('reluLayer'),
    Sigmoid: plain('sigmoidLayer'),
    Tanh: plain('tanhLayer'),
    GELU: plain('geluLayer'),
    Softmax: class extends Module {
      constructor(dim = -1) {
        super(context, module.softmaxLayer(check.whole(dim, 'new Softmax', 'dim', -MAX_RANK, MAX_RANK - 1)));
      }
    },
    Dropout: class extends Module {
      constructor(p = 0.5) {
        super(context, module.dropout(check.finite(p, 'new Dropout', 'p', 0, 1)));
      }
    },
    LayerNorm: class extends Module {
      constructor(features: number, options?: LayerNormOptions) {
        const where = 'new LayerNorm';
        const { eps = 1e-5, dtype } = check.options(options, ['eps', 'dtype'], where);
        const size = check.whole(features, where, 'features', 1);
        const added = check.finite(eps, where, 'eps', 0);
        super(context, module.layerNorm(size, added, runtime.dtypeCode(dtype, where)));
      }
    },
    Flatten: plain('flatten'),
    Sequential: class extends Sequential {
      constructor(layers: readonly Module[]) {
        super(context, layers);
      }
    },
  };
}
