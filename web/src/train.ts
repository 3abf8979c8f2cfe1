// Training and evaluation, batch by batch, giving the event loop its turn in between.

import { takeBytes, withBytes } from './bytes.js';
import * as check from './check.js';
import { LOSSES, SCHEDULES } from './contract.js';
import { type DataLoader, datasetHandles, loaderHandle, readDataset, type TensorDataset } from './data.js';
import { type Evaluation, evaluate, type LossName } from './evaluate.js';
import { InvalidArgumentError } from './errors.js';
import { layerHandle } from './layer.js';
import type { Module } from './nn.js';
import { type Optimizer, optimizerHandle } from './optim.js';
import { namedParametersOf, runBatch, withList } from './own_layers.js';
import { liveHandle, Native } from './resource.js';
import type { Runtime } from './runtime.js';
import { Turns } from './turns.js';
import type { FileBytes, FileData } from './types.js';

export type ScheduleName = (typeof SCHEDULES)[number];

export interface TrainOptions {
  readonly optimizer: Optimizer;
  readonly data: DataLoader;
  /** 1 by default. */
  readonly epochs?: number;
  /** `cross_entropy` by default. */
  readonly loss?: LossName;
  /** The largest joint norm of the gradients; 0, the default, for none. */
  readonly clipNorm?: number;
  /**
   * How many batches' gradients are added up before a step; 1 by default. Each weighs as many samples as it has, so the
   * step is that of one large batch, also where the last group of an epoch is short.
   */
  readonly accumulate?: number;
  /** Of the learning rate: `constant`, `step` (by epochs) or `cosine` (step by step, over all epochs). */
  readonly schedule?: ScheduleName;
  /** `step`: after how many epochs, and by what factor; 1 and 0.1 by default. */
  readonly scheduleEvery?: number;
  readonly scheduleFactor?: number;
  /** `cosine`: where it ends; 0 by default. */
  readonly scheduleLowest?: number;
  /** `cosine`: the part of all steps, 0 to below 1, in which the rate first rises, linearly; 0 by default. */
  readonly warmup?: number;
  /** Stop after so many epochs without a better validation loss; 0, the default, for never. NaN is never better. */
  readonly patience?: number;
}

const TRAIN_OPTIONS = [
  ...(['optimizer', 'data', 'epochs', 'loss', 'clipNorm', 'accumulate', 'schedule'] as const),
  ...(['scheduleEvery', 'scheduleFactor', 'scheduleLowest', 'warmup', 'patience'] as const),
];
const FIT_OPTIONS = ['validation', 'onBatch', 'onEpoch', 'signal'] as const;

export interface Progress {
  /** Epochs done, and to do. */
  readonly epoch: number;
  readonly epochs: number;
  /** Batches done in this epoch, and to do. */
  readonly batch: number;
  readonly batches: number;
  /** Optimiser steps since the start. */
  readonly steps: number;
  /** Of the last batch. */
  readonly loss: number;
  readonly accuracy: number;
  /** Means over this epoch so far. */
  readonly epochLoss: number;
  readonly epochAccuracy: number;
  readonly samplesPerSecond: number;
  readonly seconds: number;
  readonly secondsLeft: number;
  readonly epochEnded: boolean;
  readonly finished: boolean;
  readonly stoppedEarly: boolean;
}

/** An epoch's end, with its evaluation where there is validation data. */
export interface EpochProgress extends Progress {
  readonly validation?: Evaluation;
}

export interface FitOptions {
  /** Evaluated after each epoch. */
  readonly validation?: TensorDataset;
  /** Called after each batch; a promise is waited for. */
  readonly onBatch?: (progress: Progress) => void | Promise<void>;
  /** Called after each epoch; a promise is waited for. */
  readonly onEpoch?: (progress: EpochProgress) => void | Promise<void>;
  /** Stops between two batches; the promise is rejected with the signal's reason, and `fit` can go on later. */
  readonly signal?: AbortSignal;
}

/** The training loop: `await trainer.fit()`, or `trainer.step()` by hand. */
export abstract class Trainer extends Native {
  readonly #model: Module;
  readonly #loss: LossName;

  /** @internal */
  constructor(runtime: Runtime, model: Module, options: TrainOptions) {
    const where = 'new Trainer';
    const read = check.options(options, TRAIN_OPTIONS, where);
    const { optimizer, data, loss = 'cross_entropy', schedule = 'constant' } = read;
    const { epochs = 1, clipNorm = 0, accumulate = 1, patience = 0 } = read;
    const { scheduleEvery = 1, scheduleFactor = 0.1, scheduleLowest = 0, warmup = 0 } = read;
    const rising = check.finite(warmup, where, 'warmup', 0);
    if (rising >= 1) throw new InvalidArgumentError(`${where}: warmup must be below 1, got ${rising}`);
    const numbers = {
      epochs: check.whole(epochs, where, 'epochs', 0),
      loss: check.oneOf(loss, LOSSES, where, 'loss'),
      clipNorm: check.atLeast(clipNorm, where, 'clipNorm', 0),
      accumulate: check.whole(accumulate, where, 'accumulate', 1),
      schedule: check.oneOf(schedule, SCHEDULES, where, 'schedule'),
      scheduleEvery: check.whole(scheduleEvery, where, 'scheduleEvery', 1),
      scheduleFactor: check.finite(scheduleFactor, where, 'scheduleFactor', 0),
      scheduleLowest: check.finite(scheduleLowest, where, 'scheduleLowest', 0),
      warmup: rising,
      patience: check.whole(patience, where, 'patience', 0),
    };
    const handle = layerHandle(runtime, model, where);
    const optimizerAt = optimizerHandle(runtime, optimizer as Optimizer, where);
    const loaderAt = loaderHandle(runtime, data as DataLoader, where);
    runtime.send('trainOptions', numbers);
    const made = runtime.module.trainer(handle, optimizerAt, loaderAt);
    super(runtime, made, 'trainer', runtime.module.releaseTrainer);
    this.#model = model;
    this.#loss = loss;
  }

  /**
   * One batch: forward, backward and, every `accumulate` batches, a step of the optimiser. A model in evaluation mode is
   * trained in training mode and is back in its own after; layers that were put into evaluation mode by hand, in a model
   * that is in training mode, stay there. What a `forward` of one's own throws comes out as it is, and the trainer stays
   * where it was; tensors that it makes are disposed of after the batch, as in `tidy`.
   */
  step(): Progress {
    liveHandle(this, 'trainer', 'step'); // first: a proxy has no #model
    const { runtime } = this;
    const { module } = runtime;
    if (this.#model.runsInModule) {
      runtime.check(module.trainerStep(liveHandle(this, 'trainer', 'step')));
      return readProgress(runtime);
    }
    const progress = runBatch(this.#model, this.#model.isTraining ? undefined : true, {
      begin: () => module.trainerBegin(liveHandle(this, 'trainer', 'step')),
      finish: (y) => {
        runtime.check(module.trainerFinish(liveHandle(this, 'trainer', 'step'), y));
        return readProgress(runtime);
      },
      abandon: () => this.isDisposed || module.trainerAbandon(liveHandle(this, 'trainer', 'step')),
    });
    return progress ?? this.progress;
  }

  get progress(): Progress {
    this.runtime.module.trainerProgress(liveHandle(this, 'trainer', 'progress'));
    return readProgress(this.runtime);
  }

  /**
   * Trains to the end, from wherever it is. The event loop has its turn every few milliseconds, so that a page
   * stays alive and `signal` is heard.
   */
  async fit(options?: FitOptions): Promise<Progress> {
    liveHandle(this, 'trainer', 'fit');
    const { signal, onBatch, onEpoch, validation } = check.options(options, FIT_OPTIONS, 'fit');
    if (onBatch !== undefined) check.callable(onBatch, 'fit', 'onBatch');
    if (onEpoch !== undefined) check.callable(onEpoch, 'fit', 'onEpoch');
    if (validation !== undefined) {
      datasetHandles(this.runtime, readDataset(validation, 'fit, validation'), 'fit, validation');
    }
    const turns = new Turns(signal, 'fit');
    let progress = this.progress;
    while (!progress.finished) {
      progress = this.step();
      await onBatch?.(progress);
      if (progress.epochEnded) {
        const evaluation = validation && (await this.#validate(validation, signal));
        progress = { ...progress, ...this.#flags() };
        await onEpoch?.(evaluation ? { ...progress, validation: evaluation } : progress);
      }
      await turns.next();
    }
    return progress;
  }

  /**
   * All that training depends on - weights, optimiser, place, random numbers - as a safetensors file. After
   * `restore` the remaining steps give the same bits as without interruption.
   */
  checkpoint(): FileBytes {
    liveHandle(this, 'trainer', 'checkpoint'); // first: a proxy has no private methods
    this.#sendParameters('checkpoint');
    return takeBytes(this.runtime, this.runtime.module.checkpoint(liveHandle(this, 'trainer', 'checkpoint')));
  }

  /**
   * Goes back to a checkpoint, whole or not at all. Throws `FormatError`, and changes nothing, for a file that is malformed,
   * was changed, or is of another training: another model, kind of optimiser, options of it but the learning rate (the
   * checkpoint's counts), loss, `accumulate`, number of samples, batch size, order or seed. `epochs`, the schedule,
   * `clipNorm`, `patience` and which parameters are frozen may differ.
   */
  restore(checkpoint: FileData): void {
    const { runtime } = this;
    liveHandle(this, 'trainer', 'restore'); // first: a proxy has no private methods
    this.#sendParameters('restore');
    const handle = liveHandle(this, 'trainer', 'restore');
    withBytes(runtime, checkpoint, 'restore', (bytes) =>
      runtime.check(runtime.module.restore(handle, bytes)),
    );
  }

  /** Tells the module of parameters that only the model's own methods know. */
  #sendParameters(where: string): void {
    const { runtime } = this;
    liveHandle(this, 'trainer', where);
    const model = this.#model;
    withList(runtime, model.isListedByModule ? [] : namedParametersOf(model), (list) =>
      runtime.check(runtime.module.trainerParameters(liveHandle(this, 'trainer', where), list)),
    );
  }

  async #validate(validation: TensorDataset, signal: AbortSignal | undefined): Promise<Evaluation> {
    const options = { loss: this.#loss, ...(signal && { signal }) };
    const evaluation = await evaluate(this.runtime, this.#model, validation, options);
    this.runtime.module.reportValidation(liveHandle(this, 'trainer', 'fit'), evaluation.loss);
    return evaluation;
  }

  /** What a validation may have changed. */
  #flags(): Pick<Progress, 'finished' | 'stoppedEarly'> {
    const { finished, stoppedEarly } = this.progress;
    return { finished, stoppedEarly };
  }
}

export type TrainerConstructor = new (model: Module, options: TrainOptions) => Trainer;

export function trainerClass(runtime: Runtime): TrainerConstructor {
  return class extends Trainer {
    constructor(model: Module, options: TrainOptions) {
      super(runtime, model, options);
    }
  };
}

/** The numbers in the order of the C++ struct Progress (train.h). */
function readProgress(runtime: Runtime): Progress {
  const { epochEnded, finished, stoppedEarly, ...numbers } = runtime.received('progress');
  return {
    ...numbers,
    epochEnded: epochEnded === 1,
    finished: finished === 1,
    stoppedEarly: stoppedEarly === 1,
  };
}
