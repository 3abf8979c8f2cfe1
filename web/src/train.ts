// Training and evaluation, batch by batch, giving the event loop its turn in between.

import { takeBytes, withBytes } from './bytes.js';
import { type DataLoader, datasetArguments, loaderHandle, type TensorDataset } from './data.js';
import { InvalidArgumentError } from './errors.js';
import { type Module, moduleHandle } from './nn.js';
import { type Optimizer, optimizerHandle } from './optim.js';
import { Native } from './resource.js';
import type { Runtime } from './runtime.js';
import type { FileData } from './types.js';
import type { Handle } from './wasm_module.js';

export type LossName = 'cross_entropy' | 'mse' | 'binary_cross_entropy';
export type ScheduleName = 'constant' | 'step' | 'cosine';

const LOSSES: readonly LossName[] = ['cross_entropy', 'mse', 'binary_cross_entropy'];
const SCHEDULES: readonly ScheduleName[] = ['constant', 'step', 'cosine'];

/** How long training runs before the event loop has its turn: a frame of a page that draws at 60 Hz. */
const TURN_MS = 12;

export interface TrainOptions {
  readonly optimizer: Optimizer;
  readonly data: DataLoader;
  /** 1 by default. */
  readonly epochs?: number;
  /** `cross_entropy` by default. */
  readonly loss?: LossName;
  /** The largest joint norm of the gradients; 0, the default, for none. */
  readonly clipNorm?: number;
  /** How many batches' gradients are added up before a step; 1 by default. */
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
  /** Stop after so many epochs without a better validation loss; 0, the default, for never. */
  readonly patience?: number;
}

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

export interface EvaluateOptions {
  /** `cross_entropy` by default. */
  readonly loss?: LossName;
  /** 1000 by default. */
  readonly batchSize?: number;
  /** Called after each batch with the number of samples done. */
  readonly onProgress?: (samples: number) => void;
  readonly signal?: AbortSignal;
}

export interface Evaluation {
  readonly loss: number;
  readonly accuracy: number;
  readonly samples: number;
  /** The class of each sample, in the data set's order. */
  readonly predictions: Int32Array;
  /** How often each label (row) was taken for each class (column). */
  readonly confusion: readonly (readonly number[])[];
}

/** The training loop: `await trainer.fit()`, or `trainer.step()` by hand. */
export abstract class Trainer extends Native {
  readonly #model: Module;
  readonly #loss: LossName;

  /** @internal */
  constructor(runtime: Runtime, model: Module, options: TrainOptions) {
    const handle = moduleHandle(runtime, model, 'Trainer');
    const { optimizer, data, loss = 'cross_entropy', schedule = 'constant' } = options;
    const optimizerAt = optimizerHandle(runtime, optimizer, 'Trainer');
    const loaderAt = loaderHandle(runtime, data, 'Trainer');
    const { epochs = 1, clipNorm = 0, accumulate = 1, patience = 0 } = options;
    const { scheduleEvery = 1, scheduleFactor = 0.1, scheduleLowest = 0, warmup = 0 } = options;
    const lossCode = codeOf(loss, LOSSES, 'loss');
    const scheduleCode = codeOf(schedule, SCHEDULES, 'schedule');
    const curve = [scheduleCode, scheduleEvery, scheduleFactor, scheduleLowest, warmup];
    runtime.numbers.set([epochs, lossCode, clipNorm, accumulate, ...curve, patience]);
    super(runtime, runtime.module.trainer(handle, optimizerAt, loaderAt), runtime.module.releaseTrainer);
    this.#model = model;
    this.#loss = loss;
  }

  /** One batch: forward, backward and, every `accumulate` batches, a step of the optimiser. */
  step(): Progress {
    this.runtime.check(this.runtime.module.trainerStep(this.live('trainer', 'step')));
    return readProgress(this.runtime.numbers);
  }

  get progress(): Progress {
    this.runtime.module.trainerProgress(this.live('trainer', 'progress'));
    return readProgress(this.runtime.numbers);
  }

  /**
   * Trains to the end, from wherever it stands. The event loop has its turn every few milliseconds, so that a page
   * stays alive and `signal` is heard.
   */
  async fit(options: FitOptions = {}): Promise<Progress> {
    const { signal, onBatch, onEpoch, validation } = options;
    const turns = new Turns(signal);
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
  checkpoint(): Uint8Array<ArrayBuffer> {
    return takeBytes(this.runtime, this.runtime.module.checkpoint(this.live('trainer', 'checkpoint')));
  }

  /** Goes back to a checkpoint. Throws `FormatError` for one that is malformed or of another model. */
  restore(checkpoint: FileData): void {
    const { runtime } = this;
    const handle = this.live('trainer', 'restore');
    withBytes(runtime, checkpoint, 'restore', (bytes) =>
      runtime.check(runtime.module.restore(handle, bytes)),
    );
  }

  async #validate(validation: TensorDataset, signal: AbortSignal | undefined): Promise<Evaluation> {
    const options = { loss: this.#loss, ...(signal && { signal }) };
    const evaluation = await evaluate(this.runtime, this.#model, validation, options);
    this.runtime.module.reportValidation(this.live('trainer', 'fit'), evaluation.loss);
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

/** Loss and accuracy on a data set, in evaluation mode and without recording. */
export async function evaluate(
  runtime: Runtime,
  model: Module,
  dataset: TensorDataset,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { loss = 'cross_entropy', batchSize = 1000, onProgress, signal } = options;
  const { module } = runtime;
  const turns = new Turns(signal);
  const evaluator = runtime.check(
    module.evaluator(
      moduleHandle(runtime, model, 'evaluate'),
      ...datasetArguments(runtime, dataset, 'evaluate'),
      codeOf(loss, LOSSES, 'loss'),
      batchSize,
    ),
  );
  try {
    for (;;) {
      runtime.check(module.evaluatorStep(evaluator));
      const [more, done] = runtime.numbers as unknown as [number, number];
      if (more === 0) return readEvaluation(runtime, evaluator);
      onProgress?.(done);
      await turns.next();
    }
  } finally {
    module.releaseEvaluator(evaluator);
  }
}

function codeOf<Name extends string>(name: Name, names: readonly Name[], what: string): number {
  const code = names.indexOf(name);
  if (code < 0) throw new InvalidArgumentError(`no ${what} "${name}"; there are ${names.join(', ')}`);
  return code;
}

/** The numbers in the order of the C++ struct Progress (train.h). */
function readProgress(numbers: Float64Array): Progress {
  const at = (index: number): number => numbers[index] as number;
  return {
    epoch: at(0),
    epochs: at(1),
    batch: at(2),
    batches: at(3),
    steps: at(4),
    loss: at(5),
    accuracy: at(6),
    epochLoss: at(7),
    epochAccuracy: at(8),
    samplesPerSecond: at(9),
    seconds: at(10),
    secondsLeft: at(11),
    epochEnded: at(12) === 1,
    finished: at(13) === 1,
    stoppedEarly: at(14) === 1,
  };
}

function readEvaluation(runtime: Runtime, evaluator: Handle): Evaluation {
  runtime.check(runtime.module.evaluatorResult(evaluator));
  const { buffer } = runtime.module.wasmMemory;
  const [loss, accuracy, samples, predictionsAt, predictionCount, confusionAt, cells] =
    runtime.numbers as unknown as [number, number, number, number, number, number, number];
  const counts = Array.from(new BigInt64Array(buffer, confusionAt, cells), Number);
  const classes = Math.sqrt(cells);
  const confusion = Array.from({ length: classes }, (_, i) => counts.slice(i * classes, (i + 1) * classes));
  const predictions = new Int32Array(buffer, predictionsAt, predictionCount).slice();
  return { loss, accuracy, samples, predictions, confusion };
}

/** Lets the event loop have its turn once in a while, and hears of the signal then. */
class Turns {
  readonly #signal: AbortSignal | undefined;
  #last = performance.now();

  constructor(signal: AbortSignal | undefined) {
    signal?.throwIfAborted();
    this.#signal = signal;
  }

  async next(): Promise<void> {
    if (performance.now() - this.#last > TURN_MS) {
      await nextTurn();
      this.#last = performance.now();
    }
    this.#signal?.throwIfAborted();
  }
}

/** A message to oneself comes at once after what waits already; a nested timeout would idle for 4 ms. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
