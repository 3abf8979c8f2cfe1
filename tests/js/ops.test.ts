// Every operation against plain JavaScript in double precision.

import { describe, expect, test } from 'vitest';
import { DTypeError, InvalidArgumentError, ShapeError } from 'tinytorch-wasm';
import { build, builds } from './builds.js';
import { distance, numbers } from './oracle.js';
import { BINARY, UNARY } from '../reference/elementwise.js';
import { BINARY_OPERATIONS, UNARY_OPERATIONS } from '../reference/table.js';
import { epsilon } from '../reference/tensor.js';

const TOLERANCE = { float32: 2e-6, float64: 1e-13 } as const;

/** Every one within the bound that the reference states for it; 0 where IEEE 754 rounds it. */
function expectClose(
  actual: ArrayLike<number>,
  expected: readonly number[],
  ulps: number,
  dtype: 'float32' | 'float64',
): void {
  for (const [i, value] of expected.entries()) {
    const rounded = dtype === 'float32' ? Math.fround(value) : value;
    const off = Math.abs((actual[i] as number) - rounded);
    if (!Object.is(actual[i], rounded) && !(off <= ulps * epsilon(dtype) * Math.abs(value)))
      expect.fail(`element ${i} is ${actual[i]}, not ${rounded} to ${ulps} ulp`);
  }
  expect(actual).toHaveLength(expected.length);
}

describe.each(builds())('%s', async (name) => {
  const tt = await build(name);
  const { Tensor } = tt;

  describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
    const round = dtype === 'float32' ? Math.fround : (x: number) => x;
    const values = numbers(1003, 7).map((x) => round(4 * x));

    /** Operands between the bounds in which the table says that the operation is smooth. */
    const between = ({ lowest, highest }: { lowest: number; highest: number }, seed: number) =>
      Array.from(numbers(1003, seed), (x) => round(lowest + ((x + 1) / 2) * (highest - lowest)));

    test.each(Object.keys(UNARY_OPERATIONS) as (keyof typeof UNARY_OPERATIONS)[])('%s', (name) => {
      const operands = between(UNARY_OPERATIONS[name], 9);
      const { value, ulps } = UNARY[name];
      using x = new Tensor(operands, { dtype });
      using y = x[name]();
      expect(y.dtype).toBe(dtype);
      expectClose(y.data(), operands.map(value), ulps, dtype);
    });

    test.each(Object.keys(BINARY_OPERATIONS) as (keyof typeof BINARY_OPERATIONS)[])('%s', (name) => {
      const left = between(BINARY_OPERATIONS[name], 10);
      const right = between(BINARY_OPERATIONS[name], 11);
      const { value, ulps } = BINARY[name];
      using x = new Tensor(left, { dtype });
      using y = new Tensor(right, { dtype });
      using z = x[name](y);
      const each = (b: (i: number) => number) => left.map((a, i) => value(a, b(i)));
      expectClose(
        z.data(),
        each((i) => right[i] as number),
        ulps,
        dtype,
      );
      for (const number of [1.5, 2]) {
        using byNumber = x[name](number);
        expectClose(
          byNumber.data(),
          each(() => number),
          ulps,
          dtype,
        );
      }
    });

    test('sum, mean, max and argmax, over everything and along an axis', () => {
      tt.tidy(() => {
        const x = new Tensor(values.subarray(0, 1000), { dtype, shape: [10, 100] });
        const rows = Array.from({ length: 10 }, (_, i) =>
          Array.from(values.subarray(100 * i, 100 * i + 100)),
        );
        const total = (row: number[]): number => row.reduce((sum, value) => sum + value, 0);
        const tolerance = 20 * TOLERANCE[dtype];
        expect(distance([x.sum().item()], [total(rows.flat())])).toBeLessThan(50 * tolerance);
        expect(distance([x.mean().item()], [total(rows.flat()) / 1000])).toBeLessThan(tolerance);
        expect(x.max().item()).toBe(Math.max(...rows.flat()));
        expect(distance(x.sum({ dim: 1 }).data(), rows.map(total))).toBeLessThan(tolerance);
        const columns = rows[0]?.map((_, j) => total(rows.map((row) => row[j] as number))) ?? [];
        expect(distance(x.sum({ dim: 0 }).data(), columns)).toBeLessThan(tolerance);
        expect(x.sum({ dim: -1, keepdim: true }).shape).toEqual([10, 1]);
        expect(x.sum({ keepdim: true }).shape).toEqual([1, 1]);
        expect(Array.from(x.max({ dim: 1 }).data())).toEqual(rows.map((row) => Math.max(...row)));
        const places = x.argmax({ dim: 1 });
        expect(places.dtype).toBe('int32');
        expect(Array.from(places.data())).toEqual(rows.map((row) => row.indexOf(Math.max(...row))));
        expect(x.argmax().item()).toBe(rows.flat().indexOf(Math.max(...rows.flat())));
      });
    });

    test('softmax and its logarithm', () => {
      tt.tidy(() => {
        const x = new Tensor(values.subarray(0, 30), { dtype, shape: [3, 10] });
        const expected: number[] = [];
        for (let i = 0; i < 3; ++i) {
          const exps = Array.from(values.subarray(10 * i, 10 * i + 10), Math.exp);
          const sum = exps.reduce((a, b) => a + b);
          expected.push(...exps.map((value) => value / sum));
        }
        expect(distance(x.softmax().data(), expected)).toBeLessThan(TOLERANCE[dtype]);
        expect(distance(x.logSoftmax(-1).data(), expected.map(Math.log))).toBeLessThan(4 * TOLERANCE[dtype]);
        const large = new Tensor([1000, 1000], { dtype });
        expect(Array.from(large.softmax(0).data())).toEqual([0.5, 0.5]);
      });
    });

    test('operands broadcast', () => {
      tt.tidy(() => {
        const column = new Tensor([[1], [2]], { dtype });
        const row = new Tensor([10, 20, 30], { dtype });
        expect(column.add(row).toArray()).toEqual([
          [11, 21, 31],
          [12, 22, 32],
        ]);
      });
    });
  });

  test('out is written and returned', () => {
    tt.tidy(() => {
      const x = new Tensor([1, 4, 9]);
      const out = Tensor.zeros([3]);
      expect(x.sqrt({ out })).toBe(out);
      expect(out.toArray()).toEqual([1, 2, 3]);
      expect(x.add(1, { out: x })).toBe(x);
      expect(x.toArray()).toEqual([2, 5, 10]);
      expect(() => x.add(x, { out: Tensor.zeros([2]) })).toThrow(ShapeError);
    });
  });

  test('NaN and infinity go through', () => {
    tt.tidy(() => {
      const x = new Tensor([NaN, Infinity, -Infinity]);
      expect(x.relu().toArray()).toEqual([NaN, Infinity, 0]);
      expect(x.exp().toArray()).toEqual([NaN, Infinity, 0]);
      expect(x.max().item()).toBeNaN();
    });
  });

  test('allclose and maxAbsDiff', () => {
    tt.tidy(() => {
      const x = new Tensor([1, 2]);
      const y = new Tensor([1, 2.001]);
      expect(tt.allclose(x, x)).toBe(true);
      expect(tt.allclose(x, y)).toBe(false);
      expect(tt.allclose(x, y, { rtol: 1e-2 })).toBe(true);
      expect(tt.allclose(x, y, { rtol: 0, atol: 0.01 })).toBe(true);
      expect(tt.allclose(new Tensor([NaN]), new Tensor([NaN]))).toBe(false);
      expect(tt.maxAbsDiff(x, y)).toBeCloseTo(0.001, 6);
      expect(() => tt.allclose(x, Tensor.zeros([3]))).toThrow(ShapeError);
    });
  });

  test('operands that do not fit are refused with the values', () => {
    tt.tidy(() => {
      const x = Tensor.zeros([2, 3]);
      expect(() => x.add(Tensor.zeros([2, 4]))).toThrow(ShapeError);
      expect(() => x.add(Tensor.zeros([2, 4]))).toThrow(/\[2,3\].*\[2,4\]/);
      expect(() => x.add(Tensor.zeros([3], { dtype: 'float64' }))).toThrow(DTypeError);
      expect(() => x.sum({ dim: 2 })).toThrow(InvalidArgumentError);
      expect(() => x.softmax(5)).toThrow(InvalidArgumentError);
      expect(() => Tensor.zeros([0]).max()).toThrow(ShapeError);
      expect(() => x.add('1' as unknown as number)).toThrow('add: expected a Tensor, got "1"');
      expect(() => x.add({} as unknown as number)).toThrow('add: expected a Tensor, got an Object');
      expect(() => x.add(undefined as unknown as number)).toThrow(InvalidArgumentError);
    });
  });
});
