import type { FileBytes } from 'tinytorch-wasm';
// What the page and its worker say to each other. Plain data only: everything here crosses postMessage.

export type Variant = 'auto' | 'scalar' | 'simd' | 'relaxed';
export type DType = 'float32' | 'float64';

export interface StartOptions {
  variant: Variant;
  /** `auto`, or the number of threads to ask for. */
  threads: 'auto' | number;
  /** Where the page is; data files are resolved against it. */
  baseUrl: string;
}

export interface Rung {
  name: string;
  title: string;
  summary: string;
  available: boolean;
}

export interface EngineInfo {
  variant: string;
  variantReason: string;
  threads: number;
  threadsReason: string;
  rungs: Rung[];
  /** From the call of load() to a usable module, downloads included. */
  loadMs: number;
  /** The step of performance.now() in the worker. */
  clockStepUs: number;
}

/** Progress of a running job. `fraction` goes from 0 to 1. */
export interface Progress {
  fraction: number;
  label: string;
  remainingMs?: number;
}

export interface Sample {
  /** 64 images of 28x28 grey values, one after the other. */
  pixels: Uint8Array;
  labels: Uint8Array;
  count: number;
}

export interface NetworkOptions {
  passes: number;
}

export interface NetworkRow {
  rung: Rung;
  passes: number;
  totalMs: number;
  /** Mean over all passes: totalMs / passes. */
  msPerPass: number;
  /** Median over the timed groups of passes, each long enough for the clock. */
  medianMs: number;
  bestMs: number;
  gflops: number;
  /** Largest absolute difference of any output from the float64 reference. */
  maxError: number;
  /** Largest share of its own rounding bound that any output used; above 1 is a wrong result. */
  boundShare: number;
  verified: boolean;
}

export interface NetworkSummary {
  flopsPerPass: number;
  /** Correctly recognised digits of the batch, where the network's weights are trained ones. */
  batch: number;
}

export interface LadderOptions {
  sizes: number[];
  dtypes: DType[];
  /** A rung whose one product is expected to take longer than this is skipped, with its estimate. */
  limitMs: number;
}

export type LadderRow =
  | {
      kind: 'timed';
      rung: string;
      size: number;
      dtype: DType;
      medianMs: number;
      bestMs: number;
      runs: number;
      gflops: number;
      verified: boolean;
    }
  | { kind: 'skipped'; rung: string; size: number; dtype: DType; estimateMs: number };

export interface ProfileOptions {
  passes: number;
}

export interface ProfileRow {
  name: string;
  calls: number;
  totalMs: number;
  selfMs: number;
  share: number;
  gflops: number;
}

export interface ProfileResult {
  kernel: string;
  title: string;
  passes: number;
  wallMs: number;
  rows: ProfileRow[];
}

export interface TrainOptions {
  /** A rung's name, or `auto`. */
  kernel: string;
  epochs: number;
}

export type TrainUpdate =
  /** Loss: the mean over the batches since the last update. */
  | { kind: 'step'; epoch: number; loss: number; imagesPerSecond: number; elapsedMs: number }
  /** Loss and accuracy on all test images. */
  | { kind: 'evaluation'; epoch: number; loss: number; accuracy: number; elapsedMs: number };

export interface Mistake {
  pixels: Uint8Array;
  label: number;
  predicted: number;
  /** What the network gave the digit that it read. */
  probability: number;
}

export interface TrainResult {
  accuracy: number;
  elapsedMs: number;
  imagesPerSecond: number;
  /** Counts of test images by label, then by the digit that was read: 10 x 10, row by row. */
  confusion: number[];
  mistakes: Mistake[];
  /** The model as a safetensors file. */
  model: FileBytes;
}
