// How good a model is on a data set, batch by batch, giving the event loop its turn in between.

import * as check from './check.js';
import { CONFUSIONS, LOSSES } from './contract.js';
import { datasetHandles, readDataset, type TensorDataset } from './data.js';
import { noGrad } from './autograd.js';
import { layerHandle } from './layer.js';
import type { Module } from './nn.js';
import { runBatch } from './own_layers.js';
import type { Runtime } from './runtime.js';
import { Turns } from './turns.js';
import type { Handle } from './wasm_module.js';

export type LossName = (typeof LOSSES)[number];

export interface EvaluateOptions {
  /** `cross_entropy` by default. */
  readonly loss?: LossName;
  /** 1000 by default; at least 1. */
  readonly batchSize?: number;
  /**
   * Whether the table `confusion` is made, which has classes x classes numbers. By default it is for up to 1,000 classes.
   * Throws `OverflowError` or `OutOfMemoryError` where it has no room.
   */
  readonly confusion?: boolean;
  /** Called after each batch with the number of samples done. */
  readonly onProgress?: (samples: number) => void;
  readonly signal?: AbortSignal;
}

export interface Evaluation {
  readonly loss: number;
  readonly accuracy: number;
  readonly samples: number;
  /** The class of each sample, in the data set's order; empty for another loss than cross-entropy. */
  readonly predictions: Int32Array;
  /**
   * How often each label (row) was taken for each class (column). Undefined for another loss than cross-entropy, and for
   * more than 1,000 classes unless the option `confusion` asks for it.
   */
  readonly confusion: readonly (readonly number[])[] | undefined;
}

const EVALUATE_OPTIONS = ['loss', 'batchSize', 'confusion', 'onProgress', 'signal'] as const;
/** What the option `confusion` means. */
const CONFUSION = { undefined: 'where_small', true: 'always', false: 'never' } as const;

/**
 * Loss and accuracy on a data set, in evaluation mode and without recording. Every layer has its own mode back after each
 * batch.
 */
export async function evaluate(
  runtime: Runtime,
  model: Module,
  dataset: TensorDataset,
  options?: EvaluateOptions,
): Promise<Evaluation> {
  const where = 'evaluate';
  const { module } = runtime;
  const read = check.options(options, EVALUATE_OPTIONS, where);
  const { loss = 'cross_entropy', batchSize = 1000, confusion, onProgress, signal } = read;
  const lossCode = check.oneOf(loss, LOSSES, where, 'loss');
  const size = check.whole(batchSize, where, 'batchSize', 1);
  if (confusion !== undefined) check.truth(confusion, where, 'confusion');
  if (onProgress !== undefined) check.callable(onProgress, where, 'onProgress');
  const turns = new Turns(signal, where);
  const data = readDataset(dataset, where);
  const handle = layerHandle(runtime, model, where);
  const handles = datasetHandles(runtime, data, where);
  module.roomForSeveral();
  const evaluator = runtime.check(
    module.evaluator(handle, ...handles, lossCode, size, CONFUSIONS.indexOf(CONFUSION[`${confusion}`])),
  );
  try {
    for (;;) {
      const done = evaluateBatch(runtime, model, evaluator);
      if (done === undefined) return readEvaluation(runtime, evaluator);
      onProgress?.(done);
      await turns.next();
    }
  } finally {
    module.releaseEvaluator(evaluator);
  }
}

/** Gives the number of samples done, undefined where no batch was left. */
function evaluateBatch(runtime: Runtime, model: Module, evaluator: Handle): number | undefined {
  const { module } = runtime;
  if (model.runsInModule) {
    runtime.check(module.evaluatorStep(evaluator));
    const { isMore, done } = runtime.received('evaluatorStep');
    return isMore === 0 ? undefined : done;
  }
  return noGrad(runtime, () =>
    runBatch(model, false, {
      begin: () => module.evaluatorBegin(evaluator),
      finish: (y) => {
        runtime.check(module.evaluatorFinish(evaluator, y));
        return runtime.received('evaluatorStep').done;
      },
      abandon: () => module.evaluatorAbandon(evaluator),
    }),
  );
}

function readEvaluation(runtime: Runtime, evaluator: Handle): Evaluation {
  runtime.check(runtime.module.evaluatorResult(evaluator));
  const { buffer } = runtime.module.wasmMemory;
  const { loss, accuracy, samples, predictionsAt, predictionCount, confusionAt, classes } =
    runtime.received('evaluation');
  const predictions = new Int32Array(buffer, predictionsAt, predictionCount).slice();
  const row = (label: number): number[] =>
    Array.from(new BigInt64Array(buffer, confusionAt + 8 * label * classes, classes), Number);
  const confusion = classes === 0 ? undefined : Array.from({ length: classes }, (_, label) => row(label));
  return { loss, accuracy, samples, predictions, confusion };
}
