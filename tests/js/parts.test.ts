// The files of a build: what a program that leaves some out can do, and what it is told of the rest.

import { describe, expect, test } from 'vitest';
import {
  InvalidArgumentError,
  KernelError,
  load,
  LoadError,
  type Part,
  type TinyTorch,
} from 'tinytorch-wasm';
import { runnableVariants } from './builds.js';
import { withClock } from './clock.js';

const home = new URL('./', new URL('../../dist/module/tinytorch-scalar.wasm', import.meta.url));

/** A digit-sized network's answers, its weights from the seed, in every type and with all that inference can do. */
function infer(tt: TinyTorch): { file: Uint8Array; numbers: number[] } {
  return tt.tidy(() => {
    tt.manualSeed(5);
    const model = new tt.Sequential([
      new tt.Flatten(),
      new tt.Dense(784, 256),
      new tt.LayerNorm(256),
      new tt.ReLU(),
      new tt.Dropout(0.5),
      new tt.Dense(256, 128),
      new tt.GELU(),
      new tt.Dense(128, 10),
      new tt.Softmax(),
    ]).eval();
    const numbers: number[] = [];
    const note = (...tensors: InstanceType<TinyTorch['Tensor']>[]) => {
      for (const tensor of tensors) numbers.push(...tensor.to('float64').data());
    };
    for (const rows of [1, 7, 64]) note(model.forward(tt.Tensor.rand([rows, 28, 28])));
    for (const dtype of ['float32', 'float64'] as const) {
      const a = tt.Tensor.rand([30, 40], { dtype });
      const b = tt.Tensor.rand([40, 30], { dtype }).transpose();
      note(a.add(b), a.sub(b), a.mul(b), a.div(b), a.pow(b), a.maximum(b), a.matmul(b.transpose()));
      note(a.neg(), a.abs(), a.exp(), a.log(), a.sqrt(), a.relu(), a.sigmoid(), a.tanh(), a.gelu());
      note(
        a.sum({ dim: 0 }),
        a.mean({ dim: 1 }),
        b.max({ dim: 0 }),
        b.argmax({ dim: 1 }),
        b.sum(),
        a.slice(0, 3, 9, 2),
      );
      note(a.softmax(1), b.logSoftmax(0), a.reshape([40, 30]), a.clone(), a.to('int32'));
    }
    return { file: tt.saveModel(model), numbers };
  });
}

describe.each(runnableVariants())('%s', (variant) => {
  test.each([1, 2])('without optional parts a model runs with the same bits, %i threads', async (threads) => {
    const asked: string[] = [];
    const wasmUrl = (name: string) => {
      asked.push(name);
      return new URL(name, home);
    };
    const small = await load({ variant, threads, parts: [], wasmUrl });
    const whole = await load({ variant, threads });
    expect(small.parts).toEqual([]);
    expect(whole.parts).toEqual(['training', 'ladder']);
    expect(small.threads).toBe(whole.threads);
    expect(asked.filter((name) => /training|ladder/.test(name))).toEqual([]);

    const ours = infer(small);
    const theirs = infer(whole);
    expect(ours.numbers.length).toBeGreaterThan(1000);
    expect(ours.numbers).toEqual(theirs.numbers);
    expect(ours.file).toEqual(theirs.file);

    using model = new small.Sequential([new small.Dense(784, 256), new small.ReLU()]);
    small.loadModel(model, small.saveModel(model));
    using x = small.Tensor.rand([2, 784]);
    expect(small.profile(() => small.noGrad(() => model.forward(x).dispose())).rows.length).toBeGreaterThan(
      0,
    );
    expect(model.summary([2, 784]).layers.length).toBeGreaterThan(1);
  });

  test('gradients need no optional part', async () => {
    const tt = await load({ variant, threads: 1, parts: [] });
    using layer = new tt.Dense(3, 2);
    using x = new tt.Tensor([[1, 2, 3]]);
    using y = layer.forward(x);
    using sum = y.sum();
    sum.backward();
    expect(layer.weight.grad?.toArray()).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(layer.bias?.grad?.toArray()).toEqual([1, 1]);
  });

  test('without the ladder its slower rungs are not available, and the others are', async () => {
    const tt = await load({ variant, parts: ['training'] });
    const whole = await load({ variant });
    const best = { scalar: 'packed', simd: 'simd', relaxed: 'relaxed' }[variant];
    const names = whole.kernels().map(({ name }) => name);
    expect(tt.kernels().map(({ name }) => name)).toEqual(names);
    for (const [i, { name, available }] of tt.kernels().entries()) {
      const isSlower = i < names.indexOf(best as (typeof names)[number]);
      expect([name, available]).toEqual([name, !isSlower && whole.kernels()[i]?.available]);
      using a = tt.Tensor.eye(3);
      const multiply = () => tt.matmul(a, a, { kernel: name }).dispose();
      if (available) multiply();
      else expect(multiply).toThrow(KernelError);
    }
    expect(() => tt.matmul(tt.Tensor.eye(2), tt.Tensor.eye(2), { kernel: 'naive' })).toThrow(
      "kernel 'naive' is not available: the slower rungs were not loaded",
    );
    expect(() => new tt.Sequential([]).setKernel('blocked')).toThrow(KernelError);
    expect(() => tt.peak('float32', 'eigen')).toThrow(KernelError);
    expect(await withClock(1, () => tt.peak('float32'))).toBeGreaterThan(0);
  });

  test('without training its classes and functions say which part they need', async () => {
    const tt = await load({ variant, threads: 1, parts: ['ladder'] });
    using layer = new tt.Dense(2, 2);
    using x = new tt.Tensor([[1, 2]]);
    using labels = new tt.Tensor([1], { dtype: 'int32' });
    const dataset = { features: x, labels };
    const attempts: (() => unknown)[] = [
      () => new tt.SGD(layer.parameters(), { lr: 0.1 }),
      () => new tt.Adam(layer.parameters()),
      () => new tt.CrossEntropyLoss().forward(x, labels),
      () => tt.clipGradNorm(layer.parameters(), 1),
      () => tt.cosineSchedule(1, 0, 1, 2),
      () => new tt.DataLoader(dataset, { batchSize: 1 }),
    ];
    for (const attempt of attempts) {
      expect(attempt).toThrow(LoadError);
      expect(attempt).toThrow('load({ parts: ["training"] })');
    }
    await expect(tt.evaluate(layer, dataset)).rejects.toThrow(LoadError);
    using y = layer.forward(x); // and the library goes on
    expect(y.shape).toEqual([1, 2]);
  });
});

test('one part that does not exist', async () => {
  await expect(load({ parts: ['gpu' as Part] })).rejects.toThrow(InvalidArgumentError);
  await expect(load({ parts: ['gpu' as Part] })).rejects.toThrow('no part "gpu"; there are training, ladder');
});

test.each(['operations', 'models', 'training', 'ladder'])(
  'a missing %s file is an error with its address',
  async (part) => {
    const wasmUrl = (name: string) => new URL(name.replace(`.${part}.`, '.gone.'), home);
    const failed = await load({ variant: 'scalar', wasmUrl }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(LoadError);
    expect(String(failed)).toContain('tinytorch-scalar.gone.wasm');
  },
);
