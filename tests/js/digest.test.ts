// The digest that scripts/digest.mjs compares between engines: it leaves out no operation, and threads change no bit.

import { expect, test } from 'vitest';
import { load, type TinyTorch } from 'tinytorch-wasm';
// @ts-expect-error JavaScript, because engines run it as it is.
import * as program from '../digest/digest.mjs';
import { build, runnableVariants } from './builds.js';

const { BINARY, UNARY, digest } = program as {
  UNARY: object;
  BINARY: object;
  digest: (tt: TinyTorch) => Promise<string[]>;
};
const variant = runnableVariants().includes('simd') ? 'simd' : 'scalar';
const tt = await build(variant);

/** Of a tensor or the library, but no arithmetic whose bits could differ. */
const NO_ARITHMETIC = [
  ...['constructor', 'dispose', 'toString', 'data', 'item', 'toArray', 'toJSON', 'detach', 'from', 'zeros'],
  ...[
    'manualSeed',
    'kernels',
    'peak',
    'explain',
    'setTile',
    'allclose',
    'maxAbsDiff',
    'noGrad',
    'setAnomalyDetection',
  ],
  ...['profile', 'tidy', 'memory', 'setThreads', 'terminate', 'resetPeakMemory', 'releasePooledMemory'],
  ...['readIdx', 'saveModel', 'loadModel', 'writeSafetensors', 'readSafetensors', 'Tensor', 'Linear'],
];
/** What digest.mjs calls outside of its tables. */
const OTHERWISE = [
  ...[
    'backward',
    'matmul',
    'argmax',
    'fill',
    'copyFrom',
    'to',
    'eye',
    'arange',
    'full',
    'ones',
    'rand',
    'randn',
  ],
  ...[
    'initialize',
    'DataLoader',
    'CrossEntropyLoss',
    'Trainer',
    'Sequential',
    'Adam',
    'AdamW',
    'SGD',
    'evaluate',
  ],
  ...['clipGradNorm', 'cosineSchedule'], // inside Trainer
  'stepSchedule', // two multiplications; tested by its values
];

/** Those of an object and of its prototypes. */
const functionsOf = (object: object): string[] => {
  const own = Object.getOwnPropertyNames(object).filter(
    (name) => typeof Object.getOwnPropertyDescriptor(object, name)?.value === 'function',
  );
  const next = Object.getPrototypeOf(object) as object | null;
  return next && next !== Object.prototype && next !== Function.prototype
    ? [...own, ...functionsOf(next)]
    : own;
};

test('every operation is in the digest', () => {
  const names = [...functionsOf(tt.Tensor.prototype), ...functionsOf(tt.Tensor), ...functionsOf(tt)];
  const covered = new Set([
    ...[...Object.keys(UNARY), ...Object.keys(BINARY)].map((name) => name.split('.')[0]),
    ...NO_ARITHMETIC,
    ...OTHERWISE,
  ]);
  expect(names).toEqual(expect.arrayContaining(['relu', 'zeros', 'clipGradNorm']));
  expect(names.filter((name) => !covered.has(name))).toEqual([]);
});

test('any number of threads gives the same bits', async () => {
  const lines = await digest(tt);
  expect(new Set(lines.map((line) => line.split(' ')[0])).size).toBe(lines.length);
  expect(lines.length).toBeGreaterThan(400);
  const threaded = await load({ variant, threads: 3 });
  expect(await digest(threaded)).toEqual(lines);
  threaded.terminate();
});
