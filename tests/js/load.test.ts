// Loading: which build, from where, and what happens when it cannot be had.

import { describe, expect, test } from 'vitest';
import { InvalidArgumentError, load, LoadError, type Variant } from 'tinytorch-wasm';
import { isolated, runnableVariants } from './builds.js';

describe('which build', () => {
  test('the fastest that this engine runs, with the reason', async () => {
    const tt = await load();
    expect(tt.variant).toBe(runnableVariants().at(-1));
    expect(tt.variantReason).toMatch(/SIMD/);
    const cores = typeof navigator === 'undefined' ? tt.threads : navigator.hardwareConcurrency; // Node 20 has none
    expect(tt.threads).toBe(isolated ? cores : 1);
    expect(tt.threadsReason).not.toBe('');
  });

  test('the one that was asked for', async () => {
    const tt = await load({ variant: 'scalar' });
    expect(tt.variant).toBe('scalar');
    expect(tt.variantReason).toBe('it was asked for');
  });

  test('one that does not exist, or that this engine does not run', async () => {
    await expect(load({ variant: 'avx' as Variant })).rejects.toThrow(LoadError);
    await expect(load({ variant: 'avx' as Variant })).rejects.toThrow(
      'no variant "avx"; there are auto, scalar, simd',
    );
    if (!runnableVariants().includes('relaxed')) {
      await expect(load({ variant: 'relaxed' })).rejects.toThrow('the relaxed build needs relaxed SIMD');
    }
  });
});

describe('from where', () => {
  const home = new URL('./', new URL('../../dist/module/tinytorch-scalar.wasm', import.meta.url));

  test('a folder, given as a string or a URL', async () => {
    for (const wasmUrl of [home, home.href, home.href.replace(/\/$/, '')]) {
      expect((await load({ variant: 'scalar', wasmUrl })).variant).toBe('scalar');
    }
  });

  test('a function from file name to address', async () => {
    const asked: string[] = [];
    await load({
      variant: 'scalar',
      wasmUrl: (name) => {
        asked.push(name);
        return new URL(name, home);
      },
    });
    expect(asked.sort()).toEqual([
      'tinytorch-scalar.ladder.wasm',
      'tinytorch-scalar.models.wasm',
      'tinytorch-scalar.operations.wasm',
      'tinytorch-scalar.training.wasm',
      'tinytorch-scalar.wasm',
    ]);
  });

  test('progress is reported up to the whole of all files', async () => {
    const seen: [number, number][] = [];
    await load({ variant: 'scalar', onProgress: (loaded, total) => seen.push([loaded, total]) });
    const [loaded, total] = seen.at(-1) ?? [0, 0];
    expect(loaded).toBeGreaterThan(250_000);
    expect([0, loaded]).toContain(total);
    expect(seen.every(([part], i) => i === 0 || part >= (seen[i - 1]?.[0] ?? 0))).toBe(true);
  });

  test('a missing file is an error with the address, and loading can be tried again', async () => {
    const wasmUrl = new URL('nowhere/', home);
    const failed = await load({ variant: 'scalar', wasmUrl }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(LoadError);
    expect(String(failed)).toContain('nowhere/tinytorch-scalar.wasm');
    expect((await load({ variant: 'scalar' })).variant).toBe('scalar');
  });

  test('a file that is not WebAssembly is an error that says what it is', async () => {
    const page = new URL('../fixtures/not_wasm.html', import.meta.url);
    const failed = await load({ variant: 'scalar', wasmUrl: () => page }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(LoadError);
    expect(String(failed)).toContain('not_wasm.html');
    expect(String(failed)).toMatch(/is not WebAssembly but .*<!doctype html>/);
  });
});

describe('giving up', () => {
  test('a signal that is aborted before', async () => {
    await expect(load({ signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    await expect(load({ signal: AbortSignal.abort(new Error('no more')) })).rejects.toThrow('no more');
  });

  test('a signal that is aborted while loading', async () => {
    const controller = new AbortController();
    const loading = load({ variant: 'scalar', signal: controller.signal });
    controller.abort();
    await expect(loading).rejects.toMatchObject({ name: 'AbortError' });
    expect((await load({ variant: 'scalar' })).variant).toBe('scalar');
  });
});

test('two modules side by side do not mix', async () => {
  const [first, second] = await Promise.all([load({ variant: 'scalar' }), load()]);
  using a = first.Tensor.ones([2]);
  using b = second.Tensor.ones([2]);
  expect(a).toBeInstanceOf(first.Tensor);
  expect(a).not.toBeInstanceOf(second.Tensor);
  expect(() => a.add(b)).toThrow(InvalidArgumentError);
  expect(() => a.add(b)).toThrow('this Tensor belongs to another loaded module');
  expect(first.memory().tensors).toBe(1);
  using c = a.add(1);
  expect(c.toArray()).toEqual([2, 2]);
});

test('functions can be taken out of the object', async () => {
  const { Tensor, matmul, allclose, tidy, memory, kernels, profile } = await load();
  tidy(() => {
    const x = Tensor.eye(3);
    expect(allclose(matmul(x, x), x)).toBe(true);
    expect(profile(() => 1).result).toBe(1);
  });
  expect(kernels().length).toBe(8);
  expect(memory().tensors).toBe(0);
});
