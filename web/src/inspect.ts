// For people who look into models: what each layer costs, and what its gradients look like.

import type { Runtime } from './runtime.js';
import type { Shape } from './types.js';
import type { Handle } from './wasm_module.js';

export interface SummaryRow {
  /** `Dense(784, 256)` */
  readonly name: string;
  readonly outputShape: Shape;
  readonly parameters: number;
  /** Floating-point operations of one forward pass; a multiply-add is two. */
  readonly flops: number;
  /** Of the parameters. */
  readonly bytes: number;
}

/** `console.table(summary.layers)` shows it. */
export interface Summary {
  readonly layers: readonly SummaryRow[];
  readonly total: SummaryRow;
}

/** The gradient of one parameter. */
export interface GradientStats {
  /** PyTorch's name: `0.weight` */
  readonly name: string;
  readonly mean: number;
  /** The 2-norm. */
  readonly norm: number;
  /** The largest absolute value. */
  readonly largest: number;
  /** The share of exact zeros, 0 to 1. */
  readonly zeros: number;
  /** Empty, or what looks wrong: no gradient, NaN, vanishing, exploding. */
  readonly warning: string;
}

export function summarize(runtime: Runtime, model: Handle, input: Shape): Summary {
  const { module } = runtime;
  runtime.check(module.summary(model, runtime.sendShape(input, 'summary')));
  const rows = Array.from({ length: runtime.numbers[0] as number }, (_, index): SummaryRow => {
    const name = module.summaryRow(index);
    const [parameters, flops, bytes, ndim] = runtime.numbers as unknown as [number, number, number, number];
    return { name, outputShape: [...runtime.numbers.subarray(4, 4 + ndim)], parameters, flops, bytes };
  });
  const total = rows.pop() as SummaryRow; // the library's last row
  return { layers: rows, total };
}

export function gradientStats(runtime: Runtime, model: Handle): GradientStats[] {
  const { module } = runtime;
  runtime.check(module.gradientStats(model));
  return Array.from({ length: runtime.numbers[0] as number }, (_, index): GradientStats => {
    const name = module.gradientRow(index);
    const [mean, norm, largest, zeros] = runtime.numbers as unknown as [number, number, number, number];
    return { name, mean, norm, largest, zeros, warning: module.gradientWarning(index) };
  });
}
