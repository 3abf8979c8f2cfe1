// The profile: what ran, how often, and where the time went. By a clock of the test's own: nothing here depends on how
// busy the machine is.

import { describe, expect, test } from 'vitest';
import { TinyTorchError } from 'tinytorch-wasm';
import { build, builds } from './builds.js';
import { withClock } from './clock.js';

describe.each(builds())('%s', async (name) => {
  const tt = await build(name);
  const { Tensor, Dense, ReLU, Sequential } = tt;

  test('a network is its layers and their products', async () => {
    using model = new Sequential([
      new Dense(784, 256),
      new ReLU(),
      new Dense(256, 128),
      new ReLU(),
      new Dense(128, 10),
    ]);
    model.setKernel('naive');
    using x = Tensor.randn([64, 784]);
    const report = await withClock(1, () => tt.profile(() => model.forward(x)));
    expect(report.result.shape).toEqual([64, 10]);
    report.result.dispose();
    // Each ReLU is part of the layer before it.
    const calls = Object.fromEntries(report.rows.map((row) => [row.name, row.calls]));
    expect(calls).toMatchObject({
      'matmul.naive': 3,
      'Dense(784, 256)': 1,
      'Dense(256, 128)': 1,
      'Dense(128, 10)': 1,
    });
    const row = (which: string) => report.rows.find((each) => each.name === which);
    expect(row('matmul.naive')?.flops).toBe(2 * 64 * (784 * 256 + 256 * 128 + 128 * 10));
    // A layer reads the clock when it begins and ends, and its product does so in between.
    const [dense, product] = [row('Dense(784, 256)'), row('matmul.naive')];
    expect(dense?.totalMs).toBeGreaterThan(dense?.selfMs ?? Infinity);
    expect(dense?.totalMs).toBeGreaterThan((product?.totalMs ?? Infinity) / 3);
    for (const each of report.rows) {
      expect(each.share).toBeCloseTo(each.selfMs / report.wallMs, 12);
      expect(each.msPerCall).toBeCloseTo(each.totalMs / each.calls, 9);
      expect(each.gflops * each.totalMs * 1e6).toBeCloseTo(each.flops, 3);
    }
    const self = report.rows.map((each) => each.selfMs);
    expect(self).toEqual([...self].sort((a, b) => b - a));
    expect(self.reduce((sum, ms) => sum + ms)).toBeLessThan(report.wallMs);
  });

  test('an asynchronous block is timed until it has finished', async () => {
    const report = await withClock(0.001, (advance) =>
      tt.profile(async () => {
        advance(10);
        await Promise.resolve();
        advance(20);
        const x = Tensor.ones([8, 8]);
        tt.matmul(x, x, { kernel: 'naive' }).dispose();
        x.dispose();
        return 'done';
      }),
    );
    expect(report.result).toBe('done');
    expect(report.wallMs).toBeGreaterThanOrEqual(30);
    expect(report.rows.map((each) => each.name)).toContain('matmul.naive');
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
});
