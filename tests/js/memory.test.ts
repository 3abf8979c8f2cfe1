// Nothing is lost: counts and bytes return to where they were.

import { describe, expect, test } from 'vitest';
import { InvalidArgumentError, load, OutOfMemoryError, OverflowError } from 'tinytorch-wasm';
import { build, builds } from './builds.js';

describe.each(builds())('%s', async (name) => {
  const tt = await build(name);
  const { Tensor, Dense, ReLU, Sequential } = tt;
  const live = () => ({ tensors: tt.memory().tensors, bytes: tt.memory().bytes });

  test('memory() counts tensors and bytes', () => {
    const before = live();
    const x = Tensor.zeros([1000], { dtype: 'float64' });
    const view = x.reshape([10, 100]);
    const { tensors, bytes, heapBytes, peakBytes } = tt.memory();
    expect(tensors).toBe(before.tensors + 2);
    expect(bytes - before.bytes).toBeGreaterThanOrEqual(8000);
    expect(bytes - before.bytes).toBeLessThan(8200);
    expect(peakBytes).toBeGreaterThanOrEqual(bytes);
    expect(heapBytes).toBeGreaterThan(bytes);
    x.dispose();
    expect(view.toArray()).toHaveLength(10);
    view.dispose();
    expect(live()).toEqual(before);
  });

  test('using disposes at the end of the block, also when it throws', () => {
    const before = live();
    expect(() => {
      using x = Tensor.zeros([10]);
      using y = x.add(1);
      throw new Error(String(y.sum().dispose()));
    }).toThrow('undefined');
    expect(live()).toEqual(before);
  });

  test('tidy frees everything but its result', () => {
    const before = live();
    const { sum, list } = tt.tidy(() => {
      const x = Tensor.ones([10]);
      const y = x.add(1).mul(2);
      tt.tidy(() => y.exp());
      return { sum: y.sum(), list: [x.neg(), new Map([['a', x.abs()]])] as const };
    });
    expect(tt.memory().tensors).toBe(before.tensors + 3);
    expect(sum.item()).toBe(40);
    const rest = [sum, list[0], list[1].get('a')];
    for (const each of rest) each?.dispose();
    expect(live()).toEqual(before);
  });

  test('tidy frees when the block throws, and what an inner one kept', () => {
    const before = live();
    expect(() =>
      tt.tidy(() => {
        const kept = tt.tidy(() => Tensor.ones([10]).add(1));
        kept.reshape([3, 3]);
      }),
    ).toThrow(/reshape/);
    expect(live()).toEqual(before);
  });

  test('tidy keeps a returned model with its layers', () => {
    const before = live();
    const model = tt.tidy(() => new Sequential([new Dense(3, 2), new ReLU()]));
    using x = Tensor.ones([1, 3]);
    model.forward(x).dispose();
    x.dispose();
    model.dispose();
    tt.tidy(() => new Dense(3, 2).weight.shape);
    expect(live()).toEqual(before);
  });

  test('tidy refuses a block that is asynchronous', () => {
    expect(() => tt.tidy(() => Promise.resolve(1))).toThrow(InvalidArgumentError);
  });

  test('parameters live as long as their layer, not as the tidy that asked first', () => {
    using layer = new Dense(2, 2);
    tt.tidy(() => layer.weight);
    expect(layer.weight.shape).toEqual([2, 2]);
  });

  test('a mistake leaves nothing behind', () => {
    const before = live();
    for (let i = 0; i < 10_000; ++i) {
      expect(() => new Tensor([[1], [1, 2]])).toThrow();
      using a = Tensor.zeros([2, 3]);
      expect(() => a.matmul(a)).toThrow();
    }
    expect(live()).toEqual(before);
  });

  test('steady work does not grow the memory', () => {
    using model = new Sequential([new Dense(784, 256), new ReLU(), new Dense(256, 10)]);
    using x = Tensor.randn([64, 784]);
    for (let i = 0; i < 20; ++i) model.forward(x).dispose();
    const before = tt.memory();
    for (let i = 0; i < 200; ++i) model.forward(x).dispose();
    expect(tt.memory()).toEqual(before);
  });

  test('pooled buffers can be given back, and the peak starts again', () => {
    Tensor.zeros([1_000_000]).dispose();
    tt.releasePooledMemory();
    tt.resetPeakMemory();
    const { pooledBytes, peakBytes, bytes } = tt.memory();
    expect(pooledBytes).toBe(0);
    expect(peakBytes).toBe(bytes);
  });

  test('a size that overflows is an error with the shape, and the library works on', () => {
    for (const shape of [[2 ** 16, 2 ** 16], [2 ** 31, 4], [2 ** 40], [2 ** 52, 2 ** 52, 2 ** 52]]) {
      expect(() => Tensor.zeros(shape)).toThrow(OverflowError);
    }
    expect(() => Tensor.zeros([65536, 65536])).toThrow('[65536,65536]');
    using one = Tensor.ones([1]);
    expect(() => one.expand([2 ** 40])).toThrow(OverflowError);
    expect(one.item()).toBe(1);
  });
});

// Without a limit of its own a module grows to 4 GB, which takes a while: once. 256 MB each are 16 of them.
test.each([
  ['as it is loaded by default', () => build('default'), 2 ** 26],
  ['with a limit', () => load({ variant: 'scalar', maxHeapBytes: 2 ** 28 }), 2 ** 22],
])('%s: out of memory is an error, and the library works on', async (_, start, size) => {
  const tt = await start();
  const { Tensor } = tt;
  const before = tt.memory();
  const held = [];
  let error: unknown;
  try {
    for (let i = 0; i < 20; ++i) held.push(Tensor.zeros([size]));
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(OutOfMemoryError);
  expect(String(error)).toContain(`[${size}]`);
  using still = Tensor.ones([3]);
  expect(still.add(1).toArray()).toEqual([2, 2, 2]);
  expect(held.length).toBeGreaterThan(2);
  for (const each of held) each.dispose();
  tt.releasePooledMemory();
  using again = Tensor.zeros([size]);
  expect(again.size).toBe(size);
  again.dispose();
  tt.releasePooledMemory();
  expect(tt.memory().tensors).toBeLessThanOrEqual(before.tensors + 2);
});

test.each(['default', 'scalar'] as const)(
  '%s: what is dropped is freed by the garbage collector',
  async (name) => {
    const collect = (globalThis as { gc?: () => void }).gc;
    expect(collect).toBeTypeOf('function');
    const tt = await build(name);
    const before = tt.memory();
    (() => {
      for (let i = 0; i < 100; ++i) tt.Tensor.zeros([1000]);
      for (let i = 0; i < 10; ++i) new tt.Dense(100, 100);
    })();
    expect(tt.memory().tensors).toBe(before.tensors + 100);
    for (let i = 0; i < 100 && tt.memory().bytes > before.bytes; ++i) {
      collect?.();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(tt.memory().tensors).toBeLessThanOrEqual(before.tensors);
    expect(tt.memory().bytes).toBeLessThanOrEqual(before.bytes);
  },
);
