// Layers, named and behaving as in TinyTorch and PyTorch.

import { InvalidArgumentError } from './errors.js';
import type { Kernels } from './kernels.js';
import { refuse, Resource } from './resource.js';
import type { Runtime } from './runtime.js';
import { type Tensor, tensorHandle } from './tensor.js';
import type { DType, KernelName } from './types.js';
import type { Handle } from './wasm_module.js';

/** What layers need from the module that they were loaded with. */
interface Context {
  readonly runtime: Runtime;
  readonly kernels: Kernels;
}

/** The most layers that one Sequential takes: their handles pass through the exchange buffer. */
const MAX_LAYERS = 1024;

/** A function with parameters. */
export abstract class Module extends Resource {
  readonly #kernels: Kernels;
  #parameters: Map<string, Tensor> | undefined;

  /** @internal */
  constructor(context: Context, handle: Handle) {
    super(context.runtime, context.runtime.check(handle));
    this.#kernels = context.kernels;
    this.runtime.droppedLayers.register(this, handle, this);
  }

  /** What the profile calls it: `Dense(784, 256)`. */
  get name(): string {
    return this.runtime.module.moduleName(moduleHandle(this.runtime, this, 'name'));
  }

  /** y = f(x), a new tensor. */
  forward(x: Tensor): Tensor {
    const { runtime } = this;
    const handle = moduleHandle(runtime, this, 'forward');
    return runtime.wrap(runtime.check(runtime.module.forward(handle, tensorHandle(runtime, x, 'forward'))));
  }

  /**
   * Forces one rung of the matmul ladder for every product inside; `auto` gives the choice back. Throws
   * `KernelError` for one that does not exist or is not in this build. Returns itself.
   */
  setKernel(kernel: KernelName): this {
    const handle = moduleHandle(this.runtime, this, 'setKernel');
    this.runtime.module.setKernel(handle, this.#kernels.id(kernel));
    return this;
  }

  /**
   * The parameters by PyTorch's names: `0.weight`, `0.bias`. The tensors belong to the layer, which disposes of
   * them with itself: writing into them (`copyFrom`) changes the layer.
   */
  namedParameters(): ReadonlyMap<string, Tensor> {
    const { runtime } = this;
    const handle = moduleHandle(runtime, this, 'namedParameters');
    if (this.#parameters) return this.#parameters;
    this.#parameters = new Map();
    const scope = runtime.scope;
    runtime.scope = null; // they live as long as the layer, not as the tidy that first asked
    const count = runtime.module.parameterCount(handle);
    for (let i = 0; i < count; ++i) {
      const parameter = runtime.wrap(runtime.check(runtime.module.parameter(handle, i)));
      this.#parameters.set(runtime.module.parameterName(handle, i), parameter);
    }
    runtime.scope = scope;
    return this.#parameters;
  }

  /** The tensors of `namedParameters()`. */
  parameters(): Tensor[] {
    return [...this.namedParameters().values()];
  }

  override dispose(): void {
    if (this.handle === 0) return;
    for (const parameter of this.#parameters?.values() ?? []) parameter.dispose();
    this.runtime.droppedLayers.unregister(this);
    this.runtime.module.releaseModule(this.handle);
    this.handle = 0;
  }

  override toString(): string {
    return this.isDisposed ? 'Module(disposed)' : this.name;
  }
}

function moduleHandle(runtime: Runtime, value: Module, where: string): Handle {
  const isModule = value instanceof Module;
  if (isModule && value.handle > 0 && value.runtime === runtime) return value.handle;
  return refuse(runtime, value, 'layer', isModule, where);
}

export interface DenseOptions {
  /** Whether a bias is added; true by default. */
  bias?: boolean;
  /** `float32` by default. */
  dtype?: DType;
}

/**
 * y = x . W + b, with x `[..., in]`, W `[in, out]` and b `[out]` (PyTorch's Linear holds W transposed). Both start
 * uniform in +-1/sqrt(in), from the generator that `manualSeed` sets.
 */
export class Dense extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;

  /** @internal */
  constructor(context: Context, inFeatures: number, outFeatures: number, options: DenseOptions = {}) {
    for (const size of [inFeatures, outFeatures]) {
      if (!Number.isSafeInteger(size) || size < 0) {
        throw new InvalidArgumentError(
          `Dense: features are whole numbers >= 0, got ${inFeatures} and ${outFeatures}`,
        );
      }
    }
    const { module } = context.runtime;
    const dtype = context.runtime.dtypeCode(options.dtype, 'Dense');
    super(context, module.dense(inFeatures, outFeatures, options.bias ?? true, dtype));
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
  }

  /** `[in, out]` */
  get weight(): Tensor {
    return this.namedParameters().get('weight') as Tensor;
  }

  /** `[out]`; undefined where the layer has none. */
  get bias(): Tensor | undefined {
    return this.namedParameters().get('bias');
  }
}

/** y = max(x, 0), of any shape. */
export class ReLU extends Module {
  /** @internal */
  constructor(context: Context) {
    super(context, context.runtime.module.reluLayer());
  }
}

/** Layers one after the other. It owns them: disposing of it disposes of them. */
export class Sequential extends Module {
  readonly layers: readonly Module[];

  /** @internal */
  constructor(context: Context, layers: readonly Module[]) {
    const { runtime } = context;
    if (!Array.isArray(layers) || layers.length > MAX_LAYERS) {
      throw new InvalidArgumentError(`Sequential: takes an array of at most ${MAX_LAYERS} layers`);
    }
    const handles = layers.map((layer: Module) => moduleHandle(runtime, layer, 'Sequential'));
    runtime.numbers.set(handles);
    super(context, runtime.module.sequential(handles.length));
    this.layers = [...layers];
  }

  /**
   * For `tidy`: what stays alive with it.
   * @internal
   */
  get owned(): readonly Module[] {
    return this.layers;
  }

  override dispose(): void {
    super.dispose();
    for (const layer of this.layers) layer.dispose();
  }
}

/** The layer classes of one loaded module. */
export interface LayerClasses {
  readonly Dense: new (inFeatures: number, outFeatures: number, options?: DenseOptions) => Dense;
  /** PyTorch's name for Dense. */
  readonly Linear: LayerClasses['Dense'];
  readonly ReLU: new () => ReLU;
  readonly Sequential: new (layers: readonly Module[]) => Sequential;
}

export function layerClasses(context: Context): LayerClasses {
  const BoundDense = class extends Dense {
    constructor(inFeatures: number, outFeatures: number, options?: DenseOptions) {
      super(context, inFeatures, outFeatures, options);
    }
  };
  return {
    Dense: BoundDense,
    Linear: BoundDense,
    ReLU: class extends ReLU {
      constructor() {
        super(context);
      }
    },
    Sequential: class extends Sequential {
      constructor(layers: readonly Module[]) {
        super(context, layers);
      }
    },
  };
}
