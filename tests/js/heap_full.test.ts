// A module whose memory is used up, to a different level each time: an OutOfMemoryError or the right answer, nothing
// lost, and afterwards the same bits as before.

import { beforeAll, describe, expect, test } from 'vitest';
import { load, OutOfMemoryError, type Tensor, type TinyTorch } from 'tinytorch-wasm';
import { isolated } from './builds.js';

const LIMIT = 24 * 1024 * 1024;
const long = 'x'.repeat(5000); // longer than any buffer that a text could fit into by chance

function network(tt: TinyTorch) {
  tt.manualSeed(7);
  const features = tt.Tensor.randn([64, 50]);
  const labels = new tt.Tensor(
    Array.from({ length: 64 }, (_, i) => i % 10),
    { dtype: 'int32' },
  );
  const model = new tt.Sequential([new tt.Dense(50, 40), new tt.ReLU(), new tt.Dense(40, 10)]);
  const optimizer = new tt.Adam(model.parameters(), { lr: 0.01 });
  const data = new tt.DataLoader({ features, labels }, { batchSize: 16 });
  const trainer = new tt.Trainer(model, { optimizer, data, epochs: 1000 });
  return { features, labels, model, optimizer, data, trainer };
}

/** All free memory but about `spare` bytes, as tensors. */
function fill(tt: TinyTorch, spare: number): Tensor[] {
  const held: Tensor[] = [];
  tt.releasePooledMemory();
  for (let size = 1 << 20; size >= 16;) {
    try {
      held.push(tt.Tensor.zeros([size], { dtype: 'uint8' }));
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      size >>= 1;
    }
  }
  for (let freed = 0; freed < spare && held.length > 0;) {
    const last = held.pop() as Tensor;
    freed += last.size;
    last.dispose();
  }
  tt.releasePooledMemory();
  return held;
}

/** Calls what must throw an error with that text. Throws where it is of another kind, lack of memory included. */
function refused(call: () => unknown, text: string): void {
  let error: unknown;
  try {
    call();
  } catch (caught) {
    error = caught;
  }
  if (error instanceof OutOfMemoryError) throw error;
  expect(String(error)).toContain(text);
}

describe.each([1, ...(isolated ? [2] : [])])('%i threads', (threads) => {
  let tt: TinyTorch;
  beforeAll(async () => {
    tt = await load({ variant: 'simd', threads, maxHeapBytes: LIMIT });
    return () => tt.terminate();
  });

  test('the memory stays below its limit', () => {
    expect(() => tt.Tensor.zeros([LIMIT])).toThrow(OutOfMemoryError);
    expect(tt.memory().heapBytes).toBeLessThanOrEqual(LIMIT);
  });

  const calls: Record<string, (net: ReturnType<typeof network>) => unknown> = {
    ones: () => tt.Tensor.ones([100, 100]).dispose(),
    fromArray: () => new tt.Tensor([[1, 2]]).dispose(),
    product: ({ features }) => {
      using columns = features.transpose();
      using y = features.matmul(columns);
      return y.data();
    },
    forward: ({ model, features }) => {
      using y = model.forward(features);
      return y.data();
    },
    backward: ({ model, features }) => {
      try {
        using y = model.forward(features);
        using loss = y.sum();
        loss.backward();
      } finally {
        tt.tidy(() => model.parameters().forEach((each) => (each.grad = undefined)));
      }
    },
    layer: () => new tt.Dense(20, 20).dispose(),
    parameters: ({ model }) => expect(model.parameters()).toHaveLength(4),
    // A new model, whose parameters nobody has asked for.
    firstParameters: () => {
      const model = new tt.Sequential([new tt.Dense(3, 2), new tt.Dense(2, 3)]);
      try {
        for (let i = 0; i < 2; ++i) {
          try {
            expect([...model.namedParameters().keys()]).toHaveLength(4);
          } catch (error) {
            if (!(error instanceof OutOfMemoryError)) throw error;
          }
        }
      } finally {
        model.dispose();
      }
    },
    save: ({ model }) => tt.saveModel(model, [[long, long]]),
    saveText: ({ features }) => tt.writeSafetensors([[long, features]]),
    summary: ({ model }) => model.summary([64, 50]),
    stats: ({ model }) => model.gradientStats(),
    names: ({ model }) => [model.name, tt.kernels()],
    unknownKernel: ({ model }) => refused(() => model.setKernel(long as 'auto'), 'no kernel is called'),
    batch: ({ data }) => {
      const { features, labels } = data.batch(0);
      features.dispose();
      labels.dispose();
    },
    profile: ({ features }) => tt.profile(() => features.sum().dispose()),
    checkpoint: ({ trainer }) => trainer.checkpoint(),
    optimizer: ({ model }) => new tt.AdamW(model.parameters(), { lr: 0.1 }).dispose(),
    explain: ({ features }) => {
      using columns = features.transpose();
      return tt.explain(features, columns);
    },
    error: ({ features }) => refused(() => features.matmul(features), 'inner dimensions'),
  };
  /** These take no memory, or a short text's, for which there may be room. All others must fail at least once. */
  const small = ['parameters', 'names', 'explain', 'error'];

  test.each(Object.keys(calls))('%s', (name) => {
    const call = calls[name] as (net: ReturnType<typeof network>) => unknown;
    const net = network(tt);
    call(net);
    using y = net.model.forward(net.features);
    const expected = y.data();
    const before = tt.memory();
    let failures = 0;
    for (let spare = 0; spare < 200_000; spare = spare < 4000 ? spare + 300 : Math.ceil(spare * 1.5)) {
      const held = fill(tt, spare);
      try {
        call(net);
      } catch (error) {
        expect(error, `with ${spare} bytes spare`).toBeInstanceOf(OutOfMemoryError);
        ++failures;
      }
      for (const each of held) each.dispose();
      tt.releasePooledMemory();
    }
    call(net);
    using again = net.model.forward(net.features);
    expect(again.data()).toEqual(expected);
    again.dispose();
    expect(tt.memory().tensors).toBe(before.tensors);
    if (!small.includes(name)) expect(failures).toBeGreaterThan(0);
    for (const each of [net.trainer, net.data, net.optimizer, net.model, net.features, net.labels])
      each.dispose();
  });

  test('a training step fails, and is then done as if it had not', () => {
    const run = (fails: boolean) => {
      const net = network(tt);
      try {
        for (let step = 0; step < 6; ++step) {
          for (let spare = 0, held: Tensor[] = []; fails && spare < 60_000; spare = 400 + spare * 2) {
            const checkpoint = net.trainer.checkpoint();
            held = fill(tt, spare);
            let failed = false;
            try {
              net.trainer.step();
            } catch (error) {
              expect(error).toBeInstanceOf(OutOfMemoryError);
              failed = true;
            }
            for (const each of held) each.dispose();
            tt.releasePooledMemory();
            net.trainer.restore(checkpoint);
            if (!failed) break;
          }
          net.trainer.step();
        }
        return tt.saveModel(net.model);
      } finally {
        for (const each of [net.trainer, net.data, net.optimizer, net.model, net.features, net.labels])
          each.dispose();
      }
    };
    const undisturbed = run(false);
    const { tensors, bytes } = tt.memory();
    expect(run(true)).toEqual(undisturbed);
    expect(tt.memory()).toMatchObject({ tensors, bytes });
  });
});

test('a limit that makes no sense', async () => {
  for (const maxHeapBytes of [0, 1000, 2 ** 33, NaN, 1.5, '64MB' as unknown as number]) {
    await expect(load({ maxHeapBytes })).rejects.toThrow('load: maxHeapBytes must be a whole number from');
  }
});
