// What the tensor's methods share: arguments are checked, then one call makes a tensor or writes into `out`. They are no
// private methods: on a proxy those would throw the engine's own TypeError.

import { DTYPES } from './arrays.js';
import { INT32, onlyOption, readBy, truth, whole } from './check.js';
import type { Runtime } from './runtime.js';
import type { OutOption, ReduceOptions, Tensor } from './tensor.js';
import { outHandle, ownHandle, tensorHandle } from './tensor_handle.js';
import type { Handle } from './wasm_module.js';

type UnaryName = 'neg' | 'abs' | 'exp' | 'log' | 'sqrt' | 'relu' | 'sigmoid' | 'tanh' | 'gelu';
type BinaryName = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'maximum';
type AlongName = 'softmax' | 'logSoftmax';
type ReductionName = 'sum' | 'mean' | 'max' | 'argmax';

export function axis(value: unknown, where: string, what: string): number {
  return whole(value, where, what, ...INT32);
}

export function made(runtime: Runtime, handle: Handle): Tensor {
  return runtime.wrap(runtime.check(handle));
}

export function resultOf(runtime: Runtime, handle: Handle, out: Tensor | undefined): Tensor {
  const checked = runtime.check(handle);
  return out ?? runtime.wrap(checked);
}

export function unary(x: Tensor, name: UnaryName, options: OutOption | undefined): Tensor {
  const out = onlyOption(options, 'out', name);
  const a = ownHandle(x, name);
  const { runtime } = x;
  return resultOf(runtime, runtime.module[name](a, outHandle(runtime, out, name)), out);
}

export function binary(
  x: Tensor,
  name: BinaryName,
  other: Tensor | number,
  options: OutOption | undefined,
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
const readReduceOptions = ({ dim, keepdim = false, out }: ReduceOptions) => ({ dim, keepdim, out });

export function reduce(x: Tensor, name: ReductionName, options: ReduceOptions | undefined): Tensor {
  const { dim, keepdim, out } = readBy(options, REDUCE_OPTIONS, name, readReduceOptions);
  if (dim !== undefined) axis(dim, name, 'dim');
  truth(keepdim, name, 'keepdim');
  const a = ownHandle(x, name);
  const { runtime } = x;
  const outAt = outHandle(runtime, out, name);
  return resultOf(runtime, runtime.module[name](a, dim === undefined, dim ?? 0, keepdim, outAt), out);
}

export function along(x: Tensor, name: AlongName, dim: number, options: OutOption | undefined): Tensor {
  axis(dim, name, 'dim');
  const out = onlyOption(options, 'out', name);
  const a = ownHandle(x, name);
  const { runtime } = x;
  return resultOf(runtime, runtime.module[name](a, dim, outHandle(runtime, out, name)), out);
}
