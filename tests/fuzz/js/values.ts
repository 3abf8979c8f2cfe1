// Shapes, numbers and tensors out of the small numbers that a program consists of.

import type { DType } from 'tinytorch-wasm';
import { isFloating, sizeOf, type Shape } from '../../reference/tensor.js';

export const DTYPES: readonly DType[] = ['float32', 'float64', 'int32', 'uint8'];

/** Mostly float32; now and then the others. */
export function dtypeOf(n: number): DType {
  return choose(['float32', 'float32', 'float32', 'float64', 'float64', 'float32', 'int32', 'uint8'], n);
}
export function floatingOf(n: number): DType {
  return n % 3 === 2 ? 'float64' : 'float32';
}

/** Whether a number asks for what is tried only once in `every` times. 0, to which programs shrink, does not. */
export function rarely(n: number, every: number): boolean {
  return n % every === every - 1;
}

export function choose<T>(list: readonly T[], n: number): T {
  return list[n % list.length] as T;
}

/** What threads, tails of vectors and panels of products meet: operations of one pass are divided from 65,536 on. */
const LARGE: readonly Shape[] = [
  [9001],
  [33, 65],
  [130, 17],
  [5, 70, 9],
  [1, 1027],
  [64, 64],
  [3, 1, 301],
  [257, 8],
  [100, 90],
  [258, 256],
];
const SIZES = [1, 2, 3, 4, 5, 2, 1, 3, 7, 0];

export function shapeOf(n: number): Shape {
  if (n % 16 === 15) return choose(LARGE, n >> 4);
  const rank = choose([2, 1, 2, 3, 2, 1, 3, 0, 4], n);
  return Array.from({ length: rank }, (_, axis) => choose(SIZES, (n >> (3 * axis + 1)) + axis));
}

/** A whole number from 0 to 65535 for each place, the same for the same seed. */
function hash(seed: number, i: number): number {
  let h = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return (h ^ (h >>> 13)) & 0xffff;
}

const SPECIAL = [NaN, Infinity, -Infinity, -0, 0, 1, -1, 1e-30, 1e20, -1e20];

/** Numbers of one kind: quarters, which most operations handle exactly, few values with many ties, any, or special ones. */
export function numbers(seed: number, shape: Shape, dtype: DType): number[] {
  const kind = seed % 12;
  return Array.from({ length: sizeOf(shape) }, (_, i) => {
    const h = hash(seed, i);
    if (dtype === 'uint8') return h % 256;
    if (!isFloating(dtype)) return (h % 11) - 3;
    if (kind === 11) return choose(SPECIAL, h);
    if (kind >= 9) return h / 65536;
    const any = kind >= 5 ? (h - 32768) / 8192 : kind >= 2 ? (h % 3) - 1 : ((h % 33) - 16) / 4;
    return dtype === 'float32' ? Math.fround(any) : any;
  });
}
