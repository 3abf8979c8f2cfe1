// The matrix product, by every rung that the build has.

import { describe, expect, test } from 'vitest';
import { DTypeError, KernelError, ShapeError } from 'tinytorch-wasm';
import { build, builds, isolated } from './builds.js';
import { withClock } from './clock.js';
import { KERNELS } from '../../web/src/contract.js';
import { gamma, matmul as oracle, numbers } from './oracle.js';

const shapes = [
  [1, 1, 1],
  [1, 10, 784],
  [3, 5, 7],
  [17, 31, 13],
  [64, 10, 128],
  [65, 67, 129],
  [5, 0, 3],
  [0, 4, 3],
  [4, 3, 0],
] as const;

describe.each(builds())('%s', async (name) => {
  const tt = await build(name);
  const { Tensor } = tt;
  const available = tt.kernels().filter((kernel) => kernel.available);

  test('the ladder is listed slow to fast, with what this build has', () => {
    const names = tt.kernels().map((kernel) => kernel.name);
    expect(names).toEqual([...KERNELS]);
    const here = available.map((kernel) => kernel.name);
    const scalar = KERNELS.slice(0, KERNELS.indexOf('packed') + 1);
    const vectors = { scalar: [], simd: ['simd'], relaxed: ['simd', 'relaxed'] }[tt.variant];
    const threads = isolated && (name === 'default' || name === 'simd-mt') ? ['threaded'] : [];
    expect(here).toEqual([...scalar, ...vectors, ...threads]);
    for (const { title, summary } of tt.kernels()) {
      expect(title.length).toBeGreaterThan(3);
      expect(summary).toMatch(/\.$/);
    }
  });

  describe.each(['auto', ...available.map((kernel) => kernel.name)])('%s', (kernel) => {
    test.each(['float32', 'float64'] as const)('%s stays inside the error bound at every shape', (dtype) => {
      const round = dtype === 'float32' ? Math.fround : (x: number) => x;
      for (const [m, n, k] of shapes) {
        const a = numbers(m * k, 3).map(round);
        const b = numbers(k * n, 4).map(round);
        using x = new Tensor(a, { shape: [m, k], dtype });
        using y = new Tensor(b, { shape: [k, n], dtype });
        using z = tt.matmul(x, y, { kernel });
        expect(z.shape).toEqual([m, n]);
        expect(z.dtype).toBe(dtype);
        const { c, magnitude } = oracle(a, b, m, n, k);
        const bound = gamma(k + 1, dtype);
        const off = [...z.data()].findIndex((value, i) => {
          return !(Math.abs(value - (c[i] as number)) <= bound * (magnitude[i] as number));
        });
        expect([m, n, k, off]).toEqual([m, n, k, -1]);
      }
    });

    test('transposed operands and out', () => {
      tt.tidy(() => {
        const a = new Tensor([
          [1, 2, 3],
          [4, 5, 6],
        ]);
        const b = new Tensor([
          [1, 0, 2],
          [0, 1, 3],
        ]);
        expect(tt.matmul(a, b.transpose(), { kernel }).toArray()).toEqual([
          [7, 11],
          [16, 23],
        ]);
        const out = Tensor.zeros([3, 3]);
        expect(tt.matmul(a.transpose(), b, { kernel, out })).toBe(out);
        expect(out.toArray()).toEqual([
          [1, 4, 14],
          [2, 5, 19],
          [3, 6, 24],
        ]);
      });
    });

    test('the profile shows that this rung ran', () => {
      using a = Tensor.ones([40, 40]);
      const report = tt.profile(() => tt.matmul(a, a, { kernel }));
      report.result.dispose();
      const names = report.rows.map((row) => row.name);
      if (kernel !== 'auto') expect(names).toContain(`matmul.${kernel}`);
      else expect(names.some((name) => name.startsWith('matmul.'))).toBe(true);
    });
  });

  test('vectors and batches, as in NumPy', () => {
    tt.tidy(() => {
      const v = new Tensor([1, 2]);
      const m = new Tensor([
        [1, 2],
        [3, 4],
      ]);
      expect(v.matmul(v).toArray()).toBe(5);
      expect(m.matmul(v).toArray()).toEqual([5, 11]);
      expect(v.matmul(m).toArray()).toEqual([7, 10]);
      const batch = Tensor.ones([3, 1, 2]);
      expect(batch.matmul(m).shape).toEqual([3, 1, 2]);
      expect(batch.matmul(m).toArray()).toEqual([[[4, 6]], [[4, 6]], [[4, 6]]]);
    });
  });

  test('operands that do not fit are refused with the values', () => {
    tt.tidy(() => {
      const a = Tensor.zeros([2, 3]);
      const b = Tensor.zeros([4, 5]);
      expect(() => tt.matmul(a, b)).toThrow(ShapeError);
      expect(() => tt.matmul(a, b)).toThrow('matmul: inner dimensions differ: a is [2,3], b is [4,5]');
      expect(() => tt.matmul(a, Tensor.zeros([3, 1], { dtype: 'float64' }))).toThrow(DTypeError);
      expect(() => tt.matmul(a, a.transpose(), { out: Tensor.zeros([3, 3]) })).toThrow(ShapeError);
      const square = Tensor.zeros([2, 2]);
      expect(() => tt.matmul(square, square, { out: square })).toThrow();
    });
  });

  test('a rung that does not exist, or that this build lacks', () => {
    using a = Tensor.ones([2, 2]);
    const force = (kernel: string) => () => tt.matmul(a, a, { kernel });
    expect(force('fastest')).toThrow(KernelError);
    expect(force('fastest')).toThrow(/fastest.*naive.*reordered/);
    expect(force('fastest')).toThrow(expect.objectContaining({ code: 'unknown_kernel' }) as Error);
    for (const { name } of tt.kernels().filter((kernel) => !kernel.available)) {
      expect(force(name)).toThrow(expect.objectContaining({ code: 'kernel_unavailable' }) as Error);
      expect(force(name)).toThrow(name);
    }
    using c = tt.matmul(a, a);
    expect(c.toArray()).toEqual([
      [2, 2],
      [2, 2],
    ]);
  });
});

test('the same bits from every build that does not fuse', async () => {
  const products = [];
  for (const name of builds()) {
    const tt = await build(name);
    if (tt.variant === 'relaxed') continue;
    tt.manualSeed(7);
    using a = tt.Tensor.randn([65, 130]);
    using b = tt.Tensor.randn([130, 33]);
    using c = a.matmul(b);
    products.push(c.data());
  }
  expect(products.length).toBeGreaterThanOrEqual(2);
  for (const product of products) expect(product).toEqual(products[0]);
});

test.each(builds())('%s: the peak is a known amount of work over the time it took', async (name) => {
  const tt = await build(name);
  // By this clock each run of the loop takes a step; the loop does as much whatever the rung and type.
  const peak = (step: number, ...which: Parameters<typeof tt.peak>) =>
    withClock(step, () => tt.peak(...which));
  const once = await peak(0.5, 'float32');
  expect(once).toBeGreaterThan(0);
  expect((await peak(0.25, 'float64')) / once).toBeCloseTo(2, 5);
  for (const kernel of tt.kernels()) {
    if (kernel.available) expect((await peak(0.25, 'float32', kernel.name)) / once).toBeCloseTo(2, 5);
  }
  expect(() => tt.peak('float16' as 'float32')).toThrow(DTypeError);
});
