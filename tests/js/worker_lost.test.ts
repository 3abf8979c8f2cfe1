// A worker that dies, never starts, or is refused: an error or a slower answer, and never a wait without end.

import { expect, test } from 'vitest';
import { DisposedError, load, TinyTorchError } from 'tinytorch-wasm';
import { isolated } from './builds.js';
// As a text: what the tests' server makes of imports does not run in a worker.
import brokenWorker from './broken_worker.mjs?raw';
import { withClock } from './clock.js';
import { withWorkers } from './spy_worker.js';

const variant = 'simd';
const same = (script: URL) => script;
/** A module with that text. In a page of its own origin, because a data: address has none. */
function moduleOf(text: string): URL {
  if (typeof document === 'undefined') return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
  return new URL(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })));
}
// No `await import`: messages that come meanwhile would be lost.
const broken = (fault: string) => (script: URL) => {
  const first = moduleOf(`globalThis.fault = ${JSON.stringify(fault)};\n${brokenWorker}`);
  return moduleOf(`import ${JSON.stringify(first.href)};\nimport ${JSON.stringify(script.href)};`);
};

async function expected(): Promise<Float32Array> {
  const tt = await load({ variant, threads: 1 });
  tt.manualSeed(3);
  const x = tt.Tensor.randn([400, 400]);
  const y = x.matmul(x).data();
  tt.terminate();
  return y;
}

const isSame = (a: Float32Array, b: Float32Array) => a.every((each, i) => each === b[i]);

test.runIf(isolated)('a worker that ends while it waits costs its help only', async () => {
  const bits = await expected();
  await withWorkers(same, async (started) => {
    const tt = await load({ variant, threads: 3 });
    expect(tt.threadsReason).toBe('it was asked for');
    expect(started).toHaveLength(2);
    tt.manualSeed(3);
    const x = tt.Tensor.randn([400, 400]);
    expect(isSame(x.matmul(x).data(), bits)).toBe(true);
    await started[0]?.terminate();
    for (let i = 0; i < 5; ++i) expect(isSame(x.matmul(x).data(), bits)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isSame(x.matmul(x).data(), bits)).toBe(true);
    tt.terminate();
  });
});

test.runIf(isolated)('all workers end and a product comes at once', async () => {
  const bits = await expected();
  for (let round = 0; round < 5; ++round) {
    await withWorkers(same, async (started) => {
      const tt = await load({ variant, threads: 3 });
      expect(tt.threads).toBe(3);
      tt.manualSeed(3);
      const x = tt.Tensor.randn([400, 400]);
      for (const worker of started) worker.terminate();
      try {
        expect(isSame(x.matmul(x).data(), bits)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(TinyTorchError); // one had a part in hand
      }
      tt.terminate();
    });
  }
});

test.runIf(isolated).each(['crash', 'hang'])('a worker whose part does %s', async (fault) => {
  await withWorkers(broken(fault), async (started) => {
    const tt = await load({ variant, threads: 3 });
    expect(tt.threadsReason).toBe('it was asked for');
    expect(tt.threads).toBe(3);
    const x = tt.Tensor.ones([400, 400]);
    let failed: unknown;
    // A second passes with each look at the clock: the wait is ten seconds long.
    await withClock(1000, () => {
      for (let i = 0; i < 10_000 && failed === undefined; ++i) {
        try {
          x.matmul(x).dispose();
        } catch (error) {
          failed = error;
        }
      }
    });
    expect(failed).toBeInstanceOf(TinyTorchError);
    expect(failed).toMatchObject({ name: 'TinyTorchError', code: 'internal' });
    expect(String(failed)).toContain('a worker thread died in the middle of an operation');
    expect(started.map(({ isEnded }) => isEnded)).toEqual([true, true]);
    expect(() => x.matmul(x)).toThrow(DisposedError);
    expect(() => x.data()).toThrow('a worker thread died');
    x.dispose();
    tt.terminate();
  });
});

test.runIf(isolated)('a worker that is refused by a policy', async () => {
  const refuse = () => {
    throw new Error('refused by policy');
  };
  await withWorkers(refuse, async () => {
    const tt = await load({ variant, threads: 3 });
    expect(tt.threads).toBe(1);
    expect(tt.threadsReason).toContain('refused by policy');
    expect(tt.Tensor.ones([3]).sum().item()).toBe(3);
  });
});

test.runIf(isolated)('a worker whose script cannot be had', async () => {
  await withWorkers(
    (script) => new URL('gone.js', script),
    async () => {
      const tt = await load({ variant, threads: 2 });
      expect(tt.threads).toBe(1);
      expect(tt.threadsReason).toContain('the workers could not be started');
    },
  );
});
