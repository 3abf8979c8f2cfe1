// The end of a module: typed errors from then on, and its memory given back.

import { describe, expect, test } from 'vitest';
import { DisposedError, load, type TinyTorch } from 'tinytorch-wasm';
import { PAGE_LIMIT } from '../limits.js';
import { isolated } from './builds.js';
import { withWorkers } from './spy_worker.js';

const variant = 'simd';
const { gc } = globalThis as { gc?: () => void };

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
      explain: () => tt.explain(large, large),
      forward: () => model.forward(features),
      name: () => model.name,
      train: () => model.train(),
      summary: () => model.summary([1, 3]),
      Dense: () => new tt.Dense(2, 2),
      ReLU: () => new tt.ReLU(),
      Sigmoid: () => new tt.Sigmoid(),
      Tanh: () => new tt.Tanh(),
      GELU: () => new tt.GELU(),
      Softmax: () => new tt.Softmax(),
      Dropout: () => new tt.Dropout(),
      LayerNorm: () => new tt.LayerNorm(3),
      Flatten: () => new tt.Flatten(),
      Sequential: () => new tt.Sequential([]),
      SGD: () => new tt.SGD([features], { lr: 0.1 }),
      Adam: () => new tt.Adam([features]),
      AdamW: () => new tt.AdamW([features]),
      DataLoader: () => new tt.DataLoader({ features, labels }),
      Trainer: () => new tt.Trainer(model, { optimizer, data }),
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
      threads: () => tt.setThreads(1),
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

  test('in the middle of what takes several turns', async () => {
    const tt = await load({ variant, threads });
    const { model, features, labels, trainer } = everything(tt);
    const profiled = tt.profile(() => trainer.fit({ onBatch: () => tt.terminate() }));
    await expect(profiled).rejects.toThrow(DisposedError);
    const next = await load({ variant, threads });
    const evaluated = next.evaluate(model, { features, labels });
    await expect(evaluated).rejects.toThrow('belongs to another loaded module');
    next.terminate();
  });

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
    await collected(memories);
  });

  test('a module lets go of its memory, whatever of it is still held', async () => {
    const held: { tt: TinyTorch; things: unknown }[] = [];
    const memories = await withMemories(async () => {
      for (let i = 0; i < 3; ++i) {
        const tt = await load({ variant, threads });
        held.push({ tt, things: { ...everything(tt), add: tt.Tensor.prototype.add, ReLU: tt.ReLU } });
        tt.terminate();
      }
    });
    expect(memories).toHaveLength(3);
    await collected(memories);
    for (const { tt } of held) expect(() => tt.memory()).toThrow(DisposedError);
  });

  test('a load() that is given up at any stage gives back what it took', async () => {
    (await load({ variant, threads })).terminate(); // what is compiled once for all modules
    let stages = 0;
    const memories = await withMemories(async () => {
      while (await isGivenUp(stages, threads)) ++stages;
    });
    expect(stages).toBeGreaterThan(5);
    await collected(memories);
    const tt = await load({ variant, threads });
    expect(tt.threads).toBe(threads);
    tt.terminate();
  });
});

/** Waits until the garbage collector has found all of them. */
async function collected(memories: readonly WeakRef<WebAssembly.Memory>[]): Promise<void> {
  expect(gc).toBeTypeOf('function');
  const alive = () => {
    gc?.();
    return memories.filter((memory) => memory.deref() !== undefined).length;
  };
  await expect
    .poll(alive, { message: 'memories that are still alive', timeout: PAGE_LIMIT, interval: 20 })
    .toBe(0);
}

/** The memories of modules that were made while `block` ran. */
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

/**
 * Loads a module and gives it up at the stage of that number. A stage is when a function that loading needs is called,
 * and when its promise is fulfilled. False where there are fewer stages.
 */
async function isGivenUp(stage: number, threads: number): Promise<boolean> {
  const controller = new AbortController();
  const { signal } = controller;
  let next = 0;
  const pass = () => {
    if (next++ === stage) controller.abort();
  };
  const undo = ['compile', 'instantiate', 'Memory', 'Instance'].map((name) => watch(name, pass));
  try {
    await withWorkers(
      (script) => (pass(), script),
      async (started) => {
        const failed = await load({ variant, threads, signal, onProgress: pass }).then(
          (tt) => tt.terminate(),
          (error: unknown) => error,
        );
        if (signal.aborted) expect(failed, `stage ${stage}`).toMatchObject({ name: 'AbortError' });
        else expect(failed).toBe(undefined);
        for (const { isEnded } of started) expect(isEnded, `a worker of stage ${stage}`).toBe(true);
      },
    );
  } finally {
    for (const each of undo) each();
  }
  return signal.aborted;
}

type Callable = (...args: unknown[]) => unknown;

/** Calls `pass` when that function of WebAssembly is called, and when what it gave is there. Returns what undoes it. */
function watch(name: string, pass: () => void): () => void {
  const holder = WebAssembly as unknown as Record<string, Callable>;
  const original = holder[name] as Callable;
  holder[name] = new Proxy(original, {
    apply(target, self, args: unknown[]) {
      pass();
      const result = Reflect.apply(target, self, args);
      return result instanceof Promise ? result.then((value: unknown) => (pass(), value)) : result;
    },
    construct(target, args) {
      pass();
      return Reflect.construct(target, args) as object;
    },
  });
  return () => (holder[name] = original);
}
