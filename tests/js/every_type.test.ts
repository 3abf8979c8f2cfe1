// Every JavaScript type into every public function. A call returns, or throws one of the package's errors, or lets an
// error of the caller's through; it leaves no memory behind and changes no other result.
//
// A failure prints the seed: VITE_SEED=... repeats it (1 by default, VITE_SEED=random hunts), VITE_CALLS=... sets how many
// calls, VITE_ONLY=... which (a regular expression). The load() and probe() of the package are tried in load.test.ts.

import { afterAll, expect, test } from 'vitest';
import { load, type Module, type Tensor, TinyTorchError } from 'tinytorch-wasm';
import { classesOf, type Entry, surfaceOf } from './every_type/surface.js';
import { composed, MINE, otherRealm, plainValues, wrapped } from './every_type/values.js';

const settings = (import.meta as unknown as { env: Record<string, string | undefined> }).env;
const asked = settings['VITE_SEED'] ?? '1';
const SEED = asked === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(asked);
const CALLS = Number(settings['VITE_CALLS'] ?? 200_000);
const ONLY = new RegExp(settings['VITE_ONLY'] ?? '');

/** After so many calls everything is disposed of, and the books are checked. */
const CALLS_A_ROUND = 100;

/** Not called at random, and why. */
const APART: Readonly<Record<string, string>> = {
  terminate: 'ends the module; tried in threads.test.ts',
  peak: 'measures for 40 ms; tried with every value, once, below',
};

const tt = await load(); // what users get: with threads, where there are any
const other = await load({ variant: 'scalar', threads: 1 });
const realm = await otherRealm();
afterAll(() => {
  tt.terminate();
  other.terminate();
});

/** How to make an object of each class; a class that is missing here fails the first test. */
const RECIPES: Readonly<Record<string, (random: () => number) => object>> = {
  Tensor: (random) => tensor(random),
  ...Object.fromEntries(
    ['ReLU', 'Sigmoid', 'Tanh', 'GELU', 'Softmax', 'Dropout', 'Flatten'].map((name) => [
      name,
      () => new (tt as unknown as Record<string, new () => Module>)[name]!(),
    ]),
  ),
  Dense: () => new tt.Dense(3, 2),
  Linear: () => new tt.Linear(3, 2),
  LayerNorm: () => new tt.LayerNorm(3),
  Sequential: () => new tt.Sequential([new tt.Dense(3, 2)]),
  CrossEntropyLoss: () => new tt.CrossEntropyLoss(),
  MSELoss: () => new tt.MSELoss(),
  BinaryCrossEntropyLoss: () => new tt.BinaryCrossEntropyLoss(),
  SGD: () => new tt.SGD([leaf()], { lr: 0.1 }),
  Adam: () => new tt.Adam([leaf()]),
  AdamW: () => new tt.AdamW([leaf()]),
  DataLoader: () => new tt.DataLoader(dataset(), { batchSize: 3 }),
  Trainer: () => {
    const model = own(new tt.Dense(3, 2));
    const optimizer = own(new tt.SGD(model.parameters(), { lr: 0.1 }));
    return new tt.Trainer(model, { optimizer, data: own(new tt.DataLoader(dataset(), { batchSize: 3 })) });
  },
};

// ---- What a round of calls makes, and disposes of ----

let owned: Disposable[] = [];
function own<R extends object>(resource: R): R {
  if (Symbol.dispose in resource) owned.push(resource as unknown as Disposable);
  return resource;
}
function leaf(): Tensor {
  return own(new tt.Tensor([[1, 2, 3]], { requiresGrad: true }));
}
function dataset() {
  return {
    features: own(tt.Tensor.ones([4, 3])),
    labels: own(new tt.Tensor([0, 1, 1, 0], { dtype: 'int32' })),
  };
}
function tensor(random: () => number): Tensor {
  const dtype = (['float32', 'float32', 'float64', 'int32', 'uint8'] as const)[Math.floor(random() * 5)];
  const shape = [[], [3], [2, 3], [3, 2], [2, 3, 1], [1, 3], [0], [0, 3], [4]][
    Math.floor(random() * 9)
  ] as number[];
  const made = tt.Tensor.ones(shape, { dtype: dtype ?? 'float32' });
  if (made.dtype.startsWith('float') && random() < 0.3) made.requiresGrad = true;
  return made;
}
function disposeRound(): void {
  for (const each of owned) each[Symbol.dispose]();
  owned = [];
}
/** Disposes of what a call returned; what cannot be looked into is a value that we gave it. */
function ownResult(value: unknown): void {
  try {
    ownParts(value);
  } catch {
    // A hostile proxy.
  }
}
function ownParts(value: unknown, depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > 4 || ArrayBuffer.isView(value)) return;
  if (isResource(value)) own(value);
  else if (value instanceof Map || value instanceof Set)
    for (const each of value.values()) ownParts(each, depth + 1);
  else if (Object.getPrototypeOf(value) === Object.prototype || Array.isArray(value)) {
    for (const key of Object.keys(value).slice(0, 100)) {
      const { value: part } = Object.getOwnPropertyDescriptor(value, key) ?? {};
      ownParts(part, depth + 1);
    }
  }
}
function isPromise(value: unknown): boolean {
  try {
    return value instanceof Promise;
  } catch {
    return false; // a proxy that does not tell its prototype
  }
}
function isResource(value: object): boolean {
  try {
    return typeof (value as { isDisposed?: unknown }).isDisposed === 'boolean';
  } catch {
    return false; // a proxy or copy
  }
}

// ---- The books ----

const live = () => ({ tensors: tt.memory().tensors, bytes: tt.memory().bytes });
/** The bits of a computation that nothing else may change. */
function knownResult(): string {
  return tt.tidy(() => {
    tt.manualSeed(7);
    const x = tt.Tensor.randn([65, 33]);
    const layer = new tt.Dense(33, 70);
    const y = layer.forward(x).softmax(-1);
    y.matmul(tt.Tensor.rand([70, 3]))
      .sum()
      .backward();
    const grad = layer.weight.grad as Tensor;
    const gradient = grad.data();
    grad.dispose();
    return [...y.data(), ...gradient, ...new tt.Tensor([[1, 2]]).data()].join();
  });
}

function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Why a call went wrong; undefined where it did not. */
function complaint(error: unknown): string | undefined {
  if (error === MINE) return undefined;
  if (error instanceof TinyTorchError && typeof error.code === 'string' && error.code !== 'internal')
    return undefined;
  return error instanceof Error ? `${error.name}: ${error.message}\n${error.stack ?? ''}` : String(error);
}

const entries = surfaceOf(tt);

test('every class has a recipe, every function that is left out exists', () => {
  expect(Object.keys(RECIPES).sort()).toEqual(classesOf(tt).sort());
  const names = entries.map(({ name }) => name);
  for (const name of Object.keys(APART)) expect(names).toContain(name);
  expect(names).toContain('Tensor#slice');
  expect(names).toContain('set Tensor#requiresGrad');
  expect(names).toContain('tidy');
  expect(entries.length).toBeGreaterThan(150);
});

test(`${CALLS} calls, seed ${SEED}`, { timeout: 900_000 }, async () => {
  const random = generator(SEED);
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const surroundings = { tt, other, realm, made: own, disturb: () => one(disturbances)() };
  const disturbances: (() => void)[] = [
    () => own(tt.Tensor.zeros([8, 2])).fill(1),
    () => own(tt.Tensor.ones([2 ** 18])), // the memory may grow, which detaches every view of it
    () => one(owned)?.[Symbol.dispose](),
    () => tt.memory(),
    () =>
      own(tt.Tensor.zeros([1, 1, 1, 1, 1, 1, 1, 1]))
        .reshape([1, 1])
        .dispose(),
    () => {
      throw MINE;
    },
  ];
  const plain = plainValues(surroundings);
  const foreign = [other.Tensor.ones([2, 3]), new other.Dense(3, 2)];
  const value = (depth = 0): unknown => {
    const kind = random();
    if (kind < 0.35) return one(plain);
    if (kind < 0.55) return own(tensor(random));
    if (kind < 0.62) return own(one(Object.values(RECIPES))(random));
    if (kind < 0.66) return one(owned);
    if (kind < 0.68) return one(foreign);
    if (kind < 0.72) return Math.floor(random() * 4) - 1;
    return depth < 3 ? composed(() => value(depth + 1), random, surroundings) : undefined;
  };
  const receiver = (name: string): unknown => {
    const made = own((RECIPES[name] as (random: () => number) => object)(random));
    const kind = random();
    if (kind < 0.03) return wrapped(made, random);
    if (kind < 0.05) (made as Disposable)[Symbol.dispose]?.();
    return made;
  };

  const chosen = entries.filter(({ name }) => !(name in APART) && ONLY.test(name));
  const complaints = new Map<string, string>();
  const before = live();
  const expected = knownResult();
  expect(live()).toEqual(before);
  const tally = { returned: 0, refused: 0 };
  const attempt = async (entry: Entry): Promise<void> => {
    const self = entry.receiver === undefined ? undefined : receiver(entry.receiver);
    const args = Array.from({ length: Math.floor(random() * 5) }, () => value());
    try {
      let result = entry.call(self, args);
      if (isPromise(result)) result = await (result as Promise<unknown>);
      if (entry.name.endsWith('#Symbol(Symbol.iterator)')) result = [...(result as Iterable<unknown>)];
      ownResult(result);
      ++tally.returned;
    } catch (error) {
      ++tally.refused;
      const what = complaint(error);
      if (what !== undefined) complaints.set(`${entry.name}: ${what.split('\n')[0]}`, what);
    }
  };
  for (let done = 0; done < CALLS && complaints.size < 20; done += CALLS_A_ROUND) {
    const names: string[] = [];
    for (let i = 0; i < CALLS_A_ROUND; ++i) {
      const entry = one(chosen);
      names.push(entry.name);
      await attempt(entry);
    }
    disposeRound();
    tt.setAnomalyDetection(false);
    if (JSON.stringify(live()) !== JSON.stringify(before)) {
      expect({ ...live(), after: names, seed: SEED, round: done }).toEqual(before);
    }
  }
  expect([...complaints.values()], `seed ${SEED}`).toEqual([]);
  expect(knownResult()).toBe(expected);
  for (const each of foreign) each.dispose();
  // Neither all refused nor all taken: the values reach the inside.
  expect(tally.returned).toBeGreaterThan(CALLS / 20);
  expect(tally.refused).toBeGreaterThan(CALLS / 20);
});

test('peak', { timeout: 120_000 }, () => {
  const values = plainValues({ tt, other, realm, made: own, disturb: () => undefined });
  for (const value of values) {
    for (const args of [[value], ['float32', value]]) {
      let result: unknown;
      try {
        result = (tt.peak as (...args: unknown[]) => unknown)(...args);
      } catch (error) {
        expect(complaint(error)).toBeUndefined();
        continue;
      }
      expect(result).toBeTypeOf('number');
    }
  }
});
