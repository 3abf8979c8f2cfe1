// Optimisers, clipping and schedules with PyTorch's arithmetic. A state is a value and how far the library's may be off.

import { at, epsilon, largest, Refused, Tensor, tiny } from './tensor.js';

export interface SGDOptions {
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
}
export interface AdamOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
}

interface State {
  steps: number;
  readonly mean: Float64Array;
  readonly meanError: Float64Array;
  readonly square: Float64Array;
}

/** Steps are counted for each parameter: the first is the one in which it first has a gradient. */
export class Optimizer {
  readonly #states = new Map<Tensor, State>();

  constructor(
    readonly parameters: readonly Tensor[],
    public rate: number,
    readonly update: (parameter: Tensor, gradient: Float64Array, state: State, rate: number) => void,
  ) {
    if (!(rate >= 0)) throw new Refused(`learning rate ${rate}`);
    if (parameters.length === 0) throw new Refused('no parameters');
    if (new Set(parameters).size < parameters.length) throw new Refused('a parameter twice');
    if (!parameters.every(({ node, isDense }) => !node && isDense)) throw new Refused('no dense leaf');
  }

  /** How many there were, with or without gradients. */
  steps = 0;

  step(): void {
    ++this.steps;
    for (const parameter of this.parameters) {
      const grad = parameter.leaf?.grad;
      if (!grad) continue;
      const { size } = parameter;
      const zeros = (): Float64Array => new Float64Array(size);
      const state = this.#states.get(parameter) ?? {
        steps: 0,
        mean: zeros(),
        meanError: zeros(),
        square: zeros(),
      };
      this.#states.set(parameter, state);
      ++state.steps;
      this.update(parameter, grad.values(), state, this.rate);
    }
  }

  zeroGrad(): void {
    for (const { leaf } of this.parameters) if (leaf) leaf.grad = undefined;
  }
}

/** g += weightDecay p; v = momentum v + (1 - dampening) g, at first g; p -= lr v (nesterov: g + momentum v) */
export function sgd(parameters: readonly Tensor[], rate: number, options: SGDOptions): Optimizer {
  const { momentum, dampening, weightDecay, nesterov } = options;
  return new Optimizer(parameters, rate, (parameter, gradient, { steps, mean: v, meanError: off }, lr) => {
    const eps = epsilon(parameter.dtype);
    const errors = new Float64Array(parameter.size);
    const values = parameter.values().map((p, i) => {
      const g = at(gradient, i) + weightDecay * p;
      const gError = 2 * eps * (Math.abs(at(gradient, i)) + Math.abs(weightDecay * p));
      let [step, error] = [g, gError];
      if (momentum !== 0) {
        const fresh = steps === 1 ? 1 : 1 - dampening;
        const size = Math.abs(momentum * at(v, i)) + Math.abs(fresh * g);
        v[i] = momentum * at(v, i) + fresh * g;
        off[i] = momentum * at(off, i) + Math.abs(fresh) * gError + 4 * eps * size + tiny(parameter.dtype);
        step = nesterov ? g + momentum * at(v, i) : at(v, i);
        error = nesterov
          ? gError + momentum * at(off, i) + 2 * eps * (Math.abs(g) + Math.abs(step))
          : at(off, i);
      }
      errors[i] = lr * error + 4 * eps * (Math.abs(p) + lr * Math.abs(step)) + tiny(parameter.dtype);
      return p - lr * step;
    });
    parameter.write(values, errors);
  });
}

/** p -= lr m' / (sqrt(v') + eps), m' and v' corrected for their zero start; AdamW (`decoupled`) shrinks p itself. */
export function adam(
  parameters: readonly Tensor[],
  rate: number,
  { betas: [beta1, beta2], eps: floor, weightDecay }: AdamOptions,
  decoupled: boolean,
): Optimizer {
  return new Optimizer(parameters, rate, (parameter, gradient, { steps, mean, meanError, square }, lr) => {
    const eps = epsilon(parameter.dtype);
    const errors = new Float64Array(parameter.size);
    const values = parameter.values().map((p, i) => {
      const decay = decoupled ? 0 : weightDecay * p;
      const g = at(gradient, i) + decay;
      const gError = 2 * eps * (Math.abs(at(gradient, i)) + Math.abs(decay));
      const size = Math.abs(beta1 * at(mean, i)) + Math.abs((1 - beta1) * g);
      mean[i] = beta1 * at(mean, i) + (1 - beta1) * g;
      meanError[i] = beta1 * at(meanError, i) + (1 - beta1) * gError + 4 * eps * size + tiny(parameter.dtype);
      square[i] = beta2 * at(square, i) + (1 - beta2) * g * g;
      const divisor = Math.sqrt(at(square, i) / (1 - beta2 ** steps)) + floor;
      const move = (lr * at(mean, i)) / (1 - beta1 ** steps) / divisor;
      // All terms of the square are positive, so its relative error grows by a few roundings a step; the gradient's own
      // error and what is too small for the dtype come on top.
      const smallest = Math.sqrt(tiny(parameter.dtype));
      const own = gError === 0 ? 0 : gError / Math.max(Math.abs(g), smallest);
      // A square that the dtype cannot hold is infinite from then on.
      if (g * g > largest(parameter.dtype)) square[i] = Infinity;
      const isTiny = at(square, i) !== 0 && at(square, i) < 1e3 * tiny(parameter.dtype);
      const isLost = isTiny || at(square, i) > largest(parameter.dtype);
      const relative = 4 * eps * (steps + 2) + 2 * own * steps;
      const moveError = (lr * at(meanError, i)) / (1 - beta1 ** steps) / divisor + Math.abs(move) * relative;
      const shrunk = decoupled ? p * (1 - lr * weightDecay) : p;
      errors[i] = isLost
        ? Infinity
        : moveError + 4 * eps * (Math.abs(p) + Math.abs(move)) + tiny(parameter.dtype);
      return shrunk - move;
    });
    parameter.write(values, errors);
  });
}

/** Scales all gradients so that their joint 2-norm is at most `maxNorm`; returns what it was. */
export function clipGradNorm(parameters: readonly Tensor[], maxNorm: number): number {
  const gradients = [...new Set(parameters)].flatMap((parameter) => parameter.leaf?.grad ?? []);
  const length = (lists: Float64Array[]): number =>
    Math.sqrt(lists.reduce((sum, list) => list.reduce((total, value) => total + value ** 2, sum), 0));
  const norm = length(gradients.map((gradient) => gradient.values()));
  const off = length(gradients.map((gradient) => gradient.errors())) / norm;
  if (norm > maxNorm) {
    const factor = maxNorm / (norm + 1e-6);
    for (const gradient of gradients) {
      const errors = gradient.errors();
      const scaled = gradient.values().map((value) => value * factor);
      const eps = 8 * epsilon(gradient.dtype) + 2 * off;
      gradient.write(
        scaled,
        scaled.map((value, i) => eps * Math.abs(value) + factor * at(errors, i) + tiny(gradient.dtype)),
      );
    }
  }
  return norm;
}

export function cosineSchedule(initial: number, lowest: number, t: number, length: number): number {
  return lowest + (initial - lowest) * 0.5 * (1 + Math.cos((Math.PI * Math.min(t, length)) / length));
}

export function stepSchedule(initial: number, factor: number, t: number, every: number): number {
  return initial * factor ** Math.floor(t / every);
}
