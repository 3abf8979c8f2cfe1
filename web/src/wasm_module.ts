// The functions that a WebAssembly module offers: the tables in cpp/bindings, as TypeScript sees them (bind.ts).
// Handles are integers; 0 as a result means that the call failed, 0 as an argument means "none".

import type { Handle } from './contract.js';
import type { OperationCalls } from './operation_calls.js';

export type { Handle } from './contract.js';

type Adam = (
  count: number,
  rate: number,
  beta1: number,
  beta2: number,
  eps: number,
  weightDecay: number,
) => Handle;

export interface WasmModule extends OperationCalls {
  readonly wasmMemory: WebAssembly.Memory;
  /** Stops the workers and lets go of the memory. From then on every function throws `DisposedError` with that text. */
  terminate(reason: string): void;
  /**
   * Throws the engine's RangeError where the stack has little room for several calls (stack_room.ts): before the first
   * of those that must not be left without the last.
   */
  roomForSeveral(): void;

  exchange(): number;
  errorCode(): number;
  errorText(): string;
  receivePiece(first: number, count: number): Handle;

  create(ndim: number, dtype: number): Handle;
  full(ndim: number, dtype: number, value: number): Handle;
  eye(n: number, m: number, dtype: number): Handle;
  arange(start: number, stop: number, step: number, dtype: number): Handle;
  rand(ndim: number, dtype: number): Handle;
  randn(ndim: number, dtype: number): Handle;
  manualSeed(low: number, high: number): void;
  release(a: Handle): void;
  describe(a: Handle): number;
  readable(a: Handle): Handle;
  writable(a: Handle): Handle;
  item(a: Handle): Handle;
  fill(a: Handle, value: number): Handle;
  copyFrom(a: Handle, source: Handle): Handle;

  allclose(a: Handle, b: Handle, rtol: number, atol: number): Handle;
  maxAbsDiff(a: Handle, b: Handle): Handle;

  detach(a: Handle): Handle;
  requiresGrad(a: Handle): boolean;
  setRequiresGrad(a: Handle, value: boolean): Handle;
  grad(a: Handle): Handle;
  setGrad(a: Handle, value: Handle): Handle;
  backward(root: Handle, gradient: Handle, retainGraph: boolean): Handle;
  gradEnabled(): boolean;
  setGradEnabled(enabled: boolean): void;
  setAnomalyDetection(enabled: boolean): void;

  dense(inFeatures: number, outFeatures: number, bias: boolean, dtype: number): Handle;
  reluLayer(): Handle;
  sigmoidLayer(): Handle;
  tanhLayer(): Handle;
  geluLayer(): Handle;
  softmaxLayer(dim: number): Handle;
  dropout(p: number): Handle;
  layerNorm(features: number, eps: number, dtype: number): Handle;
  flatten(): Handle;
  sequential(count: number): Handle;
  releaseModule(m: Handle): void;
  forward(m: Handle, x: Handle, out: Handle): Handle;
  setKernel(m: Handle, kernel: number): Handle;
  setTraining(m: Handle, training: boolean): Handle;
  moduleName(m: Handle): string;
  isTraining(m: Handle): number;
  writeOut(y: Handle, out: Handle): Handle;
  /** A list of names and tensors, which is read and released as a file is. */
  namedParameters(m: Handle): Handle;
  namedState(m: Handle): Handle;
  identity(a: Handle): number;
  initialize(weight: Handle, how: number): Handle;
  summary(m: Handle, ndim: number): Handle;
  summaryRow(index: number): string;
  gradientStats(list: Handle): Handle;
  gradientRow(index: number): string;
  gradientWarning(index: number): string;

  sgd(
    count: number,
    rate: number,
    momentum: number,
    dampening: number,
    weightDecay: number,
    nesterov: boolean,
  ): Handle;
  readonly adam: Adam;
  readonly adamW: Adam;
  releaseOptimizer(o: Handle): void;
  optimizerStep(o: Handle): Handle;
  zeroGrad(o: Handle): Handle;
  learningRate(o: Handle): number;
  setLearningRate(o: Handle, rate: number): Handle;
  optimizerSteps(o: Handle): number;
  clipGradNorm(count: number, maxNorm: number): Handle;
  cosineSchedule(initial: number, lowest: number, t: number, length: number): Handle;
  stepSchedule(initial: number, factor: number, t: number, every: number): Handle;

  createBytes(size: number): Handle;
  releaseBytes(bytes: Handle): void;
  readIdx(bytes: Handle): Handle;
  loader(
    features: Handle,
    labels: Handle,
    mean: number,
    deviation: number,
    batchSize: number,
    shuffle: boolean,
    dropLast: boolean,
    seedLow: number,
    seedHigh: number,
  ): Handle;
  releaseLoader(l: Handle): void;
  loaderBatches(l: Handle): number;
  loaderSetEpoch(l: Handle, epoch: number): Handle;
  loaderBatch(l: Handle, index: number): Handle;
  loaderIndices(l: Handle, index: number): Handle;

  trainer(model: Handle, optimizer: Handle, loader: Handle): Handle;
  releaseTrainer(t: Handle): void;
  trainerStep(t: Handle): Handle;
  trainerBegin(t: Handle): Handle;
  trainerFinish(t: Handle, y: Handle): Handle;
  trainerAbandon(t: Handle): void;
  trainerProgress(t: Handle): void;
  trainerParameters(t: Handle, list: Handle): Handle;
  reportValidation(t: Handle, loss: number): void;
  checkpoint(t: Handle): Handle;
  restore(t: Handle, bytes: Handle): Handle;
  evaluator(
    model: Handle,
    features: Handle,
    labels: Handle,
    mean: number,
    deviation: number,
    loss: number,
    batchSize: number,
    confusion: number,
  ): Handle;
  releaseEvaluator(e: Handle): void;
  evaluatorStep(e: Handle): Handle;
  evaluatorBegin(e: Handle): Handle;
  evaluatorFinish(e: Handle, y: Handle): Handle;
  evaluatorAbandon(e: Handle): void;
  evaluatorResult(e: Handle): Handle;

  createFile(): Handle;
  releaseFile(f: Handle): void;
  /** Texts are UTF-8 in Bytes, and come back as an address and a size in the exchange buffer. */
  fileAdd(f: Handle, name: string, a: Handle): Handle;
  fileNote(f: Handle, key: string, value: string): Handle;
  writeFile(f: Handle): Handle;
  readFile(bytes: Handle): Handle;
  fileCount(f: Handle): number;
  fileName(f: Handle, index: number): string;
  fileTensor(f: Handle, index: number): Handle;
  noteCount(f: Handle): number;
  noteKey(f: Handle, index: number): string;
  noteValue(f: Handle, index: number): string;
  stateDict(list: Handle): Handle;
  loadStateDict(list: Handle, f: Handle): Handle;

  kernelCount(): number;
  kernelName(index: number): string;
  kernelTitle(index: number): string;
  kernelSummary(index: number): string;
  kernelAvailable(index: number): boolean;
  findKernel(name: string): Handle;
  peak(dtype: number, kernel: number): Handle;
  setTile(rows: number, packsA: boolean): Handle;
  explain(a: Handle, b: Handle, kernel: number): string;

  startProfile(): Handle;
  stopProfile(): Handle;
  profileRow(index: number): string;

  threads(): number;
  setThreads(count: number): void;
  memory(): void;
  resetPeakMemory(): void;
  releasePooledMemory(): void;
}

/** What the glue of a module takes. */
export interface ModuleOptions {
  instantiateWasm(
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance, forWorkers: WebAssembly.Module) => void,
  ): object;
  wasmMemory: WebAssembly.Memory;
  /** With threads: how many workers are to be started, and the function that starts one. */
  workers?: number;
  startWorker?: () => ThreadWorker;
  /** Hears of workers that fail. */
  printErr?: (text: string) => void;
}

/** A started module as its glue gives it: bind.ts makes a WasmModule of it. */
export interface RawModule {
  wasmMemory: WebAssembly.Memory;
  wasmTable: WebAssembly.Table;
  readonly PThread?: PThread;
  calls(table: number): number;
}

/** The workers of a module with threads. */
export interface PThread {
  terminateAllThreads(): void;
}

/** A browser's Worker or Node's. */
export interface ThreadWorker {
  terminate(): unknown;
  /** Set by the glue. */
  onmessage?: (message: { data: unknown }) => void;
  /** A browser's. */
  addEventListener?(event: 'error', listener: (event: Event) => void): void;
  /** Node's. */
  on?(event: 'error' | 'exit' | 'message', listener: (value: unknown) => void): void;
  ref?(): void;
  unref?(): void;
}

/** What a glue exports. */
export type ModuleFactory = (options: ModuleOptions) => Promise<RawModule>;
