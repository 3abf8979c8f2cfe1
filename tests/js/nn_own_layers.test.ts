// Layers with methods of their own, by a subclass or on one object: they are what counts, everywhere.

import { describe, expect, test } from 'vitest';
import { InvalidArgumentError, type Module, ShapeError, type Tensor as TensorType } from 'tinytorch-wasm';
import { build, runnableVariants } from './builds.js';

const tt = await build(runnableVariants().at(-1) ?? 'scalar');
const { Tensor, Dense, ReLU, Sequential } = tt;

type Layer = InstanceType<typeof ReLU>;
type Base = new (...args: never[]) => Layer;

/** -2 x what `Layer` gives, as a subclass. */
const minus = <Kind extends Base>(Kind: Kind, ...args: unknown[]): Layer =>
  new (class extends (Kind as unknown as new (...args: unknown[]) => Layer) {
    override forward(x: TensorType): TensorType {
      return tt.tidy(() => super.forward(x).mul(-2));
    }
  })(...args);

/** The same, on one object. */
const replaced = <Kind extends Base>(Kind: Kind, ...args: unknown[]): Layer => {
  const layer = new (Kind as unknown as new (...args: unknown[]) => Layer)(...args);
  const native = layer.forward.bind(layer);
  layer.forward = (x) => tt.tidy(() => native(x).mul(-2));
  return layer;
};

const KINDS: readonly (readonly [string, Base, readonly unknown[]])[] = [
  ['Dense', tt.Dense, [6, 6]],
  ['ReLU', tt.ReLU, []],
  ['Sigmoid', tt.Sigmoid, []],
  ['Tanh', tt.Tanh, []],
  ['GELU', tt.GELU, []],
  ['Softmax', tt.Softmax, []],
  ['Dropout', tt.Dropout, [0]],
  ['LayerNorm', tt.LayerNorm, [6]],
  ['Flatten', tt.Flatten, []],
  ['Sequential', tt.Sequential, [[]]],
];

describe.each(KINDS)('%s', (_, Kind, args) => {
  test.each([
    ['a subclass', minus],
    ['one object', replaced],
  ])('the forward of %s runs wherever the layer is', (_how, make) => {
    tt.tidy(() => {
      const x = Tensor.randn([5, 6]);
      const own = make(Kind, ...args);
      const first = new Dense(6, 6);
      const expected = tt.noGrad(() => own.forward(first.forward(x)).relu()).data();
      const plain = tt.noGrad(() => own.forward(x)).data();
      const models: [Module, ArrayLike<number>][] = [
        [new Sequential([own]), plain],
        [new Sequential([new Sequential([own]), new Sequential([])]), plain],
        [new Sequential([first, own, new ReLU()]), expected],
        [new Sequential([first, new Sequential([own, new ReLU()])]), expected],
      ];
      for (const [model, want] of models) {
        expect(model.forward(x).data()).toEqual(want);
        const out = Tensor.zeros([5, 6]);
        expect(tt.noGrad(() => model.forward(x, { out }))).toBe(out);
        expect(out.data()).toEqual(want);
        expect(tt.profile(() => model.forward(x)).result.data()).toEqual(want);
        expect(model.summary([5, 6]).total.outputShape).toEqual([5, 6]);
        expect(() => model.forward(x, { out: Tensor.zeros([6, 6]) })).toThrow();
        expect(
          tt.noGrad(() => expect(() => model.forward(x, { out: Tensor.zeros([6, 6]) })).toThrow(ShapeError)),
        );
      }
      const seconds = models.map(([model]) => model);
      delete (own as { forward?: unknown }).forward; // looked up at the call: what was put on one object can be taken off
      if (make === replaced) {
        for (const model of seconds.slice(0, 2))
          expect(model.forward(x).data()).toEqual(own.forward(x).data());
      }
    });
  });
});

/** Pairs of the same network, one of the module's layers alone and one with a forward of its own that changes nothing. */
function twins(epochs = 2) {
  tt.manualSeed(5);
  const features = Tensor.randn([50, 6]);
  const labels = new Tensor(Int32Array.from({ length: 50 }, (_, i) => i % 3));
  const make = (own: boolean) => {
    tt.manualSeed(6);
    const relu = new ReLU();
    if (own) relu.forward = (x) => x.relu();
    const model = new Sequential([
      new Dense(6, 8),
      new Sequential([relu, new tt.Dropout(0.3)]),
      new Dense(8, 3),
    ]);
    const optimizer = new tt.Adam(model.parameters(), { lr: 0.05 });
    const data = new tt.DataLoader({ features, labels }, { batchSize: 8, shuffle: true, seed: 4 });
    const options = { optimizer, data, epochs, clipNorm: 1, accumulate: 2, schedule: 'cosine' as const };
    return { model, relu, optimizer, trainer: new tt.Trainer(model, options) };
  };
  return { dataset: { features, labels }, own: make(true), plain: make(false) };
}

const bits = (model: Module) => model.parameters().map((p) => p.data());

describe('training', () => {
  test('with a forward of its own has the same bits', async () => {
    const { dataset, own, plain } = twins();
    for (const each of [plain, own]) {
      tt.manualSeed(9);
      await each.trainer.fit({ validation: dataset });
    }
    expect(bits(own.model)).toEqual(bits(plain.model));
    expect(own.trainer.progress.epochLoss).toBe(plain.trainer.progress.epochLoss);
    const found = await tt.evaluate(own.model, dataset, { batchSize: 7 });
    expect(found).toEqual(await tt.evaluate(plain.model, dataset, { batchSize: 7 }));
  });

  test('an error in it comes out as it is and leaves the trainer where it was', async () => {
    const { dataset, own, plain } = twins();
    const mine = new Error('mine');
    const right = own.relu.forward;
    const wrong: ((x: TensorType) => unknown)[] = [
      () => {
        throw mine;
      },
      () => 7,
      () => undefined,
      () => Promise.reject(mine),
      () => ({ then: () => undefined }),
      (x) => x.reshape([-1]),
    ];
    tt.manualSeed(9);
    for (let i = 0; i < 10; ++i) plain.trainer.step();
    tt.manualSeed(9);
    for (let i = 0; i < 10; ++i) {
      own.relu.forward = wrong[i % wrong.length] as Layer['forward'];
      const before = own.trainer.checkpoint();
      const { tensors } = tt.memory();
      let thrown: unknown;
      try {
        own.trainer.step();
      } catch (error) {
        thrown = error;
      }
      if (i % wrong.length === 0) expect(thrown).toBe(mine);
      else if (i % wrong.length < 5) expect(thrown).toBeInstanceOf(InvalidArgumentError);
      else expect(thrown).toBeInstanceOf(ShapeError);
      await expect(tt.evaluate(own.model, dataset)).rejects.toBeInstanceOf(Error);
      expect(tt.memory().tensors).toBe(tensors);
      expect(own.trainer.checkpoint()).toEqual(before);
      own.relu.forward = right;
      own.trainer.step();
    }
    expect(bits(own.model)).toEqual(bits(plain.model));
    expect(() => {
      own.relu.forward = (x) => {
        own.trainer.step();
        return x;
      };
      own.trainer.step();
    }).toThrow('a step is under way');
  });

  test('modes come back, and tensors that it makes are freed', async () => {
    const { dataset, own } = twins(1000);
    const dropout = own.model.layers[1] as InstanceType<typeof Sequential>;
    const drop = dropout.layers[1] as Layer;
    const drops = () =>
      tt.tidy(() =>
        tt.noGrad(() =>
          drop
            .forward(Tensor.ones([300]))
            .data()
            .some((value) => value === 0),
        ),
      );
    const seen: boolean[] = [];
    own.relu.forward = (x) => {
      seen.push(drops());
      x.mul(x);
      return x.relu();
    };
    own.trainer.step();
    const { tensors } = tt.memory();
    for (const isTraining of [true, false]) {
      own.model.train(isTraining);
      seen.length = 0;
      own.trainer.step();
      await tt.evaluate(own.model, dataset, { batchSize: 30 });
      own.trainer.step();
      expect(seen).toEqual([true, false, false, true]);
      expect(drops()).toBe(isTraining);
      drop.train(!isTraining); // by hand
      await tt.evaluate(own.model, dataset);
      expect(drops()).toBe(!isTraining);
    }
    expect(tt.memory().tensors).toBe(tensors);
  });

  test('layers that the module does not know', async () => {
    class Block extends ReLU {
      readonly inner = new Dense(6, 6);
      readonly drop = new tt.Dropout(0.5);
      override forward(x: TensorType): TensorType {
        return this.drop.forward(this.inner.forward(x)).add(x);
      }
      override namedParameters(): ReadonlyMap<string, TensorType> {
        return new Map([...this.inner.namedParameters()].map(([name, tensor]) => [`inner.${name}`, tensor]));
      }
      override train(training = true): this {
        this.drop.train(training);
        return super.train(training);
      }
    }
    class Plain extends ReLU {
      readonly inner = new Dense(6, 3);
      override forward(x: TensorType): TensorType {
        return this.inner.forward(x);
      }
      override parameters(): TensorType[] {
        return this.inner.parameters();
      }
    }
    const make = () => {
      const block = new Block();
      const model = new Sequential([block, new Sequential([block, new Plain()])]);
      const optimizer = new tt.Adam(model.parameters());
      const { dataset } = twins();
      const data = new tt.DataLoader(dataset, { batchSize: 8 });
      return {
        block,
        model,
        dataset,
        optimizer,
        trainer: new tt.Trainer(model, { optimizer, data, epochs: 3 }),
      };
    };
    const { block, model, dataset, trainer } = make();
    expect([...model.namedParameters().keys()]).toEqual(['0.inner.weight', '0.inner.bias', '1.1.0', '1.1.1']);
    const { layers, total } = model.summary([2, 6]);
    expect(layers.map(({ name, parameters }) => [name, parameters])).toEqual([
      ['Block', 42],
      ['Block', 0],
      ['Plain', 21],
    ]);
    expect(total).toMatchObject({ parameters: 63, bytes: 252, outputShape: [2, 3] });
    trainer.step();
    expect(model.gradientStats().map(({ name, norm }) => [name, norm > 0])).toEqual([
      ['0.inner.weight', true],
      ['0.inner.bias', true],
      ['1.1.0', true],
      ['1.1.1', true],
    ]);
    // What only they know is in the checkpoint: trained, or frozen and unknown to the optimiser.
    const before = block.inner.weight.data();
    const file = trainer.checkpoint();
    trainer.step();
    const after = block.inner.weight.data();
    expect(after).not.toEqual(before);
    const other = make();
    other.trainer.restore(file);
    expect(other.block.inner.weight.data()).toEqual(before);
    other.trainer.step();
    expect(other.block.inner.weight.data()).toEqual(after);
    tt.loadModel(make().model, tt.saveModel(model));
    const saved = tt.readSafetensors(tt.saveModel(model));
    expect([...saved.tensors.keys()]).toEqual(['0.inner.weight', '0.inner.bias', '1.1.0', '1.1.1']);
    await tt.evaluate(model, dataset);
    expect(tt.noGrad(() => block.drop.forward(Tensor.ones([300]))).data()).toContain(0);
  });
});

test('what passes from layer to layer is freed, what was there before is not', () => {
  const kept = Tensor.ones([2, 6]);
  const layer = new ReLU();
  const model = new Sequential([new Dense(6, 6), layer, new Dense(6, 6), layer, new Dense(6, 2)]);
  const x = Tensor.ones([2, 6]);
  for (const forward of [(y: TensorType) => y, (y: TensorType) => y.relu(), () => kept, () => x]) {
    layer.forward = forward;
    const { tensors } = tt.memory();
    const y = model.forward(x);
    expect(tt.memory().tensors).toBe(tensors + 1);
    y.dispose();
    tt.noGrad(() => model.forward(x, { out: Tensor.zeros([2, 2]) }).dispose());
    expect(tt.memory().tensors).toBe(tensors);
    expect([kept.isDisposed, x.isDisposed]).toEqual([false, false]);
  }
});

test('the layers of a Sequential cannot be exchanged without a word', () => {
  const model = new Sequential([new ReLU()]);
  expect(() => {
    (model.layers as Module[])[0] = new tt.Tanh();
  }).toThrow(TypeError);
});

test('a layer that is used in several places is listed, counted and freed once', () => {
  const tied = new Dense(4, 4);
  const model = new Sequential([tied, new Sequential([new ReLU(), tied]), new Dense(4, 2)]);
  expect([...model.namedParameters().keys()]).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
  expect(model.parameters().length).toBe(4);
  expect(model.summary([1, 4]).total.parameters).toBe(30);
  expect(model.gradientStats().length).toBe(4);
  expect(() => new tt.SGD([...model.parameters(), tied.weight], { lr: 1 })).toThrow(/is in the list twice/);
  const { tensors } = tt.memory();
  model.dispose();
  model.dispose();
  tied.dispose();
  expect(tt.memory().tensors).toBeLessThan(tensors);
});

test('models of thousands of layers', () => {
  const count = 2500;
  const layers = Array.from({ length: count }, () => new Dense(1, 1));
  const model = new Sequential(layers);
  expect(model.parameters().length).toBe(2 * count);
  for (const p of model.parameters()) p.fill(1);
  const optimizer = new tt.SGD(model.parameters(), { lr: 1 });
  const last = layers.at(-1) as InstanceType<typeof Dense>;
  last.bias?.mul(3).backward();
  expect(tt.clipGradNorm(model.parameters(), 100)).toBeCloseTo(3, 5);
  optimizer.step();
  expect([layers[0]?.bias?.item(), last.bias?.item()]).toEqual([1, -2]);
  optimizer.dispose();
  model.dispose();
});
