// The library in a worker (tinytorch-wasm/worker), and inside one file (tinytorch-wasm/embedded).

import { afterAll, describe, expect, test } from 'vitest';
import { load, type TinyTorch } from 'tinytorch-wasm';
import { InvalidArgumentError as EmbeddedError, load as loadEmbedded } from 'tinytorch-wasm/embedded';
import {
  DisposedError,
  InvalidArgumentError,
  KernelError,
  loadInWorker,
  LoadError,
  type RemoteTinyTorch,
  ShapeError,
} from 'tinytorch-wasm/worker';
import { isolated } from './builds.js';

let here: TinyTorch;
let tt: RemoteTinyTorch;
const loaded = Promise.all([load(), loadInWorker()]).then(
  ([first, second]) => ((here = first), (tt = second)),
);
afterAll(() => {
  here.terminate();
  tt.terminate();
});

/** Batches of so many of `count` random rows. */
async function makeLoader(count: number, batchSize: number) {
  const features = await tt.Tensor.rand([count, 3]);
  const labels = await tt.Tensor.zeros([count], { dtype: 'int32' });
  return new tt.DataLoader({ features, labels }, { batchSize });
}

describe('in a worker', () => {
  test('the build and its reasons are known at once', async () => {
    await loaded;
    expect(tt.variant).toBe(here.variant);
    expect(tt.threads).toBe(here.threads);
    expect(tt.threads > 1).toBe(isolated && here.threads > 1);
    expect(tt.threadsReason).toBe(here.threadsReason);
  });

  test('training gives the same bits as here', async () => {
    await loaded;
    here.manualSeed(5);
    const model = new here.Sequential([new here.Dense(6, 9), new here.Tanh(), new here.Dense(9, 2)]);
    const optimizer = new here.Adam(model.parameters(), { lr: 0.01 });
    const x = here.Tensor.randn([20, 6]);
    const target = here.Tensor.randn([20, 2]);
    const loss = new here.MSELoss();
    const expected: number[] = [];
    for (let step = 0; step < 4; ++step) {
      const off = loss.forward(model.forward(x), target);
      expected.push(off.item());
      optimizer.zeroGrad();
      off.backward();
      optimizer.step();
    }

    await tt.manualSeed(5);
    const layers = [await new tt.Dense(6, 9), await new tt.Tanh(), await new tt.Dense(9, 2)];
    const other = await new tt.Sequential(layers);
    const otherOptimizer = await new tt.Adam(await other.parameters(), { lr: 0.01 });
    const otherX = await tt.Tensor.randn([20, 6]);
    const otherTarget = await tt.Tensor.randn([20, 2]);
    const otherLoss = await new tt.MSELoss();
    for (const value of expected) {
      const off = await otherLoss.forward(await other.forward(otherX), otherTarget);
      expect(await off.item()).toBe(value);
      await otherOptimizer.zeroGrad();
      await off.backward();
      await otherOptimizer.step();
    }
  });

  test('properties, options that hold tensors, results that hold some', async () => {
    await loaded;
    const x = await new tt.Tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(await x.shape).toEqual([2, 2]);
    const out = await tt.Tensor.zeros([2, 2]);
    await x.add(x, { out });
    expect(Array.from(await out.data())).toEqual([2, 4, 6, 8]);
    const file = await tt.writeSafetensors([['x', x]], [['made', 'here']]);
    const { tensors, metadata } = await tt.readSafetensors(file);
    expect(metadata.get('made')).toBe('here');
    expect(await tensors.get('x')?.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('a data loader can be iterated over', async () => {
    await loaded;
    const loader = await makeLoader(10, 4);
    const shapes: unknown[] = [];
    for await (const batch of loader) shapes.push(await batch.features.shape);
    expect(shapes).toEqual([
      [4, 3],
      [4, 3],
      [2, 3],
    ]);
  });

  test('callbacks are called, and a signal stops the work', async () => {
    await loaded;
    const loader = await makeLoader(64, 8);
    const model = await new tt.Dense(3, 2);
    const optimizer = await new tt.SGD(await model.parameters(), { lr: 0.1 });
    const trainer = await new tt.Trainer(model, { optimizer, data: loader, epochs: 100_000 });
    const stop = new AbortController();
    const steps: number[] = [];
    const running = trainer.fit({
      signal: stop.signal,
      onBatch: ({ steps: done }) => {
        steps.push(done);
        if (done === 2) stop.abort();
      },
    });
    const stopped: unknown = await running.catch((error: unknown) => error);
    expect(stopped).toBe(stop.signal.reason);
    expect(steps.slice(0, 2)).toEqual([1, 2]);
    const enough = new Error('enough');
    await expect(
      trainer.fit({
        onBatch: () => {
          throw enough;
        },
      }),
    ).rejects.toBe(enough);
  });

  test('arrays are copied there, handed over where that is asked for, and handed over back', async () => {
    await loaded;
    const mine = new Float32Array(1000).fill(2);
    const first = await new tt.Tensor(mine);
    expect(mine).toHaveLength(1000);
    const second = await new tt.Tensor(tt.transfer(mine));
    expect(mine).toHaveLength(0);
    expect(await (await first.add(second)).data()).toEqual(new Float32Array(1000).fill(4));
  });

  test('errors are those of the library', async () => {
    await loaded;
    const x = await tt.Tensor.ones([2, 3]);
    await expect(x.matmul(x)).rejects.toThrow(ShapeError);
    await expect(x.matmul(x)).rejects.toThrow('inner dimensions differ');
    await expect(tt.matmul(x, await x.transpose(), { kernel: 'none' })).rejects.toThrow(KernelError);
    await expect(x.sum({ dim: 0.5 })).rejects.toThrow(InvalidArgumentError);
    await expect(tt.matmul(x, 5 as never)).rejects.toThrow(InvalidArgumentError);
    await expect(loadInWorker({ wasmUrl: 'http://localhost:1/' })).rejects.toThrow(LoadError);
    const other = await loadInWorker({ variant: 'scalar' });
    const y = await other.Tensor.ones([2, 3]);
    await expect(tt.maxAbsDiff(y, y)).rejects.toThrow('belongs to another worker');
    other.terminate();
    await expect(y.data()).rejects.toThrow(DisposedError);
  });

  test('disposing twice is harmless, use after it an error', async () => {
    await loaded;
    const x = await tt.Tensor.ones([2, 3]);
    const y = await tt.Tensor.ones([2, 3]);
    await x.dispose();
    await x.dispose();
    expect(await x.isDisposed).toBe(true);
    await expect(x.data()).rejects.toThrow(DisposedError);
    await expect(y.add(x)).rejects.toThrow(DisposedError);
    const layer = await new tt.Dense(2, 2);
    await (layer as unknown as { weight: { dispose(): Promise<void> } }).weight
      .dispose()
      .catch(() => undefined);
    expect(await layer.inFeatures).toBe(2); // it is still known
    const short = await loadInWorker({ variant: 'scalar' });
    const z = await short.Tensor.ones([2]);
    const disposing = (await short.Tensor.ones([2])).dispose();
    short.terminate();
    await disposing;
    expect(short.threads).toBe(0);
    await z.dispose();
  });

  test('properties are set by a call', async () => {
    await loaded;
    const x = await tt.Tensor.ones([2]);
    expect(() => Object.assign(x, { requiresGrad: true })).toThrow('await tt.set');
    await tt.set(x, 'requiresGrad', true);
    expect(await x.requiresGrad).toBe(true);
    await expect(tt.set(x, 'nothing', 1)).rejects.toThrow('no property nothing');
  });

  test('arguments that cannot cross are refused before anything is sent', async () => {
    await loaded;
    const x = await tt.Tensor.ones([2]);
    await expect(x.add(tt.Tensor.ones([2]) as never)).rejects.toThrow('await it first');
    await expect(x.add(x.grad as never)).rejects.toThrow('await it first');
    const circle: unknown[] = [];
    circle.push(circle);
    await expect(new tt.Tensor(circle as never)).rejects.toThrow(InvalidArgumentError);
    class Odd {
      readonly f = () => 1;
    }
    await expect(x.add(new Odd() as never)).rejects.toThrow(InvalidArgumentError);
    const array = tt.transfer(new Float32Array([1, 2]));
    await new tt.Tensor(array);
    await expect(new tt.Tensor(array)).rejects.toThrow('handed over');
    expect(() => JSON.stringify({ x })).toThrow('await its toArray()');
    expect(`${x as unknown as string}`).toContain('remote object');
    const { noGrad } = tt as unknown as { noGrad(block: () => unknown): Promise<unknown> };
    await expect(noGrad(() => 1)).rejects.toThrow('load() has it');
    await expect(loadInWorker(null as never)).rejects.toThrow(InvalidArgumentError);
    await expect(loadInWorker({ signal: 5 } as never)).rejects.toThrow(InvalidArgumentError);
    await expect(loadInWorker({ wasmUrl: (name: string) => name } as never)).rejects.toThrow('wasmUrl');
    await expect(loadInWorker({ wasmUrl: 'http://[' })).rejects.toThrow(LoadError);
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    await expect(x.add(proxy as never)).rejects.toThrow('revoked');
  });

  test('leaving a loop over batches early leaves nothing behind', async () => {
    await loaded;
    const loader = await makeLoader(10, 4);
    const before = await tt.memory();
    for (let again = 0; again < 5; ++again)
      for await (const batch of loader) {
        await batch.features.dispose();
        await batch.labels.dispose();
        break;
      }
    expect((await tt.memory()).tensors).toBe(before.tensors);
  });

  test('what is pending when the worker ends is rejected', async () => {
    const short = await loadInWorker({ variant: 'simd', threads: 1 });
    const x = await short.Tensor.randn([700, 700]);
    const pending = [x.matmul(x), x.matmul(x), x.shape];
    short.terminate();
    for (const each of await Promise.allSettled(pending)) expect(each).toMatchObject({ status: 'rejected' });
    await expect(short.memory()).rejects.toThrow(DisposedError);
  });

  test('loading tells its progress and can be given up', async () => {
    const told: number[] = [];
    const other = await loadInWorker({
      variant: 'simd',
      threads: 1,
      onProgress: (bytes) => told.push(bytes),
    });
    expect(told.at(-1)).toBeGreaterThan(100_000);
    other.terminate();
    const stop = new AbortController();
    const loading = loadInWorker({ signal: stop.signal });
    stop.abort();
    await expect(loading).rejects.toMatchObject({ name: 'AbortError' });
    await expect(loadInWorker({ signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('embedded', () => {
  test('gives the same bits, with one thread', async () => {
    await loaded;
    const [plain, embedded] = await Promise.all([
      load({ variant: 'simd' }),
      loadEmbedded({ variant: 'simd' }),
    ]);
    expect(embedded.threads).toBe(1);
    expect(embedded.threadsReason).toContain('embedded');
    const results = [plain, embedded].map((each) => {
      each.manualSeed(3);
      const x = each.Tensor.randn([33, 17]);
      return x.matmul(x.transpose()).softmax().data();
    });
    expect(results[1]).toEqual(results[0]);
    embedded.terminate();
    plain.terminate();
  });

  test('a build that it lacks, an option that it has not', async () => {
    await expect(loadEmbedded({ variant: 'scalar' })).rejects.toThrow('tinytorch-wasm/embedded has no');
    await expect(loadEmbedded({ wasmUrl: '/' } as never)).rejects.toThrow(EmbeddedError);
  });
});
