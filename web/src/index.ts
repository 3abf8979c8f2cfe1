/**
 * Tensors and neural networks on WebAssembly.
 *
 * ```ts
 * import { load } from 'tinytorch-wasm';
 * const tt = await load();
 * using x = tt.Tensor.randn([64, 784]);
 * ```
 *
 * @packageDocumentation
 */

export {
  AutogradError,
  DisposedError,
  DTypeError,
  type ErrorCode,
  FormatError,
  InvalidArgumentError,
  KernelError,
  LoadError,
  OutOfMemoryError,
  OverflowError,
  ShapeError,
  TinyTorchError,
} from './errors.js';
export type { KernelInfo, MatmulOptions } from './kernels.js';
export { load, type LoadOptions } from './load.js';
export type { MemoryInfo } from './memory.js';
export type { Dense, DenseOptions, LayerClasses, Module, ReLU, Sequential } from './nn.js';
export { type Features, probe } from './probe.js';
export type { ProfileReport, ProfileRow } from './profile.js';
export type { OutOption, ReduceOptions, Tensor } from './tensor.js';
export type { DTypeOption, TensorConstructor, TensorOptions } from './tensor_class.js';
export type { BuildInfo, TinyTorch, Tolerance } from './tinytorch.js';
export type * from './types.js';
