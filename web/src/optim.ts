// Optimisers, schedules and clipping, with PyTorch's names, defaults and arithmetic.

import { Native, nativeHandle } from './resource.js';
import type { Runtime } from './runtime.js';
import { type Tensor, tensorHandle } from './tensor.js';
import type { Handle } from './wasm_module.js';

/** Changes parameters by their gradients; those without a gradient stay as they are. */
export abstract class Optimizer extends Native {
  /** @internal */
  constructor(runtime: Runtime, handle: Handle) {
    super(runtime, handle, runtime.module.releaseOptimizer);
  }

  /** One step down the gradients. */
  step(): void {
    this.runtime.check(this.runtime.module.optimizerStep(this.live('optimizer', 'step')));
  }

  /** Forgets the gradients. */
  zeroGrad(): void {
    this.runtime.module.zeroGrad(this.live('optimizer', 'zeroGrad'));
  }

  get learningRate(): number {
    return this.runtime.module.learningRate(this.live('optimizer', 'learningRate'));
  }
  set learningRate(rate: number) {
    this.runtime.check(this.runtime.module.setLearningRate(this.live('optimizer', 'learningRate'), rate));
  }

  /** How many steps it has done. */
  get steps(): number {
    return this.runtime.module.optimizerSteps(this.live('optimizer', 'steps'));
  }
}

export interface SGDOptions {
  /** The learning rate. */
  lr: number;
  momentum?: number;
  dampening?: number;
  weightDecay?: number;
  nesterov?: boolean;
}

export interface AdamOptions {
  /** The learning rate, 1e-3 by default. */
  lr?: number;
  /** [0.9, 0.999] by default. */
  betas?: readonly [number, number];
  /** 1e-8 by default. */
  eps?: number;
  /** 0 by default; AdamW: 0.01. */
  weightDecay?: number;
}

/** The optimiser classes of one loaded module. */
export interface OptimizerClasses {
  /** g += weightDecay p; v = momentum v + (1 - dampening) g; p -= lr v (nesterov: g + momentum v). */
  readonly SGD: new (parameters: readonly Tensor[], options: SGDOptions) => Optimizer;
  /** p -= lr m / (sqrt(v) + eps), with running means m of the gradient and v of its square. */
  readonly Adam: new (parameters: readonly Tensor[], options?: AdamOptions) => Optimizer;
  /** Adam whose weight decay shrinks the parameter itself. */
  readonly AdamW: new (parameters: readonly Tensor[], options?: AdamOptions) => Optimizer;
}

/** For `Trainer`: the handle of a live optimiser of this runtime. */
export function optimizerHandle(runtime: Runtime, value: Optimizer, where: string): Handle {
  return nativeHandle(runtime, value, Optimizer, 'optimizer', where);
}

/** Puts the tensors into the exchange buffer; gives their number. */
function sendTensors(runtime: Runtime, tensors: readonly Tensor[], where: string): number {
  return runtime.sendHandles(
    tensors.map((tensor) => tensorHandle(runtime, tensor, where)),
    where,
  );
}

export function optimizerClasses(runtime: Runtime): OptimizerClasses {
  const { module } = runtime;
  const adamClass = (name: 'adam' | 'adamW', usualDecay: number): OptimizerClasses['Adam'] =>
    class extends Optimizer {
      constructor(parameters: readonly Tensor[], options: AdamOptions = {}) {
        const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = usualDecay } = options;
        const count = sendTensors(runtime, parameters, name);
        super(runtime, module[name](count, lr, betas[0], betas[1], eps, weightDecay));
      }
    };
  return {
    SGD: class extends Optimizer {
      constructor(parameters: readonly Tensor[], options: SGDOptions) {
        const { lr, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false } = options;
        const count = sendTensors(runtime, parameters, 'SGD');
        super(runtime, module.sgd(count, lr, momentum, dampening, weightDecay, nesterov));
      }
    },
    Adam: adamClass('adam', 0),
    AdamW: adamClass('adamW', 0.01),
  };
}

/** Scales all gradients so that their joint 2-norm is at most `maxNorm`; returns what it was. */
export function clipGradNorm(runtime: Runtime, parameters: readonly Tensor[], maxNorm: number): number {
  runtime.check(runtime.module.clipGradNorm(sendTensors(runtime, parameters, 'clipGradNorm'), maxNorm));
  return runtime.numbers[0] as number;
}
