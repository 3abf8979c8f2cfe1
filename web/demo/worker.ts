// The only place of the page that imports the library: the page itself never computes.
import { expose } from 'comlink';
import { load, type TinyTorch } from 'tinytorch-wasm';
import type {
  EngineInfo,
  LadderOptions,
  LadderRow,
  NetworkOptions,
  NetworkRow,
  NetworkSummary,
  ProfileOptions,
  ProfileResult,
  Progress,
  Sample,
  StartOptions,
  TrainOptions,
  TrainResult,
  TrainUpdate,
} from './engine/protocol';
import { JobContext } from './jobs/context';
import { runLadder } from './jobs/ladder';
import { type Digits, fetchDigits } from './jobs/mnist';
import { buildNetwork, runNetwork } from './jobs/network';
import { runProfiles } from './jobs/profile';
import { clockStepUs } from './jobs/timing';
import { classify, runTraining, TrainingControl } from './jobs/train';

/** Calls back into the page; gives a promise, fulfilled when the page is done with the value. */
type Tell<T> = (value: T) => unknown;

let tt: TinyTorch | undefined;
let baseUrl = '';
let sample: Promise<Digits> | undefined;
let digits: { train: Digits; test: Digits } | undefined;
let training: TrainingControl | undefined;
/** What `predict` asks; `openModel` sets it. */
let reader: ReturnType<typeof buildNetwork> | undefined;
let current: JobContext | undefined;

function library(): TinyTorch {
  if (!tt) throw new Error('The library is not loaded.');
  return tt;
}

function sampleDigits(): Promise<Digits> {
  sample ??= fetchDigits(new URL('mnist/sample.bin', baseUrl)).catch((error: unknown) => {
    sample = undefined; // so that the next try asks the server again
    throw error;
  });
  return sample;
}

/** All of MNIST, 11 MB; kept for the next training. */
async function allDigits(context: JobContext): Promise<{ train: Digits; test: Digits }> {
  const fetched = (name: string, share: [number, number]) =>
    fetchDigits(new URL(`mnist/${name}.bin`, baseUrl), (loaded, total) =>
      context.report(share[0] + share[1] * (total ? loaded / total : 0), 'Fetching the digits'),
    );
  digits ??= { test: await fetched('test', [0, 0.15]), train: await fetched('train', [0.15, 0.85]) };
  return digits;
}

async function asJob<T>(onProgress: Tell<Progress>, work: (context: JobContext) => Promise<T>): Promise<T> {
  const context = new JobContext(onProgress);
  current = context;
  try {
    return await work(context);
  } finally {
    if (current === context) current = undefined;
  }
}

const api = {
  async start(options: StartOptions, onBytes: (loaded: number, total: number) => void): Promise<EngineInfo> {
    baseUrl = options.baseUrl;
    const begin = performance.now();
    const { variant, threads } = options;
    tt = await load({ variant, threads, onProgress: onBytes });
    const loadMs = performance.now() - begin;
    return {
      variant: tt.variant,
      variantReason: tt.variantReason,
      threads: tt.threads,
      threadsReason: tt.threadsReason,
      rungs: tt.kernels().map(({ name, title, summary, available }) => ({ name, title, summary, available })),
      loadMs,
      clockStepUs: clockStepUs(),
    };
  },

  cancel(): void {
    current?.cancel();
  },

  async sample(): Promise<Sample> {
    const { pixels, labels, count } = await sampleDigits();
    return { pixels, labels, count };
  },

  network: (
    options: NetworkOptions,
    onProgress: Tell<Progress>,
    onRow: Tell<NetworkRow>,
  ): Promise<NetworkSummary> =>
    asJob(onProgress, async (context) =>
      runNetwork(library(), await sampleDigits(), options, context, onRow),
    ),

  ladder: (options: LadderOptions, onProgress: Tell<Progress>, onRow: Tell<LadderRow>): Promise<void> =>
    asJob(onProgress, (context) => runLadder(library(), options, context, onRow)),

  profiles: (
    options: ProfileOptions,
    onProgress: Tell<Progress>,
    onResult: Tell<ProfileResult>,
  ): Promise<void> =>
    asJob(onProgress, async (context) =>
      runProfiles(library(), await sampleDigits(), options, context, onResult),
    ),

  train: (
    options: TrainOptions,
    onProgress: Tell<Progress>,
    onUpdate: Tell<TrainUpdate>,
  ): Promise<TrainResult> =>
    asJob(onProgress, async (context) => {
      const begin = performance.now();
      training = new TrainingControl();
      return runTraining(library(), await allDigits(context), options, begin, training, context, onUpdate);
    }),

  pauseTraining(paused: boolean): void {
    training?.pause(paused);
  },

  stopTraining(): void {
    training?.stop();
  },

  /** Takes a safetensors file as the model that `predict` asks; with a bad one the old model stays. */
  openModel(bytes: Uint8Array): void {
    const model = buildNetwork(library());
    try {
      library().loadModel(model, bytes);
    } catch (error) {
      model.dispose();
      throw error;
    }
    reader?.dispose();
    reader = model;
  },

  /** Ten probabilities for an image of 784 values in 0..1. */
  predict(image: Float32Array): Float32Array {
    if (!reader) throw new Error('No model is open.');
    return classify(library(), reader, [image])[0]!;
  },
};

export type WorkerApi = typeof api;

expose(api);
