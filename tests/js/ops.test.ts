// Every operation against plain JavaScript in double precision.

import { describe, expect, test } from 'vitest';
import { DTypeError, InvalidArgumentError, ShapeError } from 'tinytorch-wasm';
import { build, builds } from './builds.js';
import { distance, numbers } from './oracle.js';

const TOLERANCE = { float32: 2e-6, float64: 1e-13 } as const;

const unary = {
  neg: (x: number) => -x,
  abs: Math.abs,
  exp: Math.exp,
  relu: (x: number) => Math.max(x, 0),
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
} as const;
const unaryOfPositive = { log: Math.log, sqrt: Math.sqrt } as const;
const binary = {
  add: (x: number, y: number) => x + y,
  sub: (x: number, y: number) => x - y,
  mul: (x: number, y: number) => x * y,
  div: (x: number, y: number) => x / y,
  maximum: Math.max,
} as const;

describe.each(builds())('%s', async (name) => {
  const tt = await build(name);
  const { Tensor } = tt;

  describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
    const round = dtype === 'float32' ? Math.fround : (x: number) => x;
    const values = numbers(1003, 7).map((x) => round(4 * x));
    const others = numbers(1003, 8).map((x) => round(x + (x < 0 ? -0.5 : 0.5)));

    test.each(Object.entries(unary))('%s', (name, oracle) => {
      using x = new Tensor(values, { dtype });
      using y = x[name as keyof typeof unary]();
      expect(y.dtype).toBe(dtype);
      expect(distance(y.data(), values.map(oracle))).toBeLessThan(TOLERANCE[dtype]);
    });

    test.each(Object.entries(unaryOfPositive))('%s', (name, oracle) => {
      const positive = values.map((x) => Math.abs(x) + 0.125);
      using x = new Tensor(positive, { dtype });
      using y = x[name as keyof typeof unaryOfPositive]();
      expect(
        distance(
          y.data(),
          positive.map((value) => oracle(round(value))),
        ),
      ).toBeLessThan(TOLERANCE[dtype]);
    });

    test.each(Object.entries(binary))('%s', (name, oracle) => {
      using x = new Tensor(values, { dtype });
      using y = new Tensor(others, { dtype });
      using z = x[name as keyof typeof binary](y);
      const expected = values.map((value, i) => oracle(value, others[i] as number));
      expect(distance(z.data(), expected)).toBeLessThan(TOLERANCE[dtype]);
      using byNumber = x[name as keyof typeof binary](1.5);
      expect(
        distance(
          byNumber.data(),
          values.map((value) => oracle(value, 1.5)),
        ),
      ).toBeLessThan(TOLERANCE[dtype]);
    });

    test('pow', () => {
      const positive = values.map((x) => round(Math.abs(x) + 0.125));
      using x = new Tensor(positive, { dtype });
      using y = new Tensor(others, { dtype });
      using z = x.pow(y);
      const expected = positive.map((value, i) => value ** (others[i] as number));
      expect(distance(z.data(), expected)).toBeLessThan(10 * TOLERANCE[dtype]);
      using square = x.pow(2);
      expect(
        distance(
          square.data(),
          positive.map((value) => value ** 2),
        ),
      ).toBeLessThan(TOLERANCE[dtype]);
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
