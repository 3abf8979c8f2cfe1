// Optimisers, data, the training loop, model files.

import { describe, expect, test } from 'vitest';
import {
  FormatError,
  InvalidArgumentError,
  type Optimizer,
  type Progress,
  type TinyTorch,
} from 'tinytorch-wasm';
import { build } from './builds.js';
import { withClock } from './clock.js';
import { numbers } from './oracle.js';

const tt = await build('default');
const { Tensor, Dense, ReLU, Sequential } = tt;

/** Four clouds of points, one a class. */
function clouds(count: number, seed = 1) {
  const noise = numbers(2 * count, seed);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 4);
  const features = Float32Array.from(noise, (value, i) => {
    const label = (i >> 1) % 4;
    return 0.5 * value + (i % 2 === 0 ? (label & 1 ? 1 : -1) : label & 2 ? 1 : -1);
  });
  return { features: new Tensor(features, { shape: [count, 2] }), labels: new Tensor(labels) };
}

const classifier = (lib: TinyTorch = tt) =>
  new lib.Sequential([new lib.Dense(2, 16), new lib.ReLU(), new lib.Dense(16, 4)]);

describe('optimisers', () => {
  /** One parameter, the gradients 1, 2, 3; gives the values after each step. */
  function run(make: (parameters: InstanceType<typeof Tensor>[]) => Optimizer): number[] {
    return tt.tidy(() => {
      const p = new Tensor(new Float64Array([1]), { requiresGrad: true });
      const optimizer = make([p]);
      return [1, 2, 3].map((gradient) => {
        optimizer.zeroGrad();
        p.mul(gradient).backward();
        optimizer.step();
        return p.item();
      });
    });
  }
  const close = (values: number[], expected: number[]): void =>
    values.forEach((value, i) => expect(value).toBeCloseTo(expected[i] as number, 10));

  test('SGD', () => {
    close(
      run((p) => new tt.SGD(p, { lr: 0.1 })),
      [0.9, 0.7, 0.4],
    );
    close(
      run((p) => new tt.SGD(p, { lr: 0.1, momentum: 0.5 })),
      [0.9, 0.65, 0.225],
    );
    close(
      run((p) => new tt.SGD(p, { lr: 0.1, weightDecay: 1 })),
      [0.8, 0.52, 0.168],
    );
    close(
      run((p) => new tt.SGD(p, { lr: 0.1, momentum: 0.5, nesterov: true })),
      [0.85, 0.525, 0.0125],
    );
  });

  test.each(['Adam', 'AdamW'] as const)('%s', (name) => {
    const decay = 0.1;
    let [m, v, p] = [0, 0, 1];
    const expected = [1, 2, 3].map((raw, i) => {
      const g = name === 'Adam' ? raw + decay * p : raw;
      if (name === 'AdamW') p -= 0.1 * decay * p;
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      p -= (0.1 * (m / (1 - 0.9 ** (i + 1)))) / (Math.sqrt(v / (1 - 0.999 ** (i + 1))) + 1e-8);
      return p;
    });
    close(
      run((parameters) => new tt[name](parameters, { lr: 0.1, weightDecay: decay })),
      expected,
    );
  });

  test('learning rate, steps, schedules and clipping', () => {
    using p = new Tensor([3, 4], { requiresGrad: true });
    using optimizer = new tt.SGD([p], { lr: 0.5 });
    optimizer.learningRate = 0.25;
    expect(optimizer.learningRate).toBe(0.25);
    expect(optimizer.steps).toBe(0);
    using half = p.mul(p);
    using loss = half.sum();
    loss.backward();
    expect(tt.clipGradNorm([p], 5)).toBeCloseTo(10, 5);
    using gradient = p.grad;
    expect(gradient?.toArray()).toEqual([expect.closeTo(3, 4), expect.closeTo(4, 4)]);
    optimizer.step();
    expect(optimizer.steps).toBe(1);
    expect(tt.cosineSchedule(1, 0, 5, 10)).toBeCloseTo(0.5, 12);
    expect(tt.stepSchedule(1, 0.1, 7, 3)).toBeCloseTo(0.01, 12);
    expect(() => new tt.SGD([{} as typeof p], { lr: 1 })).toThrow(InvalidArgumentError);
  });
});

describe('data', () => {
  test('a loader cuts a data set into batches, in an order that the seed determines', () => {
    using features = Tensor.arange(10).reshape([10, 1]);
    using labels = Tensor.arange(0, 10, 1, { dtype: 'int32' });
    const dataset = { features, labels };
    using plain = new tt.DataLoader(dataset, { batchSize: 4 });
    expect(plain.length).toBe(3);
    expect([...plain].length).toBe(3);
    const seen: number[] = [];
    for (const batch of plain) {
      expect(Array.from(batch.features.data())).toEqual(Array.from(batch.labels.data()));
      seen.push(...batch.labels.data());
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    using shuffled = new tt.DataLoader(dataset, { batchSize: 10, shuffle: true, seed: 5 });
    const order = (epoch: number): number[] => {
      shuffled.setEpoch(epoch);
      return [...shuffled.indices(0)];
    };
    const first = order(0);
    expect([...first].sort((a, b) => a - b)).toEqual(seen);
    expect(order(1)).not.toEqual(first);
    expect(order(0)).toEqual(first);
    using short = new tt.DataLoader(dataset, { batchSize: 4, dropLast: true });
    expect(short.length).toBe(2);
    expect(() => short.batch(2)).toThrow(InvalidArgumentError);
    expect(() => new tt.DataLoader(dataset, { batchSize: 0 })).toThrow(InvalidArgumentError);
  });

  test('pixels become numbers when a batch is made', () => {
    using features = new Tensor(new Uint8Array([0, 255, 51, 102]), { shape: [2, 2] });
    using labels = new Tensor(new Uint8Array([1, 0]));
    using loader = new tt.DataLoader({ features, labels, mean: 0.2, deviation: 0.5 });
    const batch = loader.batch(0);
    expect(batch.features.dtype).toBe('float32');
    const expected = [-0.4, 1.6, 0, 0.4];
    batch.features.data().forEach((value, i) => expect(value).toBeCloseTo(expected[i] as number, 6));
    expect(batch.labels.toArray()).toEqual([1, 0]);
    batch.features.dispose();
    batch.labels.dispose();
  });

  test('IDX files', () => {
    const images = new Uint8Array([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 255]);
    using x = tt.readIdx(images);
    expect(x.dtype).toBe('uint8');
    expect(x.toArray()).toEqual([
      [
        [1, 2],
        [3, 255],
      ],
    ]);
    expect(() => tt.readIdx(images.subarray(0, 18))).toThrow(FormatError);
    expect(() => tt.readIdx(new Uint8Array([1, 2, 3]))).toThrow(FormatError);
  });
});

describe('training', () => {
  test('learns, reports, and evaluates', async () => {
    tt.manualSeed(1);
    const training = clouds(512);
    const validation = clouds(200, 2);
    using model = classifier();
    using optimizer = new tt.Adam(model.parameters(), { lr: 0.01 });
    using data = new tt.DataLoader(training, { batchSize: 32, shuffle: true });
    using trainer = new tt.Trainer(model, { optimizer, data, epochs: 15 });
    const losses: number[] = [];
    const accuracies: number[] = [];
    let turns = 0;
    const timer = setInterval(() => ++turns, 1);
    const last = await withClock(0.5, () =>
      trainer.fit({
        validation,
        onBatch: ({ loss }) => void losses.push(loss),
        onEpoch: async ({ validation: found }) => {
          accuracies.push(found?.accuracy ?? 0);
          await Promise.resolve();
        },
      }),
    );
    clearInterval(timer);
    expect(losses.length).toBe(15 * 16);
    expect(last).toMatchObject({
      epoch: 15,
      epochs: 15,
      batches: 16,
      steps: 240,
      finished: true,
      stoppedEarly: false,
    });
    // By this clock a step takes half a millisecond or more.
    expect(last.samplesPerSecond).toBeGreaterThan(0);
    expect(last.samplesPerSecond).toBeLessThanOrEqual(32 / 0.0005);
    expect(accuracies.length).toBe(15);
    expect(accuracies.at(-1)).toBeGreaterThan(0.97);
    expect(losses.at(-1)).toBeLessThan(0.3 * (losses[0] as number));
    const found = await tt.evaluate(model, validation, { batchSize: 64 });
    expect(found.samples).toBe(200);
    expect(found.accuracy).toBe(accuracies.at(-1));
    expect(found.predictions.length).toBe(200);
    const confusion = found.confusion ?? [];
    const diagonal = confusion.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
    expect(diagonal / 200).toBeCloseTo(found.accuracy, 12);
    expect(confusion.flat().reduce((a, b) => a + b)).toBe(200);
    for (const each of [training, validation]) {
      each.features.dispose();
      each.labels.dispose();
    }
  });

  test('stops when it is told to, and goes on from there', async () => {
    const training = clouds(256);
    using model = classifier();
    using optimizer = new tt.SGD(model.parameters(), { lr: 0.1 });
    using data = new tt.DataLoader(training, { batchSize: 32 });
    using trainer = new tt.Trainer(model, { optimizer, data, epochs: 2 });
    const controller = new AbortController();
    const stopped = trainer.fit({
      signal: controller.signal,
      onBatch: ({ steps }) => steps === 5 && controller.abort(),
    } as Parameters<typeof trainer.fit>[0]);
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect(trainer.progress.steps).toBe(5);
    expect((await trainer.fit()).steps).toBe(16);
    training.features.dispose();
    training.labels.dispose();
  });

  test('a checkpoint goes on to the same bits', () => {
    const training = clouds(256);
    const setUp = () => {
      tt.manualSeed(3);
      const model = classifier();
      const optimizer = new tt.Adam(model.parameters());
      const data = new tt.DataLoader(training, { batchSize: 32, shuffle: true, seed: 9 });
      return { model, trainer: new tt.Trainer(model, { optimizer, data, epochs: 3 }) };
    };
    tt.tidy(() => {
      const first = setUp();
      for (let i = 0; i < 10; ++i) first.trainer.step();
      const checkpoint = first.trainer.checkpoint();
      for (let i = 0; i < 10; ++i) first.trainer.step();
      const second = setUp();
      second.trainer.restore(checkpoint);
      for (let i = 0; i < 10; ++i) second.trainer.step();
      const weights = (model: InstanceType<typeof Sequential>) => model.parameters().map((p) => p.data());
      expect(weights(second.model)).toEqual(weights(first.model));
      expect(() => second.trainer.restore(checkpoint.subarray(0, 100))).toThrow(FormatError);
    });
    training.features.dispose();
    training.labels.dispose();
  });

  test('steady training does not grow the memory', () => {
    const training = clouds(256);
    tt.tidy(() => {
      const model = classifier();
      const optimizer = new tt.Adam(model.parameters());
      const data = new tt.DataLoader(training, { batchSize: 32 });
      const trainer = new tt.Trainer(model, { optimizer, data, epochs: 1000 });
      const steps = (count: number): Progress => {
        for (let i = 1; i < count; ++i) trainer.step();
        return trainer.step();
      };
      steps(100);
      const { bytes, tensors, heapBytes } = tt.memory();
      steps(2000);
      expect(tt.memory()).toMatchObject({ bytes, tensors, heapBytes });
    });
    training.features.dispose();
    training.labels.dispose();
  });

  test('options that do not exist are refused', () => {
    const training = clouds(8);
    tt.tidy(() => {
      const model = classifier();
      const optimizer = new tt.SGD(model.parameters(), { lr: 0.1 });
      const data = new tt.DataLoader(training);
      const make = (more: object) => () => new tt.Trainer(model, { optimizer, data, ...more });
      expect(make({ loss: 'hinge' })).toThrow(
        'new Trainer: loss must be one of "cross_entropy", "mse", "binary_cross_entropy", got "hinge"',
      );
      expect(make({ schedule: 'sawtooth' })).toThrow(InvalidArgumentError);
      expect(make({ optimizer: {} })).toThrow('expected an optimizer, got an Object');
    });
    training.features.dispose();
    training.labels.dispose();
  });
});

describe('layers of a training model', () => {
  test('summary and gradient statistics', () => {
    tt.tidy(() => {
      const model = new Sequential([new Dense(784, 256), new ReLU(), new Dense(256, 10)]);
      const { layers, total } = model.summary([64, 784]);
      expect(layers.map((layer) => layer.name)).toEqual(['Dense(784, 256)', 'ReLU', 'Dense(256, 10)']);
      expect(layers[0]).toMatchObject({ outputShape: [64, 256], parameters: 784 * 256 + 256 });
      expect(total.parameters).toBe(784 * 256 + 256 + 256 * 10 + 10);
      expect(total.bytes).toBe(4 * total.parameters);
      expect(total.flops).toBeGreaterThan(2 * 64 * 784 * 256);
      expect(() => model.summary([64, 783])).toThrow(/783/);
      model
        .forward(Tensor.randn([4, 784]))
        .sum()
        .backward();
      const stats = model.gradientStats();
      expect(stats.map((row) => row.name)).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
      expect(stats[3]?.mean).toBeCloseTo(4, 5);
      expect(stats[3]?.norm).toBeCloseTo(4 * Math.sqrt(10), 4);
      expect(stats.every((row) => row.zeros >= 0 && row.zeros <= 1)).toBe(true);
    });
  });

  test('Dropout, LayerNorm, Flatten and the activations', () => {
    tt.tidy(() => {
      const x = Tensor.ones([100, 10]);
      const dropout = new tt.Dropout(0.25);
      const dropped = dropout.forward(x).data();
      const zeros = dropped.filter((value) => value === 0).length / 1000;
      expect(Math.abs(zeros - 0.25)).toBeLessThan(0.08);
      expect(dropped.every((value) => value === 0 || Math.abs(value - 4 / 3) < 1e-6)).toBe(true);
      expect(dropout.eval().forward(x).toArray()).toEqual(x.toArray());
      expect(() => new tt.Dropout(2)).toThrow(InvalidArgumentError);
      const rows = new tt.LayerNorm(4).forward(new Tensor([[1, 2, 3, 4]])).data();
      [-1.3416, -0.4472, 0.4472, 1.3416].forEach((value, i) => expect(rows[i]).toBeCloseTo(value, 3));
      expect(new tt.Flatten().forward(Tensor.ones([2, 3, 4])).shape).toEqual([2, 12]);
      const v = new Tensor([-1, 0, 1]);
      expect(new tt.Sigmoid().forward(v).data()[2]).toBeCloseTo(0.731059, 6);
      expect(new tt.Tanh().forward(v).data()[0]).toBeCloseTo(-0.761594, 6);
      expect(new tt.GELU().forward(v).data()[2]).toBeCloseTo(0.841345, 6);
      expect(new tt.Softmax().forward(v).sum().item()).toBeCloseTo(1, 6);
    });
  });

  test('initialisation', () => {
    tt.tidy(() => {
      const weight = Tensor.zeros([400, 100]);
      const deviation = () => Math.sqrt(weight.mul(weight).mean().item());
      tt.initialize(weight, 'kaiming_normal');
      expect(deviation()).toBeCloseTo(Math.sqrt(2 / 400), 2);
      tt.initialize(weight, 'xavier_uniform');
      expect(deviation()).toBeCloseTo(Math.sqrt(2 / 500), 2);
      expect(() => tt.initialize(weight, 'best' as 'xavier_normal')).toThrow(InvalidArgumentError);
    });
  });
});

describe('files', () => {
  test('a model saved and loaded gives the same answers', () => {
    tt.tidy(() => {
      const model = classifier();
      const x = Tensor.randn([5, 2]);
      const file = tt.saveModel(model, [['epochs', '3']]);
      const other = classifier();
      tt.loadModel(other, file);
      expect(tt.maxAbsDiff(model.forward(x), other.forward(x))).toBe(0);
      const { tensors, metadata } = tt.readSafetensors(file);
      expect([...tensors.keys()]).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
      expect(tensors.get('0.weight')?.shape).toEqual([16, 2]);
      expect(metadata.get('epochs')).toBe('3');
      expect(() => tt.loadModel(new Dense(2, 2), file)).toThrow(FormatError);
    });
  });

  test('tensors of every dtype, and the same bytes each time', () => {
    tt.tidy(() => {
      const content = [
        ['a', new Tensor([[1, 2]])],
        ['b', new Tensor(new Float64Array([1.1]))],
        ['c', new Tensor(new Int32Array([-5]))],
        ['d', new Tensor(new Uint8Array([250]))],
      ] as const;
      const file = tt.writeSafetensors(content);
      expect(tt.writeSafetensors(content)).toEqual(file);
      const { tensors } = tt.readSafetensors(file);
      for (const [name, tensor] of content) {
        expect(tensors.get(name)?.dtype).toBe(tensor.dtype);
        expect(tensors.get(name)?.data()).toEqual(tensor.data());
      }
      expect(() => tt.writeSafetensors([content[0], content[0]])).toThrow(InvalidArgumentError);
    });
  });

  test('a malformed file is an error, and nothing is loaded', () => {
    const model = classifier();
    const before = model.parameters().map((p) => p.data());
    const file = tt.saveModel(model);
    const { tensors } = tt.memory();
    for (const broken of [new Uint8Array(0), new Uint8Array(7), file.subarray(0, 40), file.subarray(0, -1)]) {
      expect(() => tt.loadModel(model, broken)).toThrow(FormatError);
      expect(() => tt.readSafetensors(broken)).toThrow(FormatError);
    }
    expect(model.parameters().map((p) => p.data())).toEqual(before);
    expect(tt.memory().tensors).toBe(tensors);
    model.dispose();
  });
});
