// Elementwise operations by their textbook formulas, with PyTorch's derivatives at the corners.

import { compute, type Slope } from './autograd.js';
import type { BINARY_OPERATIONS, UNARY_OPERATIONS } from './table.js';
import { at, broadcast, epsilon, flat, indices, isFloating, Refused, Tensor, tiny } from './tensor.js';

const SQRT_2PI = Math.sqrt(2 * Math.PI);

/** exp(-x^2 / 2), with the digits that rounding x^2 loses. */
function bell(x: number): number {
  const high = Math.fround(x);
  return Math.exp((-high * high) / 2) * Math.exp((-(x - high) * (x + high)) / 2);
}

/** The normal distribution: the probability above x >= 0, by erfc's continued fraction, near 0 by erf's power series. */
function tail(x: number): number {
  const t = x / Math.SQRT2;
  if (t > 0.5) {
    let fraction = 0;
    for (let i = t > 3 ? 50 : t > 1 ? 300 : 1000; i > 0; --i) fraction = i / 2 / (t + fraction);
    return bell(x) / (t + fraction) / Math.sqrt(Math.PI) / 2;
  }
  let sum = 0;
  let term = t;
  for (let n = 0; n < 20; ++n) {
    sum += term / (2 * n + 1);
    term *= (-t * t) / (n + 1);
  }
  return 0.5 - sum / Math.sqrt(Math.PI);
}

/** The normal distribution: the probability below x. */
export function normalCdf(x: number): number {
  return x < 0 ? tail(-x) : 1 - tail(x);
}

interface Curve {
  value(x: number): number;
  /** How many units in the last place the library promises to stay within; 0 for what IEEE 754 rounds rightly. */
  ulps: number;
  slope(x: number, y: number): number;
  /** What the slope's rounding errors are relative to, where that is more than the slope. */
  size?(x: number, y: number): number;
  /** A bound of the second derivative, for operands that are not exact; Infinity at a kink. */
  bend(x: number, y: number, error: number): number;
}

const kink = (x: number, _y: number, error: number): number => (Math.abs(x) <= error ? Infinity : 0);

export const UNARY = {
  neg: { value: (x) => -x, ulps: 0, slope: () => -1, bend: () => 0 },
  abs: { value: Math.abs, ulps: 0, slope: (x) => (x > 0 ? 1 : x < 0 ? -1 : 0), bend: kink },
  // Passes its gradient at NaN, as in PyTorch.
  relu: { value: (x) => (x < 0 ? 0 : x), ulps: 0, slope: (x) => (x <= 0 ? 0 : 1), bend: kink },
  sqrt: { value: Math.sqrt, ulps: 0, slope: (_, y) => 1 / (2 * y), bend: (_, y) => 1 / (2 * y) ** 3 },
  exp: { value: Math.exp, ulps: 2, slope: (_, y) => y, bend: (_, y) => y },
  log: { value: Math.log, ulps: 2, slope: (x) => 1 / x, bend: (x) => 1 / x ** 2 },
  sigmoid: {
    value: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
    ulps: 4,
    slope: (_, y) => y * (1 - y),
    size: (_, y) => y,
    bend: () => 0.1,
  },
  tanh: { value: Math.tanh, ulps: 3, slope: (_, y) => 1 - y * y, size: (_, y) => 1 + y * y, bend: () => 1 },
  gelu: {
    value: (x) => (x === -Infinity ? -0 : x * normalCdf(x)),
    ulps: 10, // the 6 that are promised, and what the reference is off itself
    slope: (x) => normalCdf(x) + (x * bell(x)) / SQRT_2PI,
    size: (x) => 2 + Math.abs(x) ** 3 * bell(x),
    bend: () => 1,
  },
} satisfies Record<keyof typeof UNARY_OPERATIONS, Curve>;
export type UnaryName = keyof typeof UNARY;

function requireFloating(...operands: Tensor[]): void {
  if (!operands.every(({ dtype }) => isFloating(dtype) && dtype === operands[0]?.dtype)) {
    throw new Refused(`dtypes ${operands.map(({ dtype }) => dtype).join()}`);
  }
}

export function unary(name: UnaryName, a: Tensor): Tensor {
  requireFloating(a);
  const curve: Curve = UNARY[name];
  const [x, errors, eps] = [a.values(), a.errors(), epsilon(a.dtype)];
  return compute(name, [a], a.shape, a.dtype, (i) => {
    const [from, off] = [at(x, i), at(errors, i)];
    const value = curve.value(from);
    return {
      value,
      error: curve.ulps === 0 ? 0 : curve.ulps * eps * Math.abs(value) + tiny(a.dtype),
      slopes: () => {
        const slope = curve.slope(from, value);
        const size = Math.max(Math.abs(slope), curve.size?.(from, value) ?? 0);
        return [{ input: 0, at: i, slope, size: size + (off && (curve.bend(from, value, off) * off) / eps) }];
      },
    };
  });
}

interface Operator {
  value(x: number, y: number): number;
  ulps: number;
  slopes(x: number, y: number, value: number): [number, number];
  sizes?(x: number, y: number, value: number): [number, number];
}

export const BINARY = {
  add: { value: (x, y) => x + y, ulps: 0, slopes: () => [1, 1] },
  sub: { value: (x, y) => x - y, ulps: 0, slopes: () => [1, -1] },
  mul: { value: (x, y) => x * y, ulps: 0, slopes: (x, y) => [y, x] },
  div: { value: (x, y) => x / y, ulps: 0, slopes: (_, y, value) => [1 / y, -value / y] },
  pow: {
    value: (x, y) => (x === 1 ? 1 : x ** y),
    ulps: 2,
    slopes: (x, y, value) => [
      y === 0 ? 0 : y * (x === 1 ? 1 : x ** (y - 1)),
      x === 0 && y >= 0 ? 0 : value * Math.log(x),
    ],
    sizes: (x, y, value) => [Math.abs(y * x ** (y - 1)), Math.abs(value) * (1 + Math.abs(Math.log(x)))],
  },
  // Of equals, half the gradient to each; of NaN, all of it to both.
  maximum: {
    value: (x, y) => Math.max(x, y),
    ulps: 0,
    slopes: (x, y) => (x === y ? [0.5, 0.5] : [x <= y ? 0 : 1, y <= x ? 0 : 1]),
  },
} satisfies Record<keyof typeof BINARY_OPERATIONS, Operator>;
export type BinaryName = keyof typeof BINARY;

export function binary(name: BinaryName, a: Tensor, b: Tensor): Tensor {
  requireFloating(a, b);
  const operator: Operator = BINARY[name];
  const shape = broadcast(a.shape, b.shape);
  const places = indices(shape).map((index) => [flat(a.shape, index), flat(b.shape, index)] as const);
  const [x, y, eps] = [a.values(), b.values(), epsilon(a.dtype)];
  return compute(name, [a, b], shape, a.dtype, (i) => {
    const [p, q] = places[i] as readonly [number, number];
    const [left, right] = [at(x, p), at(y, q)];
    const value = operator.value(left, right);
    return {
      value,
      error: operator.ulps === 0 ? 0 : operator.ulps * eps * Math.abs(value) + tiny(a.dtype),
      slopes: (): Slope[] => {
        const slopes = operator.slopes(left, right, value);
        const sizes = operator.sizes?.(left, right, value) ?? slopes;
        return [p, q].map((place, input) => {
          const slope = at(slopes, input);
          return { input, at: place, slope, size: Math.max(Math.abs(slope), at(sizes, input)) };
        });
      },
    };
  });
}
