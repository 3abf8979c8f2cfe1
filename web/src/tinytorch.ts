// The object that load() gives: every concept of one loaded module under one name.

import { InvalidArgumentError } from './errors.js';
import { type KernelInfo, Kernels, type MatmulOptions } from './kernels.js';
import { type MemoryInfo, memoryInfo, tidy } from './memory.js';
import { type LayerClasses, layerClasses } from './nn.js';
import { profile, type ProfileReport } from './profile.js';
import type { Runtime } from './runtime.js';
import { type Tensor, tensorHandle } from './tensor.js';
import { tensorClass, type TensorConstructor } from './tensor_class.js';
import type { Variant } from './types.js';

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
export interface TinyTorch extends BuildInfo, LayerClasses {
  readonly Tensor: TensorConstructor;

  /** Restarts the random numbers: the same seed gives the same bits everywhere. */
  manualSeed(seed: number): void;

  /**
   * The matrix product `[..., m, k] . [..., k, n]`, with one rung of the ladder if `kernel` names it. Throws
   * `ShapeError`, `DTypeError` or `KernelError`.
   */
  matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor;
  /** The rungs of the ladder, slow to fast, those that this build lacks included. */
  kernels(): KernelInfo[];

  /** Whether |a - b| <= atol + rtol |b| everywhere; NaN is equal to nothing. */
  allclose(a: Tensor, b: Tensor, tolerance?: Tolerance): boolean;
  /** The largest |a - b|, computed in double precision. */
  maxAbsDiff(a: Tensor, b: Tensor): number;

  /** Runs a block and says where its time went, by layer and kernel. */
  profile<Result>(block: () => Promise<Result>): Promise<ProfileReport<Result>>;
  profile<Result>(block: () => Result): ProfileReport<Result>;

  /** Runs a block and disposes of every tensor and layer it made, except those inside its result. */
  tidy<Result>(block: () => Result): Result;
  memory(): MemoryInfo;
  /** Uses so many threads from now on, at most those that were loaded. Results have the same bits for any number. */
  setThreads(count: number): void;
  /** Stops the workers. Nothing of this module can be used afterwards; without threads there is nothing to stop. */
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

    get threads() {
      return module.threads();
    },
    setThreads: (count: number) => {
      if (!Number.isInteger(count) || count < 1 || count > loadedThreads) {
        throw new InvalidArgumentError(
          `setThreads: a whole number from 1 to ${loadedThreads}, not ${String(count)}`,
        );
      }
      module.setThreads(count);
    },
    terminate: () => module.PThread?.terminateAllThreads(),

    manualSeed: (seed: number) => module.manualSeed(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0),
    matmul: (a: Tensor, b: Tensor, options?: MatmulOptions) => kernels.matmul(a, b, options),
    kernels: () => kernels.list(),

    allclose: (a: Tensor, b: Tensor, { rtol = 1e-5, atol = 1e-8 }: Tolerance = {}) => {
      runtime.check(module.allclose(...compared(a, b, 'allclose'), rtol, atol));
      return runtime.numbers[0] === 1;
    },
    maxAbsDiff: (a: Tensor, b: Tensor) => {
      runtime.check(module.maxAbsDiff(...compared(a, b, 'maxAbsDiff')));
      return runtime.numbers[0] as number;
    },

    profile: ((block: () => unknown) => profile(runtime, block)) as TinyTorch['profile'],
    tidy: <Result>(block: () => Result) => tidy(runtime, block),
    memory: () => memoryInfo(runtime),
    resetPeakMemory: () => module.resetPeakMemory(),
    releasePooledMemory: () => module.releasePooledMemory(),
  });
}
