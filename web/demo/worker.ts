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
} from './engine/protocol';
import { JobContext } from './work/context';
import { runLadder } from './work/ladder';
import { type Digits, fetchDigits } from './work/mnist';
import { runNetwork } from './work/network';
import { runProfiles } from './work/profile';
import { clockStepUs } from './work/timing';

/** Calls back into the page; gives a promise, fulfilled when the page is done with the value. */
type Tell<T> = (value: T) => unknown;

let tt: TinyTorch | undefined;
let baseUrl = '';
let sample: Promise<Digits> | undefined;
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
    tt = await load({ variant: options.variant, threads: options.threads, onProgress: onBytes });
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
};

export type WorkerApi = typeof api;

expose(api);
