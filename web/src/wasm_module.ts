// The functions that a WebAssembly module offers: the table in cpp/bindings/embind.cpp, as TypeScript sees it.
// Handles are integers; 0 as a result means that the call failed, 0 as an argument means "none".

/** An address inside the module that names a tensor or a layer. */
export type Handle = number;

type Unary = (a: Handle, out: Handle) => Handle;
type Binary = (a: Handle, b: Handle, out: Handle) => Handle;
type Reduction = (a: Handle, everything: boolean, dim: number, keepdim: boolean) => Handle;
type Along = (a: Handle, dim: number) => Handle;

export interface WasmModule {
  readonly wasmMemory: WebAssembly.Memory;
  /** Only with threads. */
  readonly PThread?: { terminateAllThreads(): void };

  exchange(): number;
  errorCode(): number;
  errorText(): string;

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
  reshape(a: Handle, ndim: number): Handle;
  expand(a: Handle, ndim: number): Handle;
  transpose(a: Handle, dim0: number, dim1: number): Handle;
  slice(a: Handle, dim: number, start: number, stop: number, step: number): Handle;
  clone(a: Handle): Handle;
  to(a: Handle, dtype: number): Handle;

  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly div: Binary;
  readonly pow: Binary;
  readonly maximum: Binary;
  readonly neg: Unary;
  readonly abs: Unary;
  readonly exp: Unary;
  readonly log: Unary;
  readonly sqrt: Unary;
  readonly relu: Unary;
  readonly sigmoid: Unary;
  readonly tanh: Unary;
  readonly sum: Reduction;
  readonly mean: Reduction;
  readonly max: Reduction;
  readonly argmax: Reduction;
  readonly softmax: Along;
  readonly logSoftmax: Along;
  matmul(a: Handle, b: Handle, kernel: number, out: Handle): Handle;
  allclose(a: Handle, b: Handle, rtol: number, atol: number): Handle;
  maxAbsDiff(a: Handle, b: Handle): Handle;

  dense(inFeatures: number, outFeatures: number, bias: boolean, dtype: number): Handle;
  reluLayer(): Handle;
  sequential(count: number): Handle;
  releaseModule(m: Handle): void;
  forward(m: Handle, x: Handle): Handle;
  setKernel(m: Handle, kernel: number): void;
  moduleName(m: Handle): string;
  parameterCount(m: Handle): number;
  parameterName(m: Handle, index: number): string;
  parameter(m: Handle, index: number): Handle;

  kernelCount(): number;
  kernelName(index: number): string;
  kernelTitle(index: number): string;
  kernelSummary(index: number): string;
  kernelAvailable(index: number): boolean;
  findKernel(name: string): Handle;

  startProfile(): Handle;
  stopProfile(): Handle;
  profileRow(index: number): string;

  threads(): number;
  setThreads(count: number): void;
  memory(): void;
  resetPeakMemory(): void;
  releasePooledMemory(): void;
}

/** What a module is started with. */
export interface ModuleOptions {
  instantiateWasm(
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ): object;
  /** The memory and the number of workers of a module with threads. */
  wasmMemory?: WebAssembly.Memory;
  workers?: number;
  /** Hears of workers that fail. */
  printErr?: (text: string) => void;
}

/** What the ES module beside each .wasm exports. */
export type ModuleFactory = (options: ModuleOptions) => Promise<WasmModule>;
