// The object that load() gives: every concept of one loaded module under one name.

import { finite, options as readOptions, truth, whole } from './check.js';
import { dtypeCode } from './arrays.js';
import { type ExplainOptions, type KernelInfo, Kernels, type MatmulOptions, type Tile } from './kernels.js';
import { type MemoryInfo, memoryInfo, tidy } from './memory.js';
import { type LayerClasses, layerClasses } from './layers.js';
import { type LossClasses, lossClasses } from './losses.js';
import {
  type OptimizerClasses,
  optimizerClasses,
  clipGradNorm,
  cosineSchedule,
  stepSchedule,
} from './optim.js';
import type { Module } from './nn.js';
import {
  dataLoaderClass,
  type DataLoaderConstructor,
  readIdx,
  seedArguments,
  type TensorDataset,
} from './data.js';
import { loadModel, readSafetensors, saveModel, type TensorFile, writeSafetensors } from './files.js';
import { evaluate, type EvaluateOptions, type Evaluation } from './evaluate.js';
import { trainerClass, type TrainerConstructor } from './train.js';
import { type Init, initialize } from './initialize.js';
import { noGrad } from './autograd.js';
import { profile, type ProfileReport } from './profile.js';
import type { Runtime } from './runtime.js';
import type { Tensor } from './tensor.js';
import { tensorHandle } from './tensor_handle.js';
import { tensorClass, type TensorConstructor } from './tensor_class.js';
import type { DType, FileBytes, FileData, KernelName, Variant } from './types.js';

/** How far apart two numbers may be: |a - b| <= atol + rtol |b|. */
export interface Tolerance {
  /** 1e-5 by default. */
  rtol?: number;
  /** 1e-8 by default. */
  atol?: number;
}

/** Which build runs, and why. */
export interface BuildInfo {
  readonly variant: Variant;
  /** Why this variant, as the end of a sentence: `this engine has relaxed SIMD`. */
  readonly variantReason: string;
  /** How many threads an operation may use. */
  readonly threads: number;
  /** Why this many. */
  readonly threadsReason: string;
}

/** The library, bound to one loaded module. Its functions need no `this`: take what you use out of it. */
export interface TinyTorch extends BuildInfo, LayerClasses, LossClasses, OptimizerClasses {
  readonly Tensor: TensorConstructor;
  readonly DataLoader: DataLoaderConstructor;
  readonly Trainer: TrainerConstructor;

  /** Restarts the random numbers: the same seed, a whole number >= 0, gives the same bits everywhere. */
  manualSeed(seed: number): void;

  /**
   * The matrix product `[..., m, k] . [..., k, n]`, with one rung of the ladder if `kernel` names it. Throws
   * `ShapeError`, `DTypeError` or `KernelError`.
   */
  matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor;
  /** The rungs of the ladder, slow to fast, those that this build lacks included. */
  kernels(): KernelInfo[];

  /**
   * The most that this processor can do in this build, in GFLOP/s of one thread: independent multiply-adds on registers,
   * with the operations of a rung (`auto` by default). Takes about 40 ms.
   */
  peak(dtype: DType, kernel?: KernelName): number;
  /**
   * How `matmul(a, b)` is computed, in words: which rung, register tile, blocks, parts for threads, copies and bytes of
   * scratch, and why. Nothing is computed. Throws as `matmul` does.
   */
  explain(a: Tensor, b: Tensor, options?: ExplainOptions): string;
  /**
   * Forces another register tile than the build's own, for processors that are faster with it; without an argument gives
   * that back. Results have the same bits for any tile. Throws `InvalidArgumentError` for one that the build lacks.
   */
  setTile(tile?: Tile): void;

  /** Whether |a - b| <= atol + rtol |b| everywhere; NaN is equal to nothing. Both tolerances are finite and >= 0. */
  allclose(a: Tensor, b: Tensor, tolerance?: Tolerance): boolean;
  /** The largest |a - b|, computed in double precision. */
  maxAbsDiff(a: Tensor, b: Tensor): number;

  /**
   * Runs a block without recording its operations: `tt.noGrad(() => model.forward(x))`. The block must be synchronous:
   * an async function is refused before it runs.
   */
  noGrad<Result>(block: () => Result): Result;
  /**
   * Checks every recorded operation, and throws `AutogradError` naming the first that makes a NaN or an infinity out
   * of finite numbers. Costs a pass over every tensor.
   */
  setAnomalyDetection(enabled: boolean): void;
  /** Scales the gradients of these parameters so that their joint 2-norm is at most `maxNorm`; returns what it was. */
  clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): number;
  /** Fills a weight `[in, out]` with random numbers of a variance that keeps signals at their size. */
  initialize(weight: Tensor, how: Init): void;
  /** The learning rate in step t of `length` on a half cosine from `initial` to `lowest`. */
  cosineSchedule(initial: number, lowest: number, t: number, length: number): number;
  /** The learning rate in epoch t when it is multiplied by `factor` after each `every` epochs. */
  stepSchedule(initial: number, factor: number, t: number, every: number): number;
  /** Loss, accuracy, predictions and confusion on a data set. */
  evaluate(model: Module, dataset: TensorDataset, options?: EvaluateOptions): Promise<Evaluation>;

  /** The array in an IDX file (MNIST): uint8, `[n, 28, 28]` or `[n]`. Throws `FormatError`. */
  readIdx(file: FileData): Tensor;
  /** A model's parameters as a safetensors file, as PyTorch's `state_dict` has them. */
  saveModel(model: Module, metadata?: Iterable<readonly [string, string]>): FileBytes;
  /** Fills a model from a safetensors file, whoever wrote it. Throws `FormatError` and changes nothing if it does not fit. */
  loadModel(model: Module, file: FileData): void;
  /** Any tensors as a safetensors file. */
  writeSafetensors(
    tensors: Iterable<readonly [string, Tensor]>,
    metadata?: Iterable<readonly [string, string]>,
  ): FileBytes;
  /** The tensors in a safetensors file, which are the caller's to dispose of. Throws `FormatError`. */
  readSafetensors(file: FileData): TensorFile;

  /** Runs a block and says where its time went, by layer and kernel. */
  profile<Result>(block: () => Promise<Result>): Promise<ProfileReport<Result>>;
  profile<Result>(block: () => Result): ProfileReport<Result>;

  /**
   * Runs a block and disposes of every tensor and layer it made, except those inside its result: in arrays, maps, sets
   * and objects. The block must be synchronous: an async function is refused before it runs.
   */
  tidy<Result>(block: () => Result): Result;
  memory(): MemoryInfo;
  /** Uses so many threads from now on, at most those that were loaded. Results have the same bits for any number. */
  setThreads(count: number): void;
  /**
   * Ends this module: stops its workers and lets go of its memory. From then on everything of it throws
   * `DisposedError`; only `dispose()` and `terminate()` itself do nothing, and `threads` is 0.
   */
  terminate(): void;

  /** Lets `memory().peakBytes` start again from what is live now. */
  resetPeakMemory(): void;
  /** Gives buffers that are kept for reuse back to the module's allocator. */
  releasePooledMemory(): void;
}

export function assemble(runtime: Runtime, build: Omit<BuildInfo, 'threads'>): TinyTorch {
  const { module } = runtime;
  const loadedThreads = module.threads();
  const kernels = new Kernels(runtime);
  const compared = (a: Tensor, b: Tensor, where: string): [number, number] => [
    tensorHandle(runtime, a, where),
    tensorHandle(runtime, b, where),
  ];
  return Object.freeze({
    ...build,
    Tensor: tensorClass(runtime),
    ...layerClasses({ runtime, kernels }),
    ...lossClasses(runtime),
    ...optimizerClasses(runtime),
    DataLoader: dataLoaderClass(runtime),
    Trainer: trainerClass(runtime),

    get threads() {
      return module.threads();
    },
    setThreads: (count: number) =>
      module.setThreads(whole(count, 'setThreads', 'the number', 1, loadedThreads)),
    terminate: () => runtime.terminate('this module was terminated; load() another'),

    manualSeed: (seed: number) =>
      module.manualSeed(...seedArguments(whole(seed, 'manualSeed', 'the seed', 0))),
    matmul: (a: Tensor, b: Tensor, options?: MatmulOptions) => kernels.matmul(a, b, options),
    kernels: () => kernels.list(),
    peak: (dtype: DType, kernel: KernelName = 'auto') => {
      runtime.check(module.peak(dtypeCode(dtype, 'peak'), kernels.id(kernel, 'peak')));
      return runtime.numbers[0] as number;
    },

    explain: (a: Tensor, b: Tensor, options?: ExplainOptions) => kernels.explain(a, b, options),
    setTile: (tile?: Tile) => kernels.setTile(tile),

    allclose: (a: Tensor, b: Tensor, tolerance?: Tolerance) => {
      const { rtol = 1e-5, atol = 1e-8 } = readOptions(tolerance, ['rtol', 'atol'], 'allclose');
      finite(rtol, 'allclose', 'rtol', 0);
      finite(atol, 'allclose', 'atol', 0);
      runtime.check(module.allclose(...compared(a, b, 'allclose'), rtol, atol));
      return runtime.numbers[0] === 1;
    },
    maxAbsDiff: (a: Tensor, b: Tensor) => {
      runtime.check(module.maxAbsDiff(...compared(a, b, 'maxAbsDiff')));
      return runtime.numbers[0] as number;
    },

    noGrad: <Result>(block: () => Result) => noGrad(runtime, block),
    setAnomalyDetection: (enabled: boolean) =>
      module.setAnomalyDetection(truth(enabled, 'setAnomalyDetection', 'enabled')),
    clipGradNorm: (parameters: Iterable<Tensor>, maxNorm: number) =>
      clipGradNorm(runtime, parameters, maxNorm),
    initialize: (weight: Tensor, how: Init) => initialize(runtime, weight, how),
    cosineSchedule: (initial: number, lowest: number, t: number, length: number) =>
      cosineSchedule(runtime, initial, lowest, t, length),
    stepSchedule: (initial: number, factor: number, t: number, every: number) =>
      stepSchedule(runtime, initial, factor, t, every),
    evaluate: (model: Module, dataset: TensorDataset, options?: EvaluateOptions) =>
      evaluate(runtime, model, dataset, options),

    readIdx: (file: FileData) => readIdx(runtime, file),
    saveModel: (model: Module, metadata?: Iterable<readonly [string, string]>) =>
      saveModel(runtime, model, metadata),
    loadModel: (model: Module, file: FileData) => loadModel(runtime, model, file),
    writeSafetensors: (
      tensors: Iterable<readonly [string, Tensor]>,
      metadata?: Iterable<readonly [string, string]>,
    ) => writeSafetensors(runtime, tensors, metadata),
    readSafetensors: (file: FileData) => readSafetensors(runtime, file),

    profile: ((block: () => unknown) => profile(runtime, block)) as TinyTorch['profile'],
    tidy: <Result>(block: () => Result) => tidy(runtime, block),
    memory: () => memoryInfo(runtime),
    resetPeakMemory: () => module.resetPeakMemory(),
    releasePooledMemory: () => module.releasePooledMemory(),
  });
}
