// What a product is said to do, and the tile that can be forced: it changes no result.

import { describe, expect, test } from 'vitest';
import { InvalidArgumentError, KernelError, load, ShapeError } from 'tinytorch-wasm';
import { build, builds, isolated, runnableVariants } from './builds.js';

describe.each(builds())('%s', (name) => {
  test('explain names rung, ways and bytes, and computes nothing', async () => {
    const tt = await build(name);
    using a = tt.Tensor.ones([500, 300]);
    using b = tt.Tensor.ones([300, 600]);
    const before = tt.memory();
    const text = tt.explain(a, b);
    expect(tt.memory().tensors).toBe(before.tensors);
    expect(text).toMatch(/^\[500,300\] \. \[300,600\], float32: 180\.0 million operations\nrung \w+: /);
    expect(text).toMatch(/\nscratch: (none|\d.* bytes)\n$/);
    if (tt.threads > 1) expect(text).toContain(`for ${tt.threads} threads`);
    else expect(text).toContain('one thread');
    for (const { name: kernel, available } of tt.kernels()) {
      if (available) expect(tt.explain(a, b, { kernel })).toContain(`rung ${kernel}: `);
      else expect(() => tt.explain(a, b, { kernel })).toThrow(KernelError);
    }
    expect(() => tt.explain(b, a)).toThrow(ShapeError);
    expect(() => tt.explain(b, a, { rung: 'naive' } as object)).toThrow('explain: there is no option "rung"');
    expect(() => tt.explain(a, 3 as never)).toThrow(InvalidArgumentError);
  });

  test('a batch is one plan', async () => {
    const tt = await build(name);
    using a = tt.Tensor.randn([40, 20, 30]);
    using b = tt.Tensor.randn([40, 30, 10]);
    expect(tt.explain(a, b)).toContain('a batch of 40 products');
    using all = a.matmul(b);
    for (const i of [0, 17, 39]) {
      tt.tidy(() => {
        const one = a
          .slice(0, i, i + 1)
          .reshape([20, 30])
          .matmul(b.slice(0, i, i + 1).reshape([30, 10]));
        expect(all.slice(0, i, i + 1).data()).toEqual(one.data());
      });
    }
  });
});

describe.each(runnableVariants())('%s', (variant) => {
  const rows = { scalar: [2, 3], simd: [3, 4, 5], relaxed: [4, 5, 6, 7, 8] }[variant];

  test.each([1, ...(isolated && variant !== 'scalar' ? [2] : [])])(
    'every tile gives the same bits, %i threads',
    async (threads) => {
      const tt = await load({ variant, threads });
      tt.manualSeed(7);
      const x = tt.Tensor.randn([131, 530]);
      const w = tt.Tensor.randn([530, 601]);
      const usual = x.matmul(w).data();
      const told = tt.explain(x, w);
      for (const packsA of [false, true]) {
        for (const height of rows) {
          tt.setTile({ rows: height, packsA });
          expect(tt.explain(x, w)).toContain(`tiles of ${height} rows`);
          expect(
            x
              .matmul(w)
              .data()
              .every((value, i) => value === usual[i]),
          ).toBe(true);
        }
      }
      tt.setTile();
      expect(tt.explain(x, w)).toBe(told);
      for (const wrong of [Math.min(...rows) - 1, Math.max(...rows) + 1, 1000]) {
        expect(() => tt.setTile({ rows: wrong })).toThrow(InvalidArgumentError);
        expect(() => tt.setTile({ rows: wrong })).toThrow('tiles of');
      }
      expect(() => tt.setTile({ rows: 1.5 })).toThrow('setTile: rows');
      expect(() => tt.setTile({ rows: 4, packs: true } as never)).toThrow(
        'setTile: there is no option "packs"',
      );
      expect(tt.explain(x, w)).toBe(told);
      tt.terminate();
    },
  );
});
