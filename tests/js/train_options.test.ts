// What optimisers, layers, losses, data and trainers take: every other value is a typed error that names it.

import { describe, expect, test } from 'vitest';
import { InvalidArgumentError, load, TinyTorchError } from 'tinytorch-wasm';
import { build, runnableVariants } from './builds.js';

const tt = await build(runnableVariants().at(-1) ?? 'scalar');
const { Tensor } = tt;

const p = new Tensor([1], { requiresGrad: true });
const features = Tensor.ones([6, 2]);
const labels = Tensor.zeros([6], { dtype: 'int32' });
const dataset = { features, labels };
const model = new tt.Sequential([new tt.Dense(2, 3)]);
const optimizer = new tt.SGD(model.parameters(), { lr: 0.1 });
const loader = new tt.DataLoader(dataset, { batchSize: 2 });

class SomeClass {}

/** A value of each type of JavaScript. */
const EVERYTHING: readonly unknown[] = [
  ...[
    undefined,
    null,
    true,
    false,
    0,
    -0,
    1,
    -1,
    0.5,
    1.5,
    2.5,
    -0.5,
    NaN,
    Infinity,
    -Infinity,
    2 ** 32,
    2 ** 53,
  ],
  ...[1e300, '', '1', 'mean', 1n, Symbol('s'), [], [1], [0.5, 0.5], {}, { lr: 1 }, () => 1, new Date(0), /x/],
  ...[new Float32Array(1), new Map(), new Set(), new Proxy({}, {}), Promise.resolve(1), Object.create(null)],
  ...[p, model, optimizer, loader, new Error('x'), new ArrayBuffer(8), globalThis, SomeClass, Map],
];

const isNumber = (value: unknown): value is number => typeof value === 'number';
const isWhole =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (value: unknown): boolean =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
const isFinite =
  (least: number, most = Infinity) =>
  (value: unknown): boolean =>
    isNumber(value) && Number.isFinite(value) && value >= least && value <= most;
const isTruth = (value: unknown): boolean => typeof value === 'boolean';
const isCallback = (value: unknown): boolean =>
  typeof value === 'function' && value !== SomeClass && value !== Map;
const none = (): boolean => false;
const isTensor = (value: unknown): boolean => value === p;

/** Each option: its name, whether a value is right, and the call that takes it. `undefined` means "not given". */
type Row = [
  name: string,
  isRight: (value: unknown) => boolean,
  call: (value: never) => unknown,
  given?: 'always',
];
const trainer = (options: object) => new tt.Trainer(model, { optimizer, data: loader, ...options });
const evaluated = (options: object) => tt.evaluate(model, dataset, options);
const ROWS: Row[] = [
  ['new SGD, lr', isFinite(0), (lr) => new tt.SGD([p], { lr }), 'always'],
  ['new SGD, momentum', isFinite(0), (momentum) => new tt.SGD([p], { lr: 1, momentum })],
  [
    'new SGD, dampening',
    isFinite(-Infinity),
    (dampening) => new tt.SGD([p], { lr: 1, momentum: 1, dampening }),
  ],
  ['new SGD, weightDecay', isFinite(0), (weightDecay) => new tt.SGD([p], { lr: 1, weightDecay })],
  ['new SGD, nesterov', isTruth, (nesterov) => new tt.SGD([p], { lr: 1, momentum: 0.5, nesterov })],
  [
    'new SGD, options',
    (v) => (v as { lr?: unknown } | null | undefined)?.lr === 1,
    (options) => new tt.SGD([p], options),
    'always',
  ],
  ['new SGD, parameters', none, (parameters) => new tt.SGD(parameters, { lr: 1 }), 'always'],
  ['new SGD, a parameter', isTensor, (parameter) => new tt.SGD([parameter], { lr: 1 }), 'always'],
  ...(['Adam', 'AdamW'] as const).flatMap((name): Row[] => [
    [`new ${name}, lr`, isFinite(0), (lr) => new tt[name]([p], { lr })],
    [
      `new ${name}, betas`,
      (v) => Array.isArray(v) && v.length === 2,
      (betas) => new tt[name]([p], { betas }),
    ],
    [
      `new ${name}, a beta`,
      (v) => isFinite(0)(v) && Number(v) < 1,
      (b) => new tt[name]([p], { betas: [0.5, b] }),
      'always',
    ],
    [`new ${name}, eps`, isFinite(0), (eps) => new tt[name]([p], { eps })],
    [`new ${name}, weightDecay`, isFinite(0), (weightDecay) => new tt[name]([p], { weightDecay })],
  ]),
  ['clipGradNorm, maxNorm', (v) => isNumber(v) && v >= 0, (limit) => tt.clipGradNorm([p], limit), 'always'],
  ['learningRate', isFinite(0), (rate) => (optimizer.learningRate = rate), 'always'],
  ['cosineSchedule, initial', isFinite(0), (v) => tt.cosineSchedule(v, 0, 1, 2), 'always'],
  ['cosineSchedule, lowest', isFinite(0), (v) => tt.cosineSchedule(1, v, 1, 2), 'always'],
  ['cosineSchedule, t', isWhole(0), (v) => tt.cosineSchedule(1, 0, v, 2), 'always'],
  ['cosineSchedule, length', isWhole(1), (v) => tt.cosineSchedule(1, 0, 1, v), 'always'],
  ['stepSchedule, initial', isFinite(0), (v) => tt.stepSchedule(v, 0.5, 1, 2), 'always'],
  ['stepSchedule, factor', isFinite(0), (v) => tt.stepSchedule(1, v, 1, 2), 'always'],
  ['stepSchedule, t', isWhole(0), (v) => tt.stepSchedule(1, 0.5, v, 2), 'always'],
  ['stepSchedule, every', isWhole(1), (v) => tt.stepSchedule(1, 0.5, 1, v), 'always'],
  ['new DataLoader, batchSize', isWhole(1), (batchSize) => [...new tt.DataLoader(dataset, { batchSize })]],
  ['new DataLoader, shuffle', isTruth, (shuffle) => new tt.DataLoader(dataset, { shuffle })],
  ['new DataLoader, dropLast', isTruth, (dropLast) => new tt.DataLoader(dataset, { dropLast })],
  ['new DataLoader, seed', isWhole(0), (seed) => new tt.DataLoader(dataset, { seed })],
  ['new DataLoader, mean', isFinite(-Infinity), (mean) => new tt.DataLoader({ ...dataset, mean })],
  [
    'new DataLoader, deviation',
    isFinite(5e-324),
    (deviation) => new tt.DataLoader({ ...dataset, deviation }),
  ],
  ['new DataLoader, features', none, (wrong) => new tt.DataLoader({ features: wrong, labels }), 'always'],
  ['new DataLoader, the data', none, (wrong) => new tt.DataLoader(wrong), 'always'],
  ['setEpoch', isWhole(0), (epoch) => loader.setEpoch(epoch), 'always'],
  ['batch', isWhole(0, 2), (index) => loader.batch(index), 'always'],
  ['indices', isWhole(0, 2), (index) => loader.indices(index), 'always'],
  ['new Trainer, epochs', isWhole(0), (epochs) => trainer({ epochs })],
  ['new Trainer, loss', none, (loss) => trainer({ loss })],
  ['new Trainer, clipNorm', (v) => isNumber(v) && v >= 0, (clipNorm) => trainer({ clipNorm })],
  ['new Trainer, accumulate', isWhole(1), (accumulate) => trainer({ accumulate }).step()],
  ['new Trainer, schedule', none, (schedule) => trainer({ schedule })],
  ['new Trainer, scheduleEvery', isWhole(1), (scheduleEvery) => trainer({ scheduleEvery })],
  ['new Trainer, scheduleFactor', isFinite(0), (scheduleFactor) => trainer({ scheduleFactor })],
  ['new Trainer, scheduleLowest', isFinite(0), (scheduleLowest) => trainer({ scheduleLowest })],
  ['new Trainer, warmup', (v) => isFinite(0)(v) && Number(v) < 1, (warmup) => trainer({ warmup })],
  ['new Trainer, patience', isWhole(0), (patience) => trainer({ patience })],
  ['new Trainer, optimizer', (v) => v === optimizer, (wrong) => trainer({ optimizer: wrong }), 'always'],
  ['new Trainer, data', (v) => v === loader, (wrong) => trainer({ data: wrong }), 'always'],
  ['new Trainer, options', none, (options) => new tt.Trainer(model, options), 'always'],
  ['new Trainer, model', (v) => v === model, (v) => new tt.Trainer(v, { optimizer, data: loader }), 'always'],
  ['evaluate, loss', none, (loss) => evaluated({ loss })],
  ['evaluate, batchSize', isWhole(1), (batchSize) => evaluated({ batchSize })],
  ['evaluate, confusion', isTruth, (confusion) => evaluated({ confusion })],
  ['evaluate, onProgress', isCallback, (onProgress) => evaluated({ onProgress })],
  ['evaluate, signal', none, (signal) => evaluated({ signal })],
  ['fit, onBatch', isCallback, (onBatch) => trainer({ epochs: 0 }).fit({ onBatch })],
  ['fit, onEpoch', isCallback, (onEpoch) => trainer({ epochs: 0 }).fit({ onEpoch })],
  ['fit, signal', none, (signal) => trainer({ epochs: 0 }).fit({ signal })],
  ['fit, validation', none, (validation) => trainer({ epochs: 0 }).fit({ validation })],
  ['new Dense, inFeatures', isWhole(1), (size) => new tt.Dense(size, 1), 'always'],
  ['new Dense, outFeatures', isWhole(1), (size) => new tt.Dense(1, size), 'always'],
  ['new Dense, bias', isTruth, (bias) => new tt.Dense(1, 1, { bias })],
  ['new Dense, dtype', none, (dtype) => new tt.Dense(1, 1, { dtype })],
  ['new Softmax, dim', isWhole(-8, 7), (dim) => new tt.Softmax(dim)],
  ['new Dropout, p', isFinite(0, 1), (probability) => new tt.Dropout(probability)],
  ['new LayerNorm, features', isWhole(1), (size) => new tt.LayerNorm(size), 'always'],
  ['new LayerNorm, eps', isFinite(0), (eps) => new tt.LayerNorm(2, { eps })],
  [
    'new Sequential',
    (v) => Array.isArray(v) && v.length === 0,
    (layers) => new tt.Sequential(layers),
    'always',
  ],
  ['new Sequential, a layer', (v) => v === model, (layer) => new tt.Sequential([layer]), 'always'],
  ['new MSELoss, reduction', (v) => v === 'mean', (reduction) => new tt.MSELoss({ reduction })],
  ['train', isTruth, (training) => model.train(training)],
  ['load, variant', none, (variant) => load({ variant })],
  ['load, threads', isWhole(1, Infinity), (threads) => load({ variant: 'scalar', threads })],
  ['load, maxHeapBytes', isWhole(2 ** 24, 2 ** 32), (maxHeapBytes) => load({ maxHeapBytes })],
  ['load, wasmUrl', none, (wasmUrl) => load({ wasmUrl })],
  ['load, onProgress', isCallback, (onProgress) => load({ variant: 'scalar', onProgress })],
  ['load, signal', none, (signal) => load({ signal })],
  ['initialize, how', none, (how) => tt.initialize(features, how), 'always'],
];

describe('every option takes what it should and nothing else', () => {
  test.each(ROWS)('%s', async (name, isRight, call, given) => {
    for (const value of EVERYTHING) {
      if (value === undefined && given !== 'always') continue;
      let thrown: unknown;
      try {
        await call(value as never);
      } catch (error) {
        thrown = error;
      }
      const label = `${name} = ${typeof value === 'symbol' ? 'Symbol' : Object.prototype.toString.call(value)} ${typeof value === 'number' ? value : ''}`;
      if (isRight(value)) {
        // Only memory may be short of what was asked for.
        if (thrown !== undefined) expect((thrown as TinyTorchError).code, label).toMatch(/overflow|memory/);
        continue;
      }
      expect(thrown, label).toBeInstanceOf(TinyTorchError);
      const [where] = name.split(',');
      if (thrown instanceof InvalidArgumentError) expect(thrown.message, label).toContain(where);
    }
    optimizer.learningRate = 0.1;
    model.train();
  });
});

test('misspelt names are refused, and the right one is suggested', () => {
  const wrong: [() => unknown, string][] = [
    [
      () => new tt.Adam([p], { learningRate: 0.5 } as object),
      'there is no option "learningRate"; did you mean "lr"?',
    ],
    [() => new tt.SGD([p], { lr: 1, weight_decay: 1 } as never), 'did you mean "weightDecay"?'],
    [() => new tt.DataLoader(dataset, { batchsize: 1 } as object), 'did you mean "batchSize"?'],
    [() => new tt.DataLoader({ ...dataset, std: 1 } as never), 'did you mean "deviation"?'],
    [() => trainer({ epoch: 1 }), 'did you mean "epochs"?'],
    [() => new tt.LayerNorm(2, { epsilon: 1 } as object), 'did you mean "eps"?'],
    [() => model.forward(features, { output: features } as object), 'there is no option "output"'],
    [() => model.forward(features, features as object), 'forward: options must be an object'],
    [
      () => new tt.Adam([p], 0.5 as never),
      'new Adam: options must be an object such as { lr: ... }, got 0.5',
    ],
    [() => new tt.Adam([p], { betas: 0.9 } as never), 'betas must be an array, got 0.9'],
    [() => new tt.SGD([p], undefined as never), 'new SGD: lr must be a finite number >= 0, got undefined'],
    [() => new tt.SGD([p], { lr: 1, nesterov: true }), 'nesterov needs a momentum'],
    [() => new tt.SGD([p, p], { lr: 1 }), 'is in the list twice'],
    [() => new tt.SGD([], { lr: 1 }), 'there are no parameters'],
  ];
  for (const [call, text] of wrong) {
    expect(call).toThrow(InvalidArgumentError);
    expect(call).toThrow(text);
  }
});

test('options are read once, and handles after that', () => {
  const gone = new Tensor([1], { requiresGrad: true });
  let reads = 0;
  const options = {
    get lr() {
      ++reads;
      gone.dispose();
      return 0.1;
    },
  };
  expect(() => new tt.SGD([gone], options)).toThrow('this Tensor was disposed of');
  expect(reads).toBe(1);
  const x = Tensor.ones([2, 2]);
  const disposing = {
    features: x,
    labels: Tensor.zeros([2], { dtype: 'int32' }),
    get mean() {
      x.dispose();
      return 0;
    },
  };
  expect(() => new tt.DataLoader(disposing)).toThrow('this Tensor was disposed of');
});

test('parameters may come from anything that can be iterated over', () => {
  const make = () => new tt.Sequential([new tt.Dense(2, 2)]);
  for (const parameters of [
    make().namedParameters().values(),
    new Set(make().parameters()),
    make().parameters(),
  ]) {
    const each = new tt.SGD(parameters, { lr: 1 });
    each.step();
    each.dispose();
  }
});

test('frozen parameters', () => {
  const layer = new tt.Dense(2, 2);
  const bias = layer.bias as typeof p;
  layer.weight.requiresGrad = false;
  const adam = new tt.Adam(layer.parameters());
  layer.forward(features).sum().backward();
  const before = layer.weight.data();
  adam.step();
  expect(layer.weight.data()).toEqual(before);
  bias.requiresGrad = false; // later
  const last = bias.data();
  adam.zeroGrad();
  adam.step();
  expect(tt.clipGradNorm(layer.parameters(), 1)).toBe(0);
  expect(bias.data()).toEqual(last);
});

test('a table of confusion for many classes only where it is asked for', async () => {
  const classes = 70_000;
  const many = new tt.Dense(2, classes);
  const found = await tt.evaluate(many, dataset);
  expect(found.confusion).toBeUndefined();
  expect(found.predictions.length).toBe(6);
  const some = new tt.Dense(2, 1200);
  expect((await tt.evaluate(some, dataset)).confusion).toBeUndefined();
  const table = (await tt.evaluate(some, dataset, { confusion: true })).confusion ?? [];
  expect([table.length, table[0]?.length, table.flat().reduce((a, b) => a + b)]).toEqual([1200, 1200, 6]);
  expect((await tt.evaluate(model, dataset, { confusion: false })).confusion).toBeUndefined();
  await expect(tt.evaluate(many, dataset, { confusion: true })).rejects.toThrow(TinyTorchError);
  expect((await tt.evaluate(model, dataset)).samples).toBe(6);
});
