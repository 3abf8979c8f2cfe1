// Views with gradients, losses and layers.

import { compute, moved, type Slope } from './autograd.js';
import { binary, unary, type UnaryName } from './elementwise.js';
import { groups, matmul, reach, softmax, softmaxOf, sumOf } from './reduce.js';
import { at, type DType, epsilon, full, isFloating, make, Refused, Tensor, tiny } from './tensor.js';
import * as views from './tensor.js';

// ---- Views: element i of the result is element places[i] of a tensor that counts its own elements ----

function viewed(name: string, a: Tensor, change: (t: Tensor) => Tensor): Tensor {
  const counted = change(
    make(
      Float64Array.from(a.places, (_, i) => i),
      a.shape,
      'float64',
    ),
  );
  return moved(name, a, change(a), [...counted.values()]);
}

export const reshape = (a: Tensor, shape: readonly number[]): Tensor =>
  viewed('reshape', a, (t) => views.reshape(t, shape));
export const transpose = (a: Tensor, i?: number, j?: number): Tensor =>
  viewed('transpose', a, (t) => views.transpose(t, i, j));
export const slice = (a: Tensor, dim: number, start: number, stop?: number, step?: number): Tensor =>
  viewed('slice', a, (t) => views.slice(t, dim, start, stop, step));
export const expand = (a: Tensor, shape: readonly number[]): Tensor =>
  viewed('expand', a, (t) => views.expand(t, shape));

export function clone(a: Tensor): Tensor {
  const copy = make(a.values(), a.shape, a.dtype);
  copy.base.errors.set(a.errors());
  return moved('clone', a, copy, [...a.places.keys()]);
}

/** The tensor itself where it has that dtype already. */
export function to(a: Tensor, dtype: DType): Tensor {
  if (a.dtype === dtype) return a;
  const copy = views.convert(a, dtype);
  return isFloating(dtype) ? moved('to', a, copy, [...a.places.keys()]) : copy;
}

// ---- Losses ----

function weightOf(reduction: 'mean' | 'sum', count: number): number {
  return reduction === 'mean' ? 1 / count : 1;
}

function requireAlike(a: Tensor, b: Tensor): void {
  if (!isFloating(a.dtype) || a.dtype !== b.dtype) throw new Refused('loss: dtypes');
  if (a.shape.join() !== b.shape.join()) throw new Refused('loss: shapes differ');
}

export function mseLoss(x: Tensor, target: Tensor, reduction: 'mean' | 'sum'): Tensor {
  requireAlike(x, target);
  const weight = weightOf(reduction, x.size);
  const [offX, offTarget] = [x.errors(), target.errors()];
  const wanted = target.values();
  const d = x.values().map((value, i) => value - at(wanted, i));
  const { value, size } = sumOf(
    [...d].map((each) => each * each),
    x.dtype,
  );
  return compute('mseLoss', [x, target], [], x.dtype, () => ({
    value: value * weight,
    error: (d.length + 8) * epsilon(x.dtype) * size * weight + tiny(x.dtype),
    slopes: () =>
      [...d].flatMap((each, i) =>
        [2, -2].map((sign, input) => {
          const slope = sign * each * weight;
          const off = 2 * weight * (at(offX, i) + at(offTarget, i));
          return { input, at: i, slope, size: Math.abs(slope) + off / epsilon(x.dtype) };
        }),
      ),
  }));
}

export function crossEntropy(logits: Tensor, labels: Tensor, reduction: 'mean' | 'sum'): Tensor {
  const [n, classes] = [logits.shape[0] ?? -1, logits.shape[1] ?? -1];
  if (!isFloating(logits.dtype) || labels.dtype !== 'int32') throw new Refused('crossEntropy: dtypes');
  if (logits.shape.length !== 2 || labels.shape.join() !== String(n))
    throw new Refused('crossEntropy: shapes');
  const label = labels.values();
  if (!label.every((each) => each >= 0 && each < classes)) throw new Refused('crossEntropy: a label');
  const x = logits.values();
  const weight = weightOf(reduction, n);
  const errors = logits.errors();
  const unit = epsilon(logits.dtype);
  const rows = groups(logits.shape, 1, false).members.map((places) => ({
    places,
    ...softmaxOf(
      places.map((place) => at(x, place)),
      Math.max(...places.map((place) => at(errors, place))) / unit,
    ),
  }));
  const losses = rows.map(({ log }, i) => -at(log, at(label, i)));
  const { value, size } = sumOf(losses, logits.dtype);
  const worst = Math.max(0, ...rows.map(({ relative }) => relative));
  return compute('crossEntropy', [logits], [], logits.dtype, () => ({
    value: value * weight,
    error: unit * weight * (n * worst + (n + 8) * size) + tiny(logits.dtype),
    slopes: () =>
      rows.flatMap(({ places, p, relative }, i) =>
        places.map((place, j): Slope => {
          const hit = j === at(label, i) ? 1 : 0;
          const slope = (at(p, j) - hit) * weight;
          return { input: 0, at: place, slope, size: (at(p, j) + hit) * weight * relative };
        }),
      ),
  }));
}

/** Logarithms are held above -100, as in PyTorch. Only for probabilities from 0 to 1. */
export function binaryCrossEntropy(p: Tensor, target: Tensor, reduction: 'mean' | 'sum'): Tensor {
  requireAlike(p, target);
  const weight = weightOf(reduction, p.size);
  const [x, t] = [p.values(), target.values()];
  const log = (value: number): number => Math.max(Math.log(value), -100);
  const terms = [...x].map((each, i) => -(at(t, i) * log(each) + (1 - at(t, i)) * log(1 - each)));
  const sizes = [...x].map((each, i) => (1 + 2 * Math.abs(at(t, i))) * (1 - log(each) - log(1 - each)));
  const size = sizes.reduce((sum, each) => sum + each, 0);
  return compute('binaryCrossEntropy', [p, target], [], p.dtype, () => ({
    value: terms.reduce((sum, each) => sum + each, 0) * weight,
    error: (x.length + 8) * epsilon(p.dtype) * size * weight + tiny(p.dtype),
    slopes: () =>
      [...x].flatMap((each, i): Slope[] => {
        const divisor = Math.max(each * (1 - each), 1e-12);
        const slope = ((each - at(t, i)) / divisor) * weight;
        const other = (log(1 - each) - log(each)) * weight;
        return [
          { input: 0, at: i, slope, size: (weight * (Math.abs(each) + Math.abs(at(t, i)))) / divisor },
          { input: 1, at: i, slope: other, size: weight * (1 - log(each) - log(1 - each)) },
        ];
      }),
  }));
}

// ---- Layers ----

/** y = (x - mean) / sqrt(variance + eps) * weight + bias over the last axis. */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps: number): Tensor {
  const n = x.shape.at(-1);
  if (n !== weight.size || x.dtype !== weight.dtype) throw new Refused('layerNorm: features');
  const values = x.values();
  const off = reach(x);
  const unit = epsilon(x.dtype);
  const rows = groups(x.shape, -1, false).members.map((places) => {
    const row = places.map((place) => at(values, place));
    const mean = row.reduce((sum, each) => sum + each, 0) / n;
    const variance = row.reduce((sum, each) => sum + (each - mean) ** 2, 0) / n;
    const scale = 1 / Math.sqrt(variance + eps);
    // The mean's rounding errors are relative to the largest element; the normal values are `scale` times as far off.
    const rough = (n + 8) * (1 + Math.max(...places.map((place) => at(off, place))) * scale);
    return { places, scale, rough, normal: row.map((each) => (each - mean) * scale) };
  });
  const [w, b] = [weight.values(), bias.values()];
  return compute('layerNorm', [x, weight, bias], x.shape, x.dtype, (i) => {
    const { places, scale, rough, normal } = rows[Math.floor(i / n)] as (typeof rows)[number];
    const column = i % n;
    const [factor, y] = [at(w, column), at(normal, column)];
    const value = y * factor + at(b, column);
    return {
      value,
      error: unit * (Math.abs(factor) * rough * (1 + Math.abs(y)) + Math.abs(value)) + tiny(x.dtype),
      slopes: () => [
        ...places.map((place, j): Slope => {
          const same = j === column ? 1 : 0;
          const along = (y * at(normal, j)) / n;
          const size = Math.abs(factor) * scale * (same + 1 / n + Math.abs(along) + 2 / n) * rough;
          return { input: 0, at: place, slope: factor * scale * (same - 1 / n - along), size };
        }),
        { input: 1, at: column, slope: y, size: Math.abs(y) + rough },
        { input: 2, at: column, slope: 1, size: 1 },
      ],
    };
  });
}

/** A layer: its parameters by PyTorch's names, and its function. */
export interface Layer {
  readonly parameters: ReadonlyMap<string, Tensor>;
  forward(x: Tensor): Tensor;
}

const plain = (forward: (x: Tensor) => Tensor): Layer => ({ parameters: new Map(), forward });

export const activation = (name: UnaryName): Layer => plain((x) => unary(name, x));
export const softmaxLayer = (dim: number): Layer => plain((x) => softmax(x, dim));
export const identity = (): Layer => plain((x) => x);
/** `[n, ...]` to `[n, product of the rest]` */
export const flatten = (): Layer =>
  plain((x) => {
    if (x.shape.length === 0) throw new Refused('flatten: a scalar');
    return reshape(x, [at(x.shape, 0), views.sizeOf(x.shape.slice(1))]);
  });

/** x times a factor that is fixed for each element: 0 where it is dropped. */
export function dropout(x: Tensor, factors: readonly number[]): Tensor {
  return binary('mul', x, make(factors, x.shape, x.dtype));
}

/** y = f(x) + x */
export const residual = (inner: Layer): Layer => ({
  parameters: inner.parameters,
  forward: (x) => binary('add', inner.forward(x), x),
});

export function dense(weight: Tensor, bias: Tensor | undefined): Layer {
  const parameters = new Map(Object.entries({ weight, ...(bias && { bias }) }));
  return {
    parameters,
    forward: (x) => matmul(x, weight, bias),
  };
}

export function layerNormLayer(features: number, eps: number, dtype: DType): Layer {
  const weight = full([features], 1, dtype);
  const bias = full([features], 0, dtype);
  return {
    parameters: new Map([
      ['weight', weight],
      ['bias', bias],
    ]),
    forward: (x) => layerNorm(x, weight, bias, eps),
  };
}

/** Layers one after the other. A parameter that is in it twice is listed once, under its first name. */
export function sequential(layers: readonly Layer[]): Layer {
  const parameters = new Map<string, Tensor>();
  layers.forEach((layer, i) => {
    for (const [name, tensor] of layer.parameters) {
      if (![...parameters.values()].includes(tensor)) parameters.set(`${i}.${name}`, tensor);
    }
  });
  return { parameters, forward: (x) => layers.reduce((value, layer) => layer.forward(value), x) };
}
