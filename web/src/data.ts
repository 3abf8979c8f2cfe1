// Data sets and batches.

import { withBytes } from './bytes.js';
import * as check from './check.js';
import { liveHandle, Native, nativeHandle } from './resource.js';
import type { Runtime } from './runtime.js';
import { newTensor, type Tensor, tensorHandle } from './tensor.js';
import type { FileData } from './types.js';
import type { Handle } from './wasm_module.js';

/**
 * Pairs of features `[n, ...]` and labels `[n]`. They are held as they are: uint8 features (pixels) become
 * (x / 255 - mean) / deviation in float32 when a batch is made.
 */
export interface TensorDataset {
  readonly features: Tensor;
  readonly labels: Tensor;
  /** 0 by default. */
  readonly mean?: number;
  /** 1 by default. */
  readonly deviation?: number;
}

export interface LoaderOptions {
  /** 64 by default; at least 1. */
  batchSize?: number;
  /** Whether each epoch has an order of its own, which `seed` determines. */
  shuffle?: boolean;
  /** Whether a last batch that is not full is left out. */
  dropLast?: boolean;
  /** A whole number >= 0, 0 by default. */
  seed?: number;
}

const LOADER_OPTIONS = ['batchSize', 'shuffle', 'dropLast', 'seed'] as const;

export interface Batch {
  readonly features: Tensor;
  readonly labels: Tensor;
}

/** Cuts a data set into batches: `for (const { features, labels } of loader) ...`. */
export abstract class DataLoader extends Native implements Iterable<Batch> {
  /** @internal */
  constructor(runtime: Runtime, dataset: TensorDataset, options?: LoaderOptions) {
    const where = 'new DataLoader';
    const { module } = runtime;
    const read = check.options(options, LOADER_OPTIONS, where);
    const { batchSize = 64, shuffle = false, dropLast = false, seed = 0 } = read;
    const size = check.whole(batchSize, where, 'batchSize', 1);
    const isShuffled = check.truth(shuffle, where, 'shuffle');
    const dropsLast = check.truth(dropLast, where, 'dropLast');
    const seeds = seedArguments(seed, where);
    const data = readDataset(dataset, where);
    const handles = datasetHandles(runtime, data, where);
    super(
      runtime,
      module.loader(...handles, size, isShuffled, dropsLast, ...seeds),
      'DataLoader',
      module.releaseLoader,
    );
  }

  /** How many batches an epoch has. */
  get length(): number {
    return this.runtime.module.loaderBatches(liveHandle(this, 'DataLoader', 'length'));
  }

  /** Draws the order of that epoch; 0 at first. */
  setEpoch(epoch: number): void {
    const checked = check.whole(epoch, 'setEpoch', 'the epoch', 0);
    this.runtime.check(
      this.runtime.module.loaderSetEpoch(liveHandle(this, 'DataLoader', 'setEpoch'), checked),
    );
  }

  /** A batch as new tensors. Throws `InvalidArgumentError` outside 0 ... length - 1. */
  batch(index: number): Batch {
    const { runtime } = this;
    const at = check.whole(index, 'batch', 'index', 0, this.length - 1);
    runtime.check(runtime.module.loaderBatch(liveHandle(this, 'DataLoader', 'batch'), at));
    const { features, labels } = runtime.received('batch');
    return { features: newTensor(runtime, features), labels: newTensor(runtime, labels) };
  }

  /** Where the samples of a batch stand in the data set. */
  indices(index: number): Int32Array {
    const { runtime } = this;
    const at = check.whole(index, 'indices', 'index', 0, this.length - 1);
    runtime.check(runtime.module.loaderIndices(liveHandle(this, 'DataLoader', 'indices'), at));
    const { address, count } = runtime.received('array');
    return new Int32Array(runtime.module.wasmMemory.buffer, address, count).slice();
  }

  /** The batches of the epoch. Those that were given are disposed of when the next one is asked for. */
  *[Symbol.iterator](): Iterator<Batch> {
    for (let i = 0; i < this.length; ++i) {
      const batch = this.batch(i);
      try {
        yield batch;
      } finally {
        batch.features.dispose();
        batch.labels.dispose();
      }
    }
  }
}

export type DataLoaderConstructor = new (dataset: TensorDataset, options?: LoaderOptions) => DataLoader;

export function dataLoaderClass(runtime: Runtime): DataLoaderConstructor {
  return class extends DataLoader {
    constructor(dataset: TensorDataset, options?: LoaderOptions) {
      super(runtime, dataset, options);
    }
  };
}

/** For `Trainer`: the handle of a live loader of this runtime. */
export function loaderHandle(runtime: Runtime, value: DataLoader, where: string): Handle {
  return nativeHandle(runtime, value, 'DataLoader', where);
}

/** A data set with every field read once and its numbers checked. */
export function readDataset(dataset: TensorDataset, where: string): Required<TensorDataset> {
  const known = ['features', 'labels', 'mean', 'deviation'] as const;
  const read = check.options<TensorDataset>(dataset, known, `${where}, data set`);
  const { features, labels, mean = 0, deviation = 1 } = read;
  return {
    features: features as Tensor,
    labels: labels as Tensor,
    mean: check.finite(mean, where, 'mean'),
    deviation: check.finite(deviation, where, 'deviation', Number.MIN_VALUE),
  };
}

/** A data set as the module takes it. */
export function datasetHandles(
  runtime: Runtime,
  { features, labels, mean, deviation }: Required<TensorDataset>,
  where: string,
): [Handle, Handle, number, number] {
  return [
    tensorHandle(runtime, features, `${where}, features`),
    tensorHandle(runtime, labels, `${where}, labels`),
    mean,
    deviation,
  ];
}

/** A seed, a whole number >= 0 of up to 53 bits, as two numbers of 32. */
export function seedArguments(seed: number, where = 'manualSeed'): [number, number] {
  const whole = check.whole(seed, where, 'seed', 0);
  return [whole >>> 0, Math.floor(whole / 2 ** 32) >>> 0];
}

/**
 * The array in an IDX file, the format of MNIST: images `[n, 28, 28]` or labels `[n]`, of dtype uint8. Other element
 * types of the format are not read. Throws `FormatError` that says what is wrong.
 */
export function readIdx(runtime: Runtime, file: FileData): Tensor {
  return withBytes(runtime, file, 'readIdx', (bytes) => newTensor(runtime, runtime.module.readIdx(bytes)));
}
