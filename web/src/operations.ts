// What the tensor's methods share: arguments are checked, then one call makes a tensor or writes into `out`. They are no
// private methods: on a proxy those would throw the engine's own TypeError.

import { DTYPES } from './arrays.js';
import { INT32, onlyOption, readBy, truth, whole } from './check.js';
import type { Runtime } from './runtime.js';
import { outHandle, ownHandle, type TensorHandle, tensorHandle } from './tensor_handle.js';
import type { DType } from './types.js';
import type { Handle } from './wasm_module.js';

/** What is needed of the tensor class here. */
interface Operand extends TensorHandle {
  readonly dtype: DType;
}
/** tensor.ts describes the options. */
interface Out<Tensor> {
  out?: Tensor;
}
interface Reduce<Tensor> extends Out<Tensor> {
  dim?: number;
  keepdim?: boolean;
}

type UnaryName = 'neg' | 'abs' | 'exp' | 'log' | 'sqrt' | 'relu' | 'sigmoid' | 'tanh' | 'gelu';
type BinaryName = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'maximum';
type AlongName = 'softmax' | 'logSoftmax';
type ReductionName = 'sum' | 'mean' | 'max' | 'argmax';

export function axis(value: unknown, where: string, what: string): number {
  return whole(value, where, what, ...INT32);
}

export function made<Tensor>(runtime: Runtime, handle: Handle): Tensor {
  return runtime.makeTensor(runtime.check(handle)) as Tensor;
}

export function resultOf<Tensor>(runtime: Runtime, handle: Handle, out: Tensor | undefined): Tensor {
  const checked = runtime.check(handle);
  return out ?? (runtime.makeTensor(checked) as Tensor);
}

export function unary<Tensor extends Operand>(
  x: Tensor,
  name: UnaryName,
  options: Out<Tensor> | undefined,
): Tensor {
  const out = onlyOption(options, 'out', name);
  const a = ownHandle(x, name);
  const { runtime } = x;
  return resultOf(runtime, runtime.module[name](a, outHandle(runtime, out, name)), out);
}

export function binary<Tensor extends Operand>(
  x: Tensor,
  name: BinaryName,
  other: Tensor | number,
  options: Out<Tensor> | undefined,
): Tensor {
  const out = onlyOption(options, 'out', name);
  const a = ownHandle(x, name);
  const { runtime } = x;
  const outAt = outHandle(runtime, out, name);
  if (typeof other !== 'number') {
    return resultOf(runtime, runtime.module[name](a, tensorHandle(runtime, other, name), outAt), out);
  }
  const { module } = runtime;
  module.roomForSeveral();
  const scalar = runtime.check(module.full(0, DTYPES.indexOf(x.dtype), other));
  try {
    return resultOf(runtime, module[name](a, scalar, outAt), out);
  } finally {
    module.release(scalar);
  }
}

const REDUCE_OPTIONS = ['dim', 'keepdim', 'out'] as const;
const readReduceOptions = <Tensor>({ dim, keepdim = false, out }: Reduce<Tensor>) => ({ dim, keepdim, out });

export function reduce<Tensor extends Operand>(
  x: Tensor,
  name: ReductionName,
  options: Reduce<Tensor> | undefined,
): Tensor {
  const { dim, keepdim, out } = readBy(options, REDUCE_OPTIONS, name, readReduceOptions);
  if (dim !== undefined) axis(dim, name, 'dim');
  truth(keepdim, name, 'keepdim');
  const a = ownHandle(x, name);
  const { runtime } = x;
  const outAt = outHandle(runtime, out, name);
  return resultOf(runtime, runtime.module[name](a, dim === undefined, dim ?? 0, keepdim, outAt), out);
}

export function along<Tensor extends Operand>(
  x: Tensor,
  name: AlongName,
  dim: number,
  options: Out<Tensor> | undefined,
): Tensor {
  axis(dim, name, 'dim');
  const out = onlyOption(options, 'out', name);
  const a = ownHandle(x, name);
  const { runtime } = x;
  return resultOf(runtime, runtime.module[name](a, dim, outHandle(runtime, out, name)), out);
}
