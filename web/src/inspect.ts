// For people who look into models: what each layer costs, and what its gradients look like.

import { noGrad } from './autograd.js';
import { RECORDS } from './contract.js';
import { tidy } from './memory.js';
import { type Layer, layerHandle } from './layer.js';
import { namedParametersOf, runForward, withList } from './own_layers.js';
import type { Runtime } from './runtime.js';
import { newTensor, type Tensor, tensorHandle } from './tensor.js';
import type { Shape } from './types.js';

export interface SummaryRow {
  /** `Dense(784, 256)` */
  readonly name: string;
  readonly outputShape: Shape;
  /** A parameter that is used in several places counts in the first of them. */
  readonly parameters: number;
  /** Floating-point operations of one forward pass; a multiply-add is two. 0 where a layer has a `forward` of its own. */
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

export function summarize(runtime: Runtime, model: Layer, input: Shape): Summary {
  const shape = runtime.readShape(input, 'summary');
  if (model.runsInModule && model.isListedByModule) {
    const rows = rowsOfModule(runtime, model, shape);
    const total = rows.pop() as SummaryRow; // the library's last row
    return { layers: rows, total };
  }
  const layers: SummaryRow[] = [];
  const outputShape = addRows(runtime, model, shape, new Set(), layers);
  const sum = (name: 'parameters' | 'flops' | 'bytes'): number =>
    layers.reduce((total, row) => total + row[name], 0);
  return {
    layers,
    total: {
      name: 'total',
      outputShape,
      parameters: sum('parameters'),
      flops: sum('flops'),
      bytes: sum('bytes'),
    },
  };
}

function rowsOfModule(runtime: Runtime, model: Layer, input: Shape): SummaryRow[] {
  const { module } = runtime;
  const handle = layerHandle(runtime, model, 'summary');
  runtime.check(module.summary(handle, runtime.sendSizes(input)));
  return Array.from({ length: runtime.numbers[0] as number }, (_, index): SummaryRow => {
    const name = module.summaryRow(index);
    const { parameters, flops, bytes, ndim } = runtime.received('summaryRow');
    const first = RECORDS.summaryRow.length;
    const outputShape = [...runtime.numbers.subarray(first, first + ndim)];
    return { name, outputShape, parameters, flops, bytes };
  });
}

/** The rows of a model with methods of its own; gives its output's shape. `seen`: the parameters that are counted. */
function addRows(runtime: Runtime, model: Layer, input: Shape, seen: Set<number>, rows: SummaryRow[]): Shape {
  if (model.runsLayers) {
    return model.owned.reduce((shape, layer) => addRows(runtime, layer, shape, seen, rows), input);
  }
  let parameters = 0;
  let bytes = 0;
  const tensors = namedParametersOf(model).map(([, tensor]) => tensor);
  for (const tensor of tensors) {
    const identity = runtime.module.identity(tensorHandle(runtime, tensor, 'summary'));
    if (seen.has(identity)) continue;
    seen.add(identity);
    parameters += tensor.size;
    bytes += tensor.size * (tensor.dtype === 'float64' ? 8 : 4);
  }
  const known = model.runsInModule ? rowsOfModule(runtime, model, input)[0] : undefined;
  const row: SummaryRow = {
    name: known?.name ?? model[Symbol.toStringTag],
    outputShape: known?.outputShape ?? shapeOfRun(runtime, model, input, tensors[0]),
    parameters,
    flops: known?.flops ?? 0,
    bytes,
  };
  rows.push(row);
  return row.outputShape;
}

/** The shape of what the model makes of zeros. */
function shapeOfRun(runtime: Runtime, model: Layer, input: Shape, like: Tensor | undefined): Shape {
  return tidy(runtime, () =>
    noGrad(runtime, () => {
      const dtype = runtime.dtypeCode(like?.dtype, 'summary');
      const zeros = runtime.module.full(runtime.sendSizes(input), dtype, 0);
      return runForward(model, newTensor(runtime, zeros)).shape;
    }),
  );
}

export function gradientStats(runtime: Runtime, parameters: readonly [string, Tensor][]): GradientStats[] {
  const { module } = runtime;
  withList(runtime, parameters, (list) => runtime.check(module.gradientStats(list)));
  return Array.from({ length: parameters.length }, (_, index): GradientStats => {
    const name = module.gradientRow(index);
    return { name, ...runtime.received('gradientRow'), warning: module.gradientWarning(index) };
  });
}
