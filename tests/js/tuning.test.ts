// The register tile is chosen by measurement, and changes no result.

import { describe, expect, test } from 'vitest';
import { load } from 'tinytorch-wasm';
import { runnableVariants } from './builds.js';
import { withClock } from './clock.js';

describe.each(runnableVariants())('%s', (variant) => {
  test('the first products decide; switched off, the usual tile stays; the bits are the same', async () => {
    const results = [];
    for (const tuning of [true, false]) {
      const tt = await load({ variant, threads: 1, tuning });
      tt.manualSeed(7);
      using a = tt.Tensor.randn([256, 256]);
      using b = tt.Tensor.randn([256, 256]);
      // By this clock every product takes as long, so every candidate is timed and the usual one stays.
      await withClock(1 / 64, () => {
        for (let i = 0; i < 75; ++i) tt.matmul(a, b).dispose(); // 1.2 thousand million multiply-adds
      });
      using c = tt.matmul(a, b);
      results.push({ tuned: tt.tuning(), bits: new Uint32Array(c.data().buffer) });
    }
    const [on, off] = results as [(typeof results)[0], (typeof results)[0]];
    expect(on.bits).toEqual(off.bits);
    expect([on.tuned.enabled, off.tuned.enabled]).toEqual([true, false]);
    expect(off.tuned.ms).toBe(0);
    expect(off.tuned.chosen).toEqual(on.tuned.chosen);
    if (variant === 'scalar') {
      expect(on.tuned).toMatchObject({ chosen: { float32: null, float64: null }, ms: 0 });
      return;
    }
    const { float32, float64 } = on.tuned.candidates;
    expect(float32.length).toBe(3);
    expect(float32[0]?.tile).toBe(on.tuned.chosen.float32);
    const [usual, ...others] = float32.map(({ gflops }) => gflops);
    expect(usual).toBeGreaterThan(0);
    for (const gflops of others) expect(gflops).toBe(usual);
    expect(on.tuned.ms).toBeGreaterThan(0);
    // Nothing in float64 has run, so nothing was measured for it.
    for (const { gflops } of float64) expect(gflops).toBe(0);
  });
});
