// What training makes small. Each is a function of a prediction and a target, recorded like any operation.

import * as check from './check.js';
import { REDUCTIONS } from './contract.js';
import type { Runtime } from './runtime.js';
import { newTensor, type Tensor, tensorHandle } from './tensor.js';

/** How a loss is summed up over its elements (cross-entropy: its rows). */
export type Reduction = (typeof REDUCTIONS)[number];

export interface LossOptions {
  /** `mean` by default. */
  reduction?: Reduction;
}

type LossFunction = 'crossEntropy' | 'mseLoss' | 'binaryCrossEntropy';

/** A loss function. */
export interface Loss {
  /** The loss as a scalar tensor. */
  forward(prediction: Tensor, target: Tensor): Tensor;
}

export interface LossClasses {
  /**
   * -mean log softmax(logits)[row, label], for logits `[n, classes]` and labels `[n]` of dtype int32. Throws
   * `InvalidArgumentError` for a label outside the classes.
   */
  readonly CrossEntropyLoss: new (options?: LossOptions) => Loss;
  /** mean (prediction - target)^2 */
  readonly MSELoss: new (options?: LossOptions) => Loss;
  /** -mean (t log p + (1 - t) log (1 - p)), for probabilities p. */
  readonly BinaryCrossEntropyLoss: new (options?: LossOptions) => Loss;
}

export function lossClasses(runtime: Runtime): LossClasses {
  const classOf = (name: LossFunction, title: string): LossClasses['MSELoss'] =>
    class implements Loss {
      /** Public, so that a reactive proxy of a loss works: it holds no memory of the module. */
      readonly reduction: Reduction;
      constructor(options?: LossOptions) {
        const where = `new ${title}`;
        const { reduction = 'mean' } = check.options(options, ['reduction'], where);
        check.oneOf(reduction, REDUCTIONS, where, 'reduction');
        this.reduction = reduction;
      }
      forward(prediction: Tensor, target: Tensor): Tensor {
        const code = check.oneOf(this.reduction, REDUCTIONS, name, 'reduction');
        const x = tensorHandle(runtime, prediction, name);
        const y = tensorHandle(runtime, target, name);
        return newTensor(runtime, runtime.module[name](x, y, code));
      }
    };
  return {
    CrossEntropyLoss: classOf('crossEntropy', 'CrossEntropyLoss'),
    MSELoss: classOf('mseLoss', 'MSELoss'),
    BinaryCrossEntropyLoss: classOf('binaryCrossEntropy', 'BinaryCrossEntropyLoss'),
  };
}
