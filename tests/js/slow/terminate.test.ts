// The end of a module: typed errors from then on, and its memory given back.

import { describe, expect, test } from 'vitest';
import { DisposedError, load, type TinyTorch } from 'tinytorch-wasm';
import { isolated } from '../builds.js';

const collect = () => (globalThis as { gc?: () => void }).gc?.();

function everything(tt: TinyTorch) {
  const model = new tt.Sequential([new tt.Dense(3, 2), new tt.ReLU()]);
  const features = tt.Tensor.ones([4, 3]);
  const labels = new tt.Tensor([0, 1, 0, 1], { dtype: 'int32' });
  const optimizer = new tt.SGD(model.parameters(), { lr: 0.1 });
  const data = new tt.DataLoader({ features, labels }, { batchSize: 2 });
  const trainer = new tt.Trainer(model, { optimizer, data });
  return { model, features, labels, optimizer, data, trainer };
}

describe.each([1, ...(isolated ? [2] : [])])('%i threads', (threads) => {
  const variant = 'simd';

  test('after terminate() every call is a typed error at once', async () => {
    const tt = await load({ variant, threads });
    const { model, features, labels, optimizer, data, trainer } = everything(tt);
    const large = tt.Tensor.ones([300, 300]);
    large.matmul(large).dispose();
    const file = tt.saveModel(model);
    const checkpoint = trainer.checkpoint();
    tt.terminate();
    const calls: Record<string, () => unknown> = {
      product: () => large.matmul(large),
      sum: () => large.sum(),
      data: () => large.data(),
      reshape: () => large.reshape([9, 10_000]),
      fill: () => large.fill(1),
      ones: () => tt.Tensor.ones([2]),
      tensor: () => new tt.Tensor([1, 2]),
      randn: () => tt.Tensor.randn([2]),
      seed: () => tt.manualSeed(1),
      memory: () => tt.memory(),
      kernels: () => tt.kernels(),
      tuning: () => tt.tuning(),
      forward: () => model.forward(features),
      name: () => model.name,
      train: () => model.train(),
      summary: () => model.summary([1, 3]),
      dense: () => new tt.Dense(2, 2),
      step: () => optimizer.step(),
      zeroGrad: () => optimizer.zeroGrad(),
      batch: () => data.batch(0),
      trainerStep: () => trainer.step(),
      checkpoint: () => trainer.checkpoint(),
      restore: () => trainer.restore(checkpoint),
      save: () => tt.saveModel(model),
      read: () => tt.readSafetensors(file),
      loss: () => new tt.CrossEntropyLoss().forward(features, labels),
      profile: () => tt.profile(() => 1),
      noGrad: () => tt.noGrad(() => 1),
      pooled: () => tt.releasePooledMemory(),
      peak: () => tt.resetPeakMemory(),
    };
    for (const [name, call] of Object.entries(calls)) {
      expect(call, name).toThrow(DisposedError);
      expect(call, name).toThrow('this module was terminated');
    }
    await expect(tt.evaluate(model, { features, labels })).rejects.toThrow(DisposedError);
    await expect(trainer.fit()).rejects.toThrow(DisposedError);
    expect(tt.threads).toBe(0);
    for (const each of [large, features, labels, model, optimizer, data, trainer]) {
      each.dispose();
      each.dispose();
    }
    tt.terminate();
    const again = await load({ variant, threads });
    expect(again.threads).toBe(threads);
    again.terminate();
  });

  // Their memories are waited for one by one: an engine has addresses for some twenty only.
  test('twenty modules one after the other give their memory back', async () => {
    const memories = await withMemories(async () => {
      for (let i = 0; i < 20; ++i) {
        const tt = await load({ variant, threads });
        expect(tt.threads).toBe(threads);
        const { model, features } = everything(tt);
        model.forward(features).dispose();
        const x = tt.Tensor.ones([300, 300]);
        x.matmul(x);
        tt.terminate();
      }
    });
    expect(memories).toHaveLength(20);
    const alive = () => memories.filter((memory) => memory.deref() !== undefined).length;
    // One may still be held by the code that ran last.
    while (alive() > 1) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  test('loads that are given up at any stage give back what they took', async () => {
    const memories = await withMemories(async () => {
      for (let stage = 0; stage < 12; ++stage) {
        const controller = new AbortController();
        const loading = load({ variant, threads, signal: controller.signal });
        for (let turn = 0; turn < stage; ++turn) await new Promise((resolve) => setTimeout(resolve, turn));
        controller.abort();
        await loading.then(
          (tt) => tt.terminate(), // it was sooner
          (error: unknown) => expect(error).toMatchObject({ name: 'AbortError' }),
        );
      }
    });
    while (memories.filter((memory) => memory.deref() !== undefined).length > 1) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const tt = await load({ variant, threads });
    expect(tt.threads).toBe(threads);
    tt.terminate();
  });
});

/** The memories that were made while `block` ran. */
async function withMemories(block: () => Promise<void>): Promise<WeakRef<WebAssembly.Memory>[]> {
  const { Memory } = WebAssembly;
  const made: WeakRef<WebAssembly.Memory>[] = [];
  WebAssembly.Memory = new Proxy(Memory, {
    construct(target, [descriptor]: [WebAssembly.MemoryDescriptor]) {
      const memory = new target(descriptor);
      if (descriptor.initial > 1) made.push(new WeakRef(memory));
      return memory;
    },
  });
  try {
    await block();
  } finally {
    WebAssembly.Memory = Memory;
  }
  return made;
}
