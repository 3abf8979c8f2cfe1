// Threads: used where they can be, explained where they cannot, and the same bits either way.

import { expect, test } from 'vitest';
import { InvalidArgumentError, load } from 'tinytorch-wasm';
import { isolated, runnableVariants } from './builds.js';

const vectorVariants = runnableVariants().filter((variant) => variant !== 'scalar');

test.runIf(isolated).each(vectorVariants)(
  '%s: as many threads as asked for, the same bits',
  async (variant) => {
    const single = await load({ variant, threads: 1 });
    const tt = await load({ variant, threads: 3 });
    expect(tt.threads).toBe(3);
    expect(tt.threadsReason).toBe('it was asked for');
    const product = (lib: typeof tt) => {
      lib.manualSeed(11);
      return lib.tidy(() => {
        const x = lib.Tensor.randn([300, 500]);
        return x
          .matmul(lib.Tensor.randn([500, 257]))
          .sigmoid()
          .data();
      });
    };
    const expected = product(single);
    for (const count of [3, 2, 1]) {
      tt.setThreads(count);
      expect(tt.threads).toBe(count);
      expect(product(tt)).toEqual(expected);
    }
    expect(() => tt.setThreads(4)).toThrow(InvalidArgumentError);
    expect(() => tt.setThreads(0)).toThrow('a whole number from 1 to 3');
    tt.terminate();
  },
);

test.runIf(isolated)('errors, growth and large arrays work with threads', async () => {
  const tt = await load({ variant: 'simd', threads: 2 });
  const { Tensor } = tt;
  using small = Tensor.ones([2, 3]);
  expect(() => small.matmul(small)).toThrow('matmul: inner dimensions differ: a is [2,3], b is [2,3]');
  expect(() => Tensor.zeros([2 ** 16, 2 ** 16])).toThrow('[65536,65536]');
  const { heapBytes } = tt.memory();
  using large = Tensor.full([20_000_000], 0.5);
  expect(tt.memory().heapBytes).toBeGreaterThan(heapBytes);
  expect(large.sum().item()).toBe(10_000_000);
  const copy = large.data();
  expect(copy.buffer).toBeInstanceOf(ArrayBuffer);
  expect(copy.at(-1)).toBe(0.5);
  expect(tt.kernels()[0]?.name).toBe('naive');
  tt.terminate();
});

test.runIf(isolated)('one thread for each core, unless told otherwise', async () => {
  const tt = await load();
  expect(tt.threads).toBeGreaterThan(1);
  expect(tt.threadsReason).toBe('one for each core of this machine');
  tt.terminate();
});

test.skipIf(isolated)('a page that is not isolated gets one thread and the reason', async () => {
  const tt = await load({ threads: 4 });
  expect(tt.threads).toBe(1);
  expect(tt.threadsReason).toContain('not cross-origin isolated');
});

test('one thread, when it was asked for or the build has no more', async () => {
  expect((await load({ threads: 1 })).threadsReason).toBe('it was asked for');
  const scalar = await load({ variant: 'scalar', threads: 2 });
  expect(scalar.threads).toBe(1);
  expect(scalar.threadsReason).not.toBe('');
  for (const threads of [0, -1, 1.5, NaN]) {
    await expect(load({ threads })).rejects.toThrow(InvalidArgumentError);
  }
});

test('a missing file of the build with threads costs the threads only', async () => {
  const home = new URL('./', new URL('../../dist/tinytorch-simd.wasm', import.meta.url));
  const tt = await load({
    variant: 'simd',
    threads: 2,
    wasmUrl: (name) => new URL(name.replace('-mt', '-mt-gone'), home),
  });
  expect(tt.threads).toBe(1);
  if (isolated) expect(tt.threadsReason).toContain('tinytorch-simd-mt-gone.wasm');
});
