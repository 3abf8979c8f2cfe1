// What the tensor's methods share: arguments are checked, then one call makes a tensor or writes into `out`. They are no
// private methods: on a proxy those would throw the engine's own TypeError.

import { INT32, onlyOption, readBy, truth, whole } from './check.js';
import { DTYPES } from './contract.js';
import type { OperationCalls } from './operation_calls.js';
import type { Runtime } from './runtime.js';
import { outHandle, ownHandle, type TensorHandle, tensorHandle } from './tensor_handle.js';
import type { DType } from './types.js';
import type { Handle } from './wasm_module.js';

/** What is needed of the tensor class here. */
interface Operand extends TensorHandle {
  readonly dtype: DType;
}

/** Operations can write into a tensor that is there already, so that repeating them needs no memory. */
export interface Out<Tensor> {
  /**
   * Written and returned; of the result's shape and dtype, else `ShapeError` or `DTypeError`. May be an operand, except
   * of a matrix product. Throws `AutogradError` where the result would have to be recorded, or where `out` is itself
   * the result of a recorded operation: use `noGrad`.
   */
  out?: Tensor;
}

/** Which axis a reduction removes; without `dim` it is all of them. */
export interface Reduce<Tensor> extends Out<Tensor> {
  /** The axis; negative ones count from the end. */
  dim?: number;
  /** Keep the axis with size 1. */
  keepdim?: boolean;
}

/** Names of the operations whose functions take these arguments. */
type Named<Arguments extends unknown[]> = {
  [Name in keyof OperationCalls]: Parameters<OperationCalls[Name]> extends Arguments
    ? Arguments extends Parameters<OperationCalls[Name]>
      ? Name
      : never
    : never;
}[keyof OperationCalls];
type UnaryName = Named<[a: Handle, out: Handle]>;
type BinaryName = Named<[a: Handle, other: Handle, out: Handle]>;
type ReductionName = Named<[a: Handle, everything: boolean, dim: number, keepdim: boolean, out: Handle]>;

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

export function unary<Tensor extends TensorHandle>(
  x: TensorHandle,
  name: UnaryName,
  options: Out<Tensor> | undefined,
): Tensor {
  const out = onlyOption(options, 'out', name);
  const a = ownHandle(x, name);
  const { runtime } = x;
  return resultOf(runtime, runtime.module[name](a, outHandle(runtime, out, name)), out);
}

export function binary<Tensor extends TensorHandle>(
  x: Operand,
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

export function reduce<Tensor extends TensorHandle>(
  x: TensorHandle,
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
