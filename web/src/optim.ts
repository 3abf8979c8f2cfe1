// Optimisers, schedules and clipping, with PyTorch's names, defaults and arithmetic.

import * as check from './check.js';
import { InvalidArgumentError } from './errors.js';
import { liveHandle, Native, nativeHandle } from './resource.js';
import type { Runtime } from './runtime.js';
import { type Tensor, tensorHandle } from './tensor.js';
import type { Handle } from './wasm_module.js';

/**
 * Changes parameters by their gradients. Those without a gradient and those that are frozen stay as they are, and so does
 * what is remembered of them: each parameter has its own count of updates. Takes an array (or any iterable) of tensors; the
 * same tensor twice is an `InvalidArgumentError`.
 */
export abstract class Optimizer extends Native {
  /** @internal */
  constructor(runtime: Runtime, handle: Handle) {
    super(runtime, handle, 'optimizer', runtime.module.releaseOptimizer);
  }

  /** One step down the gradients. */
  step(): void {
    this.runtime.check(this.runtime.module.optimizerStep(liveHandle(this, 'optimizer', 'step')));
  }

  /** Forgets the gradients. */
  zeroGrad(): void {
    this.runtime.check(this.runtime.module.zeroGrad(liveHandle(this, 'optimizer', 'zeroGrad')));
  }

  get learningRate(): number {
    return this.runtime.module.learningRate(liveHandle(this, 'optimizer', 'learningRate'));
  }
  set learningRate(rate: number) {
    const checked = check.finite(rate, 'learningRate', 'the rate', 0);
    this.runtime.check(
      this.runtime.module.setLearningRate(liveHandle(this, 'optimizer', 'learningRate'), checked),
    );
  }

  /** How many steps it has done. */
  get steps(): number {
    return this.runtime.module.optimizerSteps(liveHandle(this, 'optimizer', 'steps'));
  }
}

export interface SGDOptions {
  /** The learning rate, finite and >= 0. */
  lr: number;
  /** >= 0, 0 by default. */
  momentum?: number;
  /** 0 by default. */
  dampening?: number;
  /** >= 0, 0 by default. */
  weightDecay?: number;
  /** Needs a momentum and no dampening. */
  nesterov?: boolean;
}

export interface AdamOptions {
  /** The learning rate, finite and >= 0; 1e-3 by default. */
  lr?: number;
  /** Both at least 0 and below 1; [0.9, 0.999] by default. */
  betas?: readonly [number, number];
  /** >= 0, 1e-8 by default. */
  eps?: number;
  /** >= 0, 0 by default; AdamW: 0.01. */
  weightDecay?: number;
}

/** The optimiser classes of one loaded module. */
export interface OptimizerClasses {
  /**
   * g += weightDecay p; v = momentum v + (1 - dampening) g (a parameter's first update: v = g); p -= lr v (nesterov:
   * g + momentum v).
   */
  readonly SGD: new (parameters: Iterable<Tensor>, options: SGDOptions) => Optimizer;
  /**
   * p -= lr m / (sqrt(v) + eps), with running means m of the gradient and v of its square, made up for their start at 0 by
   * the number of updates of that parameter.
   */
  readonly Adam: new (parameters: Iterable<Tensor>, options?: AdamOptions) => Optimizer;
  /** Adam whose weight decay shrinks the parameter itself. */
  readonly AdamW: new (parameters: Iterable<Tensor>, options?: AdamOptions) => Optimizer;
}

/** For `Trainer`: the handle of a live optimiser of this runtime. */
export function optimizerHandle(runtime: Runtime, value: Optimizer, where: string): Handle {
  return nativeHandle(runtime, value, 'optimizer', where);
}

/** Sends the tensors to the module; gives their number. The last thing before the call that takes them. */
function sendTensors(runtime: Runtime, tensors: readonly Tensor[], where: string): number {
  return runtime.sendHandles(tensors.map((tensor) => tensorHandle(runtime, tensor, where)));
}

function parametersOf(parameters: Iterable<Tensor>, where: string): Tensor[] {
  const tensors = check.elements(parameters, where, 'parameters');
  if (tensors.length === 0) throw new InvalidArgumentError(`${where}: there are no parameters`);
  return tensors;
}

/** Both of Adam's betas, each read once. */
function betasOf(betas: unknown, where: string): [number, number] {
  const [first, second, ...more] = check.elements(betas as Iterable<unknown>, where, 'betas');
  const checked = (beta: unknown, what: string): number => {
    const value = check.finite(beta, where, what, 0);
    if (value < 1) return value;
    throw new InvalidArgumentError(`${where}: ${what} must be below 1, got ${value}`);
  };
  if (more.length > 0)
    throw new InvalidArgumentError(`${where}: betas must be two numbers, got ${2 + more.length}`);
  return [checked(first, 'betas[0]'), checked(second, 'betas[1]')];
}

const SGD_OPTIONS = ['lr', 'momentum', 'dampening', 'weightDecay', 'nesterov'] as const;
const ADAM_OPTIONS = ['lr', 'betas', 'eps', 'weightDecay'] as const;

export function optimizerClasses(runtime: Runtime): OptimizerClasses {
  const { module } = runtime;
  const adamClass = (name: 'adam' | 'adamW', title: string, usualDecay: number): OptimizerClasses['Adam'] =>
    class extends Optimizer {
      constructor(parameters: Iterable<Tensor>, options?: AdamOptions) {
        const where = `new ${title}`;
        const read = check.options(options, ADAM_OPTIONS, where);
        const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = usualDecay } = read;
        const rate = check.finite(lr, where, 'lr', 0);
        const [beta1, beta2] = betasOf(betas, where);
        const added = check.finite(eps, where, 'eps', 0);
        const decay = check.finite(weightDecay, where, 'weightDecay', 0);
        const tensors = parametersOf(parameters, where);
        super(runtime, module[name](sendTensors(runtime, tensors, where), rate, beta1, beta2, added, decay));
      }
    };
  return {
    SGD: class extends Optimizer {
      constructor(parameters: Iterable<Tensor>, options: SGDOptions) {
        const where = 'new SGD';
        const read = check.options(options, SGD_OPTIONS, where);
        const { lr, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false } = read;
        const numbers = [
          check.finite(lr, where, 'lr', 0),
          check.finite(momentum, where, 'momentum', 0),
          check.finite(dampening, where, 'dampening'),
          check.finite(weightDecay, where, 'weightDecay', 0),
        ] as const;
        const looksAhead = check.truth(nesterov, where, 'nesterov');
        if (looksAhead && !(momentum > 0 && dampening === 0)) {
          throw new InvalidArgumentError(
            `${where}: nesterov needs a momentum above 0 and no dampening, got ${momentum} and ${dampening}`,
          );
        }
        const tensors = parametersOf(parameters, where);
        super(runtime, module.sgd(sendTensors(runtime, tensors, where), ...numbers, looksAhead));
      }
    },
    Adam: adamClass('adam', 'Adam', 0),
    AdamW: adamClass('adamW', 'AdamW', 0.01),
  };
}

/**
 * Scales all gradients so that their joint 2-norm is at most `maxNorm`; returns what it was. A tensor that is listed twice
 * counts once.
 */
export function clipGradNorm(runtime: Runtime, parameters: Iterable<Tensor>, maxNorm: number): number {
  const where = 'clipGradNorm';
  const limit = check.atLeast(maxNorm, where, 'maxNorm', 0);
  const tensors = check.elements(parameters, where, 'parameters');
  runtime.check(runtime.module.clipGradNorm(sendTensors(runtime, tensors, where), limit));
  return runtime.numbers[0] as number;
}

/** lowest + (initial - lowest) (1 + cos(pi t / length)) / 2; `lowest` from t = length on. */
export function cosineSchedule(
  runtime: Runtime,
  initial: number,
  lowest: number,
  t: number,
  length: number,
): number {
  const where = 'cosineSchedule';
  const from = check.finite(initial, where, 'initial', 0);
  const to = check.finite(lowest, where, 'lowest', 0);
  const at = check.whole(t, where, 't', 0);
  runtime.check(runtime.module.cosineSchedule(from, to, at, check.whole(length, where, 'length', 1)));
  return runtime.numbers[0] as number;
}

/** initial factor^floor(t / every). */
export function stepSchedule(
  runtime: Runtime,
  initial: number,
  factor: number,
  t: number,
  every: number,
): number {
  const where = 'stepSchedule';
  const from = check.finite(initial, where, 'initial', 0);
  const by = check.finite(factor, where, 'factor', 0);
  const at = check.whole(t, where, 't', 0);
  runtime.check(runtime.module.stepSchedule(from, by, at, check.whole(every, where, 'every', 1)));
  return runtime.numbers[0] as number;
}
