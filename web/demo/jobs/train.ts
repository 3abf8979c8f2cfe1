// Training on MNIST in steps that can be watched, paused and stopped; at its end, what the network gets wrong.
import type { TinyTorch } from 'tinytorch-wasm';
import type { Mistake, TrainOptions, TrainResult, TrainUpdate } from '../engine/protocol';
import { Cancelled, type JobContext } from './context';
import { type Digits, toUnit } from './mnist';
import { buildNetwork, INPUTS } from './network';

const BATCH = 128;
const LEARNING_RATE = 4e-3;
const BETAS = [0.9, 0.99] as const;
/** The part of all steps in which the learning rate rises to it. */
const WARMUP = 0.2;
const SEED = 42;
/** Evaluations an epoch: often enough to see when a goal is passed, rarely enough not to cost time. */
const EVALUATIONS = 2;
/** Between two messages about the loss: the eye needs no more, and drawing takes time from training. */
const UPDATE_MS = 120;
const MISTAKES = 18;

/** Pause and stop, set from outside while training runs. */
export class TrainingControl {
  readonly stopped = new AbortController();
  pausedMs = 0;
  private going: Promise<void> = Promise.resolve();
  private go: (() => void) | undefined;

  stop(): void {
    this.stopped.abort(new Error('stopped'));
    this.pause(false);
  }

  pause(paused: boolean): void {
    if (paused && !this.go) {
      this.going = new Promise((resolve) => (this.go = resolve));
    } else if (!paused) {
      this.go?.();
      this.go = undefined;
    }
  }

  /** Waits for as long as training is paused; the time is kept out of the measurements. */
  async whilePaused(): Promise<void> {
    if (!this.go) return;
    const begin = performance.now();
    await this.going;
    this.pausedMs += performance.now() - begin;
  }
}

export async function runTraining(
  tt: TinyTorch,
  digits: { train: Digits; test: Digits },
  options: TrainOptions,
  begin: number,
  control: TrainingControl,
  context: JobContext,
  onUpdate: (update: TrainUpdate) => unknown,
): Promise<TrainResult> {
  if (control.stopped.signal.aborted) throw new Cancelled('stopped');
  const model = buildNetwork(tt);
  const owned: { dispose(): void }[] = [model];
  const own = <T extends { dispose(): void }>(thing: T): T => {
    owned.push(thing);
    return thing;
  };
  const dataset = ({ pixels, labels, count }: Digits) => ({
    features: own(new tt.Tensor(pixels, { shape: [count, INPUTS] })),
    labels: own(new tt.Tensor(labels)),
  });
  try {
    model.setKernel(options.kernel);
    const test = dataset(digits.test);
    const data = own(
      new tt.DataLoader(dataset(digits.train), {
        batchSize: BATCH,
        shuffle: true,
        dropLast: true,
        seed: SEED,
      }),
    );
    const optimizer = own(new tt.Adam(model.parameters(), { lr: LEARNING_RATE, betas: BETAS }));
    const trainer = own(
      new tt.Trainer(model, {
        optimizer,
        data,
        epochs: options.epochs,
        schedule: 'cosine',
        scheduleLowest: 1e-5,
        warmup: WARMUP,
      }),
    );

    const elapsed = () => performance.now() - begin - control.pausedMs;
    const every = Math.floor(data.length / EVALUATIONS);
    const whole = data.length * options.epochs;
    let trainedMs = 0;
    let lastStep = performance.now();
    let lastUpdate = 0;
    let lossSum = 0;
    let losses = 0;
    let steps = 0;

    const evaluate = async () => {
      const evaluation = await tt.evaluate(model, test);
      await onUpdate({
        kind: 'evaluation',
        epoch: steps / data.length,
        loss: evaluation.loss,
        accuracy: evaluation.accuracy,
        elapsedMs: elapsed(),
      });
      return evaluation;
    };

    let evaluation: Awaited<ReturnType<typeof evaluate>> | undefined;
    try {
      await trainer.fit({
        signal: control.stopped.signal,
        onBatch: async ({ loss }) => {
          trainedMs += performance.now() - lastStep;
          steps += 1;
          lossSum += loss;
          losses += 1;
          if (elapsed() - lastUpdate > UPDATE_MS) {
            const epoch = steps / data.length;
            context.report(
              steps / whole,
              `Epoch ${Math.ceil(epoch)} of ${options.epochs}`,
              (trainedMs / steps) * (whole - steps),
            );
            void onUpdate({
              kind: 'step',
              epoch,
              loss: lossSum / losses,
              imagesPerSecond: (steps * BATCH * 1000) / trainedMs,
              elapsedMs: elapsed(),
            });
            lastUpdate = elapsed();
            lossSum = 0;
            losses = 0;
          }
          evaluation = undefined;
          if (steps % every === 0) evaluation = await evaluate();
          await control.whilePaused();
          lastStep = performance.now();
        },
      });
    } catch (error) {
      if (!control.stopped.signal.aborted) throw error;
    }
    evaluation ??= await evaluate();
    return {
      accuracy: evaluation.accuracy,
      elapsedMs: elapsed(),
      imagesPerSecond: (steps * BATCH * 1000) / trainedMs,
      confusion: (evaluation.confusion ?? []).flat(),
      mistakes: worstMistakes(tt, model, digits.test, evaluation.predictions),
      model: tt.saveModel(model),
    };
  } finally {
    for (const thing of owned.reverse()) thing.dispose();
  }
}

/** The wrong answers of which the network was surest. */
function worstMistakes(
  tt: TinyTorch,
  model: ReturnType<typeof buildNetwork>,
  { pixels, labels }: Digits,
  predictions: Int32Array,
): Mistake[] {
  const wrong = [...predictions.keys()].filter((i) => predictions[i] !== labels[i]);
  if (wrong.length === 0) return [];
  const image = (i: number) => pixels.slice(i * INPUTS, (i + 1) * INPUTS);
  const probabilities = classify(
    tt,
    model,
    wrong.map((i) => toUnit(image(i))),
  );
  return wrong
    .map((i, row) => ({
      pixels: image(i),
      label: labels[i]!,
      predicted: predictions[i]!,
      probability: probabilities[row]![predictions[i]!]!,
    }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, MISTAKES);
}

/** Ten probabilities for each image. */
export function classify(
  tt: TinyTorch,
  model: ReturnType<typeof buildNetwork>,
  images: Float32Array[],
): Float32Array[] {
  const input = new Float32Array(images.length * INPUTS);
  images.forEach((image, i) => input.set(image, i * INPUTS));
  const values = tt.tidy(() =>
    tt.noGrad(() =>
      model
        .forward(new tt.Tensor(input, { shape: [images.length, INPUTS] }))
        .softmax(-1)
        .data(),
    ),
  ) as Float32Array;
  return images.map((_, i) => values.slice(i * 10, (i + 1) * 10));
}
