// Loading: which build, from where, and what happens when it cannot be had.

import { describe, expect, test } from 'vitest';
import { InvalidArgumentError, load, LoadError, type Variant } from 'tinytorch-wasm';
import { isolated, runnableVariants } from './builds.js';

const home = new URL('./', new URL('../../dist/tinytorch-scalar.wasm', import.meta.url));

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
    expect(asked).toEqual(['tinytorch-scalar.wasm']);
  });

  test('progress is reported up to the whole file', async () => {
    const seen: [number, number][] = [];
    await load({ variant: 'scalar', onProgress: (loaded, total) => seen.push([loaded, total]) });
    const [loaded, total] = seen.at(-1) ?? [0, 0];
    expect(loaded).toBeGreaterThan(250_000);
    expect(total).toBe(loaded);
    expect(seen.every(([, all]) => all === total)).toBe(true);
    expect(seen.every(([part], i) => i === 0 || part >= (seen[i - 1]?.[0] ?? 0))).toBe(true);
  });

  test('an onProgress that throws is an error, and loading can be tried again', async () => {
    const onProgress = () => {
      throw new Error('progress fails');
    };
    const failed = await load({ variant: 'scalar', onProgress }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(LoadError);
    expect(String(failed)).toContain('progress fails');
    expect((await load({ variant: 'scalar' })).variant).toBe('scalar');
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

  test('the start of a file that is shown ends between two characters', async () => {
    for (const filler of ['é', '€', '😀']) {
      for (let shift = 0; shift < 4; ++shift) {
        const page = `data:text/html,${encodeURIComponent('a'.repeat(shift) + filler.repeat(40))}`;
        const failed = await load({ variant: 'scalar', wasmUrl: () => page }).catch(
          (error: unknown) => error,
        );
        expect(String(failed)).toContain(filler);
        expect(String(failed)).not.toContain('\uFFFD');
      }
    }
  });
});

test('options of a wrong type', async () => {
  for (const value of [Object.create(null), Symbol('s'), {}, null, '2']) {
    await expect(load({ threads: value as number })).rejects.toThrow(InvalidArgumentError);
    await expect(load({ variant: value as Variant })).rejects.toThrow(LoadError);
  }
  const wrong = (value: unknown) => value as never;
  class Callback {}
  for (const [options, text] of [
    [null, 'load: options must be an object such as { variant: ... }, got null'],
    [wrong('simd'), 'load: options must be an object such as { variant: ... }, got "simd"'],
    [wrong({ numThreads: 2 }), 'load: there is no option "numThreads"; did you mean "threads"?'],
    [wrong({ tuning: false }), 'load: there is no option "tuning"'],
    [{ onProgress: 5 }, 'load: onProgress must be a function, got 5'],
    [{ onProgress: Callback }, 'load: onProgress must be a function, not a class, got a function'],
    [{ signal: new AbortController() }, 'load: signal must be an AbortSignal, got an AbortController'],
    [{ wasmUrl: 7 }, 'load: wasmUrl must be a string, a URL or a function, got 7'],
    [{ wasmUrl: () => null }, 'load: what wasmUrl returns must be a string or a URL, got null'],
  ] as const) {
    const failed = await load(wrong(options)).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(InvalidArgumentError);
    expect(String(failed)).toContain(text);
  }
  const nowhere = await load({ wasmUrl: 'http://[' }).catch((error: unknown) => error);
  expect(nowhere).toBeInstanceOf(LoadError);
  expect(String(nowhere)).toContain('load: wasmUrl gives no address: "http://[/"');
});

describe('a file that is not that of the build', () => {
  const file = (bytes: readonly number[], type = 'application/wasm') =>
    new URL(`data:${type};base64,${btoa(String.fromCharCode(...bytes))}`);
  const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const otherVersion = [...header, 0, 12, 8, ...new TextEncoder().encode('build_id'), 2, 0xab, 0xcd];
  const foreign = /is not tinytorch-scalar\.wasm of this package: it is another WebAssembly module/;
  const faults: [string, URL, RegExp][] = [
    ['empty', file([]), /is not WebAssembly but application\/wasm, empty/],
    ['cut off after four bytes', file(header.slice(0, 4)), /does not start/],
    ['a module without content', file(header), foreign],
    ['a module of a wrong type', file(header, 'text/plain'), foreign],
    ['cut off in a section', file([...header, 1, 50, 1]), /does not start/],
    ['of another version', file(otherVersion), /of this package: it is of another version/],
    ['of another build', new URL('tinytorch-simd.wasm', home), /it is tinytorch-simd\.wasm/],
  ];

  test.each(faults)('%s', async (_, url, text) => {
    const failed = await load({ variant: 'scalar', wasmUrl: () => url }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(LoadError);
    expect(String(failed)).toMatch(text);
    const withProgress = { variant: 'scalar', wasmUrl: () => url, onProgress: () => undefined } as const;
    const again = await load(withProgress).catch((error: unknown) => error);
    expect(String(again)).toBe(String(failed));
  });

  test('with threads it costs the threads only', async () => {
    const wasmUrl = (name: string) => new URL(name.replace('-mt', ''), home);
    const tt = await load({ variant: 'simd', threads: 2, wasmUrl });
    expect(tt.threads).toBe(1);
    if (isolated) expect(tt.threadsReason).toContain('it is tinytorch-simd.wasm');
    expect(tt.Tensor.ones([2]).sum().item()).toBe(2);
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

test('the text of an error is cut where it would be too long, between two characters', async () => {
  const tt = await load({ variant: 'scalar' });
  using model = new tt.Sequential([]);
  using x = tt.Tensor.ones([2]);
  for (const filler of ['x', 'é', '€', '😀']) {
    for (let shift = 0; shift < 4; ++shift) {
      const file = tt.writeSafetensors([[`${'a'.repeat(shift)}${filler.repeat(3000)}`, x]]);
      let text = '';
      try {
        tt.loadModel(model, file);
      } catch (error) {
        text = (error as Error).message;
      }
      expect(text).not.toContain('\uFFFD');
      expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(2048);
      expect(text).toMatch(/\.\.\./);
    }
  }
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
