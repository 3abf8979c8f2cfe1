// The profile: what ran, how often, and where the time went.

import { expect, test } from 'vitest';
import { TinyTorchError } from 'tinytorch-wasm';
import { build, runnableVariants } from './builds.js';

const variant = runnableVariants().at(-1) ?? 'scalar';
const tt = await build(variant);
const { Tensor, Dense, ReLU, Sequential } = tt;

test('the naive network spends its time in the naive product', () => {
  using model = new Sequential([
    new Dense(784, 256),
    new ReLU(),
    new Dense(256, 128),
    new ReLU(),
    new Dense(128, 10),
  ]);
  model.setKernel('naive');
  using x = Tensor.randn([64, 784]);
  model.forward(x).dispose(); // the first pass is slower beside the products: code is compiled, buffers are made
  const report = tt.profile(() => model.forward(x));
  expect(report.result.shape).toEqual([64, 10]);
  report.result.dispose();
  const [first] = report.rows;
  expect(first?.name).toBe('matmul.naive');
  expect(first?.calls).toBe(3);
  expect(first?.share).toBeGreaterThan(0.9);
  expect(first?.flops).toBe(2 * 64 * (784 * 256 + 256 * 128 + 128 * 10));
  expect(first?.gflops).toBeCloseTo((first?.flops ?? 0) / (first?.totalMs ?? 1) / 1e6, 6);
  expect(first?.msPerCall).toBeCloseTo((first?.totalMs ?? 0) / 3, 9);
  const dense = report.rows.find((row) => row.name === 'Dense(784, 256)');
  expect(dense?.calls).toBe(1);
  expect(dense?.totalMs).toBeGreaterThan(dense?.selfMs ?? 0);
  expect(report.rows.reduce((sum, row) => sum + row.share, 0)).toBeLessThanOrEqual(1 + 1e-9);
  expect(report.wallMs).toBeGreaterThanOrEqual(first?.totalMs ?? 0);
});

test('an asynchronous block is timed until it has finished', async () => {
  const report = await tt.profile(async () => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    Tensor.ones([8, 8]).dispose();
    return 'done';
  });
  expect(report.result).toBe('done');
  expect(report.wallMs).toBeGreaterThan(20);
});

test('a block that throws, or whose promise is rejected, ends the profile', async () => {
  expect(() =>
    tt.profile(() => {
      throw new Error('mine');
    }),
  ).toThrow('mine');
  await expect(tt.profile(() => Promise.reject(new Error('later')))).rejects.toThrow('later');
  expect(tt.profile(() => 1).result).toBe(1);
});

test('a profile within a profile is refused', () => {
  expect(() => tt.profile(() => tt.profile(() => 1))).toThrow(TinyTorchError);
  expect(tt.profile(() => 2).result).toBe(2);
});
