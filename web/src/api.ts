// What every entry of the package exports beside its `load()`.

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
export type { ExplainOptions, KernelInfo, MatmulOptions, Tile } from './kernels.js';
export type { MemoryInfo } from './memory.js';
export type { Dense, DenseOptions, Module, Sequential } from './nn.js';
export type { LayerClasses, LayerNormOptions } from './layers.js';
export type { GradientStats, Summary, SummaryRow } from './inspect.js';
export type { Init } from './initialize.js';
export type { Loss, LossClasses, LossOptions, Reduction } from './losses.js';
export type { AdamOptions, Optimizer, OptimizerClasses, SGDOptions } from './optim.js';
export type { Batch, DataLoader, LoaderOptions, TensorDataset } from './data.js';
export type { TensorFile } from './files.js';
export type { EvaluateOptions, Evaluation, LossName } from './evaluate.js';
export type { EpochProgress, FitOptions, Progress, ScheduleName, Trainer, TrainOptions } from './train.js';
export { type Features, probe } from './probe.js';
export type { ProfileReport, ProfileRow } from './profile.js';
export type { BackwardOptions, OutOption, ReduceOptions, Tensor } from './tensor.js';
export type { DTypeOption, TensorConstructor, TensorOptions } from './tensor_class.js';
export type { BuildInfo, TinyTorch, Tolerance } from './tinytorch.js';
export type * from './types.js';
