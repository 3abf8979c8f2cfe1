// Reductions, softmax and the matrix product: everything that sums.

import { compute, type Element, type Slope } from './autograd.js';
import {
  at,
  axisOf,
  broadcast,
  type DType,
  epsilon,
  flat,
  indices,
  isFloating,
  largest,
  make,
} from './tensor.js';
import { Refused, type Shape, Tensor, tiny } from './tensor.js';

/** A multiple of 1/64 below 2^17, which every dtype holds, and of which double holds the product of two. */
const isPlain = (value: number): boolean => Number.isInteger(value * 64) && Math.abs(value) < 2 ** 17;

/**
 * A sum, and how far one in any order may be from it: (n - 1) roundings of at most the sum of the sizes. It is exact
 * where all partial sums are: for multiples of 1/64 whose sizes add up to less than 2^17. It may be anything where a part
 * of it may be larger than the dtype's numbers. `areExact`: whether the terms are, which may be products.
 */
export function sumOf(
  terms: readonly number[],
  dtype: DType,
  areExact = true,
): { value: number; size: number; error: number } {
  let [value, size, finite] = [0, 0, 0];
  let isExact = areExact;
  for (const term of terms) {
    value += term;
    size += Math.abs(term);
    if (Number.isFinite(term)) finite += Math.abs(term);
    isExact &&= isPlain(term);
  }
  if (isExact && size < 2 ** 17) return { value, size, error: 0 };
  const error = finite > largest(dtype) ? Infinity : terms.length * epsilon(dtype) * size + tiny(dtype);
  return { value, size, error };
}

/**
 * For each element of a reduction's result, the places of the elements that it is made of. A tensor without axes counts
 * as one of a single element.
 */
export function groups(shape: Shape, dim: number | undefined, keepdim: boolean) {
  if (shape.length === 0 && (dim === 0 || dim === -1)) return { members: [[0]], shape: [] as Shape };
  const axis = dim === undefined ? -1 : axisOf(dim, shape);
  const isGone = (i: number): boolean => dim === undefined || i === axis;
  const kept = shape.map((size, i) => (isGone(i) ? 1 : size));
  const members: number[][] = indices(kept).map(() => []);
  indices(shape).forEach((index, i) => members[flat(kept, index)]?.push(i));
  return { members, shape: keepdim ? kept : shape.filter((_, i) => !isGone(i)) };
}

function requireFloating(a: Tensor): void {
  if (!isFloating(a.dtype)) throw new Refused(`dtype ${a.dtype}`);
}

function along(a: Tensor, name: string, dim: number | undefined, keepdim: boolean) {
  requireFloating(a);
  const found = groups(a.shape, dim, keepdim);
  const x = a.values();
  return (element: (places: readonly number[], values: readonly number[]) => Element): Tensor =>
    compute(name, [a], found.shape, a.dtype, (i) => {
      const places = found.members[i] as number[];
      return element(
        places,
        places.map((place) => at(x, place)),
      );
    });
}

export function sum(a: Tensor, dim?: number, keepdim = false): Tensor {
  return along(
    a,
    'sum',
    dim,
    keepdim,
  )((places, values) => ({
    ...sumOf(values, a.dtype),
    slopes: () => places.map((place) => ({ input: 0, at: place, slope: 1, size: 1 })),
  }));
}

export function mean(a: Tensor, dim?: number, keepdim = false): Tensor {
  return along(
    a,
    'mean',
    dim,
    keepdim,
  )((places, values) => {
    const total = sumOf(values, a.dtype);
    const slope = 1 / values.length;
    const value = total.value / values.length;
    return {
      value,
      error: total.error === 0 ? 0 : total.error * slope + epsilon(a.dtype) * Math.abs(value),
      slopes: () => places.map((place) => ({ input: 0, at: place, slope, size: slope })),
    };
  });
}

/** The place of the largest, the first of equals; the first NaN wins. */
function placeOfLargest(values: readonly number[]): number {
  if (values.length === 0) throw new Refused('max: no elements');
  const nan = values.findIndex(Number.isNaN);
  return nan >= 0 ? nan : values.indexOf(values.reduce((most, value) => (value > most ? value : most)));
}

/** Over one axis the gradient goes to the first of equals, over all elements in equal shares, as in PyTorch. */
export function max(a: Tensor, dim?: number, keepdim = false): Tensor {
  return along(
    a,
    'max',
    dim,
    keepdim,
  )((places, values) => {
    const first = placeOfLargest(values);
    const value = at(values, first);
    const chosen =
      dim === undefined
        ? places.filter((_, i) => Object.is(at(values, i) + 0, value + 0))
        : [at(places, first)];
    const slope = 1 / chosen.length;
    return { value, error: 0, slopes: () => chosen.map((to) => ({ input: 0, at: to, slope, size: 1 })) };
  });
}

export function argmax(a: Tensor, dim?: number, keepdim = false): Tensor {
  requireFloating(a);
  const { members, shape } = groups(a.shape, dim, keepdim);
  const x = a.values();
  return make(
    members.map((places) => placeOfLargest(places.map((place) => at(x, place)))),
    shape,
    'int32',
  );
}

/**
 * exp(x - max) / sum of them, and the logarithm of that; `relative` is the error of the former in roundings, where
 * the values may be `off` as many roundings.
 */
export function softmaxOf(values: readonly number[], off = 0) {
  const highest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - highest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  const spread = Math.min(highest - Math.min(...values), 800);
  return {
    p: powers.map((power) => power / total),
    log: values.map((value) => value - highest - Math.log(total)),
    relative: values.length + 8 + 2 * spread + 2 * off,
  };
}

function softmaxLike(name: 'softmax' | 'logSoftmax', a: Tensor, dim: number): Tensor {
  requireFloating(a);
  const { members } = groups(a.shape, dim, true);
  const [x, errors, eps] = [a.values(), a.errors(), epsilon(a.dtype)];
  const isLog = name === 'logSoftmax';
  const rows = members.map((places) => {
    const values = places.map((place) => at(x, place));
    return { places, ...softmaxOf(values, Math.max(...places.map((place) => at(errors, place))) / eps) };
  });
  const rowOf: { row: (typeof rows)[number]; i: number }[] = [];
  for (const row of rows) row.places.forEach((place, i) => (rowOf[place] = { row, i }));
  return compute(name, [a], a.shape, a.dtype, (place) => {
    const { row, i } = rowOf[place] as (typeof rowOf)[number];
    const value = at(isLog ? row.log : row.p, i);
    const scale = isLog ? 1 : value;
    return {
      value,
      error: eps * (row.relative * scale + Math.abs(value)) + tiny(a.dtype),
      slopes: (): Slope[] =>
        row.places.map((to, j) => {
          const same = i === j ? 1 : 0;
          const p = at(row.p, j);
          return { input: 0, at: to, slope: scale * (same - p), size: scale * (same + p) * row.relative };
        }),
    };
  });
}

export const softmax = (a: Tensor, dim = -1): Tensor => softmaxLike('softmax', a, dim);
export const logSoftmax = (a: Tensor, dim = -1): Tensor => softmaxLike('logSoftmax', a, dim);

/**
 * NumPy's matmul: leading axes broadcast, a vector is a row on the left and a column on the right. The bias, [n], is one
 * more term of each sum.
 */
export function matmul(a: Tensor, b: Tensor, bias?: Tensor): Tensor {
  requireFloating(a);
  if (a.dtype !== b.dtype) throw new Refused('matmul: dtypes differ');
  if (a.shape.length === 0 || b.shape.length === 0) throw new Refused('matmul: a scalar');
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  const [m, k, n] = [at(left, left.length - 2), at(left, left.length - 1), at(right, right.length - 1)];
  if (at(right, right.length - 2) !== k) throw new Refused('matmul: inner dimensions differ');
  const batch = broadcast(left.slice(0, -2), right.slice(0, -2));
  const shape = [...batch, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])];
  const [x, y, z] = [a.values(), b.values(), bias?.values()];
  const [reachX, reachY] = [reach(a), reach(b)];
  const every = indices([...batch, m, n]);
  const inputs = bias ? [a, b, bias] : [a, b];
  return compute('matmul', inputs, shape, a.dtype, (i) => {
    const index = every[i] as number[];
    const lead = index.slice(0, -2);
    const [row, column] = [at(index, index.length - 2), at(index, index.length - 1)];
    // Where the row of a begins, and the column of b: its next element is n further.
    const [first, top] = [flat(left, [...lead, row, 0]), flat(right, [...lead, 0, column])];
    const terms: number[] = [];
    let areExact = true;
    for (let p = 0; p < k; ++p) {
      const [xp, yp] = [at(x, first + p), at(y, top + p * n)];
      areExact &&= isPlain(xp) && isPlain(yp);
      terms.push(xp * yp);
    }
    if (z) terms.push(at(z, column));
    return {
      ...sumOf(terms, a.dtype, areExact),
      slopes: () => {
        const slopes: Slope[] = z ? [{ input: 2, at: column, slope: 1, size: 1 }] : [];
        for (let p = 0; p < k; ++p) {
          const [from, to] = [first + p, top + p * n];
          slopes.push({ input: 0, at: from, slope: at(y, to), size: at(reachY, to) });
          slopes.push({ input: 1, at: to, slope: at(x, from), size: at(reachX, from) });
        }
        return slopes;
      },
    };
  });
}

/** |x|, and more where x itself is not exact: what an error of a product with x is relative to. */
export function reach(a: Tensor): Float64Array {
  const errors = a.errors();
  return a.values().map((value, i) => Math.abs(value) + at(errors, i) / epsilon(a.dtype));
}
