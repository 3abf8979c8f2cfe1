// The tensor as JavaScript sees it: a handle, with shape and dtype fetched on first use.

import { DTYPES, nest, showShape, sizeOf, viewElements } from './arrays.js';
import { copied } from './bytes.js';
import { InvalidArgumentError, ShapeError } from './errors.js';
import { refuse, Resource } from './resource.js';
import type { Runtime } from './runtime.js';
import type { DType, NestedArray, NumberArray, Shape, TensorArrays } from './types.js';
import type { Handle } from './wasm_module.js';

/** Operations can write into a tensor that is there already, so that repeating them needs no memory. */
export interface OutOption {
  /**
   * Written and returned; of the result's shape and dtype, else `ShapeError` or `DTypeError`. May be an operand, except
   * of a matrix product. Throws `AutogradError` where the result would have to be recorded: use `noGrad`.
   */
  out?: Tensor;
}

export interface BackwardOptions {
  /** Of the shape of the tensor that goes back; needed unless that has one element, whose gradient is 1. */
  gradient?: Tensor;
  /** Keep the record, so that `backward()` can run again. */
  retainGraph?: boolean;
}

/** Which axis a reduction removes; without `dim` it is all of them. */
export interface ReduceOptions extends OutOption {
  /** The axis; negative ones count from the end. */
  dim?: number;
  /** Keep the axis with size 1. */
  keepdim?: boolean;
}

/**
 * The handle of a live tensor of this runtime, for a call that `where` names; throws for anything else.
 * @internal
 */
export function tensorHandle(runtime: Runtime, value: Tensor, where: string): Handle {
  const isTensor = value instanceof Tensor;
  if (isTensor && value.handle > 0 && value.runtime === runtime) return value.handle;
  return refuse(runtime, value, 'Tensor', isTensor, where);
}

type UnaryName = 'neg' | 'abs' | 'exp' | 'log' | 'sqrt' | 'relu' | 'sigmoid' | 'tanh' | 'gelu';
type BinaryName = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'maximum';
type AlongName = 'softmax' | 'logSoftmax';
type ReductionName = 'sum' | 'mean' | 'max' | 'argmax';

/**
 * An N-dimensional array: `new tt.Tensor([[1, 2], [3, 4]])`. Shapes broadcast as in NumPy, names are those of
 * PyTorch. `reshape`, `transpose`, `slice` and `expand` are views that share their elements with the original
 * wherever strides can express it. Every method returns a new tensor that has to be disposed of.
 */
export class Tensor extends Resource {
  /**
   * Whether the garbage collector is to tell of it.
   * @internal
   */
  isRegistered = false;
  #shape: Shape | undefined;
  #dtype: DType | undefined;

  /** @internal */
  constructor(runtime: Runtime, handle: Handle) {
    super(runtime, handle);
    runtime.adopt(this);
  }

  override dispose(): void {
    if (this.handle === 0) return;
    this.runtime.release(this);
    this.#shape = this.#dtype = undefined;
  }

  // ---- What it is ----

  /** The sizes of its axes; `[]` for a scalar. */
  get shape(): Shape {
    return this.#shape ?? this.#describe().shape;
  }

  get dtype(): DType {
    return this.#dtype ?? this.#describe().dtype;
  }

  /** How many axes it has. */
  get ndim(): number {
    return this.shape.length;
  }

  /** How many elements it has. */
  get size(): number {
    return sizeOf(this.shape);
  }

  // ---- Gradients ----

  /** Whether operations on it are recorded. Setting it marks a tensor that was made, not one that was computed. */
  get requiresGrad(): boolean {
    return this.runtime.module.requiresGrad(this.#live('requiresGrad'));
  }
  set requiresGrad(value: boolean) {
    this.runtime.check(this.runtime.module.setRequiresGrad(this.#live('requiresGrad'), value));
  }

  /** The gradient that `backward()` has added up, as a new tensor that shares its elements; undefined before. */
  get grad(): Tensor | undefined {
    const { runtime } = this;
    runtime.check(runtime.module.grad(this.#live('grad')));
    const handle = runtime.numbers[0] as number;
    return handle === 0 ? undefined : runtime.wrap(handle);
  }
  set grad(value: Tensor | undefined) {
    const handle = value === undefined ? 0 : tensorHandle(this.runtime, value, 'grad');
    this.runtime.check(this.runtime.module.setGrad(this.#live('grad'), handle));
  }

  /**
   * Adds d this / d leaf to the gradient of every leaf that this depends on, and frees the record of how it came
   * about. Throws `AutogradError` where it depends on none, or where the record has been freed.
   */
  backward(options?: BackwardOptions): void {
    const gradient = options?.gradient;
    const handle = gradient === undefined ? 0 : tensorHandle(this.runtime, gradient, 'backward');
    this.runtime.check(
      this.runtime.module.backward(this.#live('backward'), handle, options?.retainGraph ?? false),
    );
  }

  /** The same elements, shared, without a record of how they came about. */
  detach(): Tensor {
    return this.#made(this.runtime.module.detach(this.#live('detach')));
  }

  /** `Tensor([2,3], float32)`. */
  override toString(): string {
    return this.isDisposed ? 'Tensor(disposed)' : `Tensor(${showShape(this.shape)}, ${this.dtype})`;
  }

  // ---- Reading and writing its elements ----

  /**
   * A copy of its elements in row-major order: a Float32Array, or what fits the dtype. In TypeScript name a dtype other
   * than float32: `x.data<'float64'>()`.
   */
  data<D extends DType = 'float32'>(): TensorArrays[D] {
    const { runtime, dtype } = this;
    const rowMajor = runtime.check(runtime.module.readable(this.#live('data')));
    const [address, count] = runtime.numbers as unknown as [number, number];
    try {
      return copied(viewElements(runtime.module.wasmMemory, dtype, address, count)) as TensorArrays[D];
    } finally {
      runtime.module.release(rowMajor);
    }
  }

  /** The one element of a tensor that has just one. Throws `ShapeError` where there are more. */
  item(): number {
    this.runtime.check(this.runtime.module.item(this.#live('item')));
    return this.runtime.numbers[0] as number;
  }

  /** A copy of its elements as nested arrays; a number for a scalar. */
  toArray(): NestedArray {
    return nest(this.data(), this.shape);
  }

  /**
   * Overwrites its elements: with those of a tensor, broadcast and converted, or with as many numbers as it has,
   * in row-major order. Returns itself.
   */
  copyFrom(source: Tensor | NumberArray | readonly number[]): this {
    const { runtime } = this;
    if (source instanceof Tensor) {
      const from = tensorHandle(runtime, source, 'copyFrom');
      runtime.check(runtime.module.copyFrom(this.#live('copyFrom'), from));
      return this;
    }
    if (source.length !== this.size) {
      throw new ShapeError(
        `copyFrom: ${source.length} values for ${this.size} elements of shape ${showShape(this.shape)}`,
      );
    }
    runtime.check(runtime.module.writable(this.#live('copyFrom')));
    const [address, count] = runtime.numbers as unknown as [number, number];
    if (address === 0 && count > 0) {
      throw new InvalidArgumentError('copyFrom: this view is not row-major; copy from a tensor instead');
    }
    viewElements(runtime.module.wasmMemory, this.dtype, address, count).set(source);
    return this;
  }

  /** Sets every element to `value`. Returns itself. */
  fill(value: number): this {
    this.runtime.check(this.runtime.module.fill(this.#live('fill'), value));
    return this;
  }

  // ---- Views and copies ----

  /** The same elements in another shape; one size may be -1. Copies only where strides leave no other way. */
  reshape(shape: Shape): Tensor {
    const handle = this.#live('reshape');
    return this.#made(this.runtime.module.reshape(handle, this.runtime.sendShape(shape, 'reshape', -1)));
  }

  /** Exchanges two axes, by default the last two. Copies nothing. */
  transpose(dim0 = -2, dim1 = -1): Tensor {
    return this.#made(this.runtime.module.transpose(this.#live('transpose'), dim0, dim1));
  }

  /** Elements `start`, `start + step`, ... below `stop` of one axis, as a view. Negative places count from the end. */
  slice(dim: number, start: number, stop: number = Number.MAX_SAFE_INTEGER, step = 1): Tensor {
    return this.#made(this.runtime.module.slice(this.#live('slice'), dim, start, stop, step));
  }

  /** The tensor broadcast to a larger shape, as a view: axes of size 1 are repeated. */
  expand(shape: Shape): Tensor {
    const handle = this.#live('expand');
    return this.#made(this.runtime.module.expand(handle, this.runtime.sendShape(shape, 'expand')));
  }

  /** A row-major copy that shares nothing. */
  clone(): Tensor {
    return this.#made(this.runtime.module.clone(this.#live('clone')));
  }

  /** A copy with another element type; shares the elements where the type is that already. */
  to(dtype: DType): Tensor {
    return this.#made(this.runtime.module.to(this.#live('to'), this.runtime.dtypeCode(dtype, 'to')));
  }

  // ---- Elementwise operations; the other operand broadcasts, and may be a plain number ----

  /** this + other */
  add(other: Tensor | number, options?: OutOption): Tensor {
    return this.#binary('add', other, options);
  }
  /** this - other */
  sub(other: Tensor | number, options?: OutOption): Tensor {
    return this.#binary('sub', other, options);
  }
  /** this * other, element by element */
  mul(other: Tensor | number, options?: OutOption): Tensor {
    return this.#binary('mul', other, options);
  }
  /** this / other */
  div(other: Tensor | number, options?: OutOption): Tensor {
    return this.#binary('div', other, options);
  }
  /** this to the power of other */
  pow(other: Tensor | number, options?: OutOption): Tensor {
    return this.#binary('pow', other, options);
  }
  /** The larger of this and other; NaN wins. */
  maximum(other: Tensor | number, options?: OutOption): Tensor {
    return this.#binary('maximum', other, options);
  }
  /** -this */
  neg(options?: OutOption): Tensor {
    return this.#unary('neg', options);
  }
  /** |this| */
  abs(options?: OutOption): Tensor {
    return this.#unary('abs', options);
  }
  /** e to the power of this */
  exp(options?: OutOption): Tensor {
    return this.#unary('exp', options);
  }
  /** The natural logarithm. */
  log(options?: OutOption): Tensor {
    return this.#unary('log', options);
  }
  /** The square root. */
  sqrt(options?: OutOption): Tensor {
    return this.#unary('sqrt', options);
  }
  /** max(this, 0); NaN stays NaN */
  relu(options?: OutOption): Tensor {
    return this.#unary('relu', options);
  }
  /** 1 / (1 + exp(-this)) */
  sigmoid(options?: OutOption): Tensor {
    return this.#unary('sigmoid', options);
  }
  /** this (1 + erf(this / sqrt 2)) / 2 */
  gelu(options?: OutOption): Tensor {
    return this.#unary('gelu', options);
  }
  /** The hyperbolic tangent. */
  tanh(options?: OutOption): Tensor {
    return this.#unary('tanh', options);
  }

  // ---- Reductions ----

  sum(options?: ReduceOptions): Tensor {
    return this.#reduce('sum', options);
  }
  mean(options?: ReduceOptions): Tensor {
    return this.#reduce('mean', options);
  }
  /** The largest element; NaN wins. Throws `ShapeError` over an axis of size 0. */
  max(options?: ReduceOptions): Tensor {
    return this.#reduce('max', options);
  }
  /** The place of the largest element, the first of equals, as int32. */
  argmax(options?: ReduceOptions): Tensor {
    return this.#reduce('argmax', options);
  }
  /** exp(this) / sum(exp(this)) along `dim`, computed so that nothing overflows. */
  softmax(dim = -1, options?: OutOption): Tensor {
    return this.#along('softmax', dim, options);
  }
  /** The logarithm of softmax. */
  logSoftmax(dim = -1, options?: OutOption): Tensor {
    return this.#along('logSoftmax', dim, options);
  }

  /**
   * The matrix product: `[..., m, k] . [..., k, n]` gives `[..., m, n]`, as NumPy's matmul. One-dimensional
   * operands are a row on the left and a column on the right. Transposed operands cost no copy.
   */
  matmul(other: Tensor, options?: OutOption): Tensor {
    const { runtime } = this;
    const a = this.#live('matmul');
    const b = tensorHandle(runtime, other, 'matmul');
    const out = options?.out;
    return this.#result(runtime.module.matmul(a, b, -1, this.#outHandle(out, 'matmul')), out);
  }

  // ---- Inside ----

  #live(where: string): Handle {
    return this.handle > 0 ? this.handle : tensorHandle(this.runtime, this, where);
  }

  #made(handle: Handle): Tensor {
    return this.runtime.wrap(this.runtime.check(handle));
  }

  #outHandle(out: Tensor | undefined, where: string): Handle {
    return out === undefined ? 0 : tensorHandle(this.runtime, out, `${where}, out`);
  }

  #result(handle: Handle, out: Tensor | undefined): Tensor {
    const checked = this.runtime.check(handle);
    return out ?? this.runtime.wrap(checked);
  }

  #unary(name: UnaryName, options: OutOption | undefined): Tensor {
    const out = options?.out;
    return this.#result(this.runtime.module[name](this.#live(name), this.#outHandle(out, name)), out);
  }

  #binary(name: BinaryName, other: Tensor | number, options: OutOption | undefined): Tensor {
    const { runtime } = this;
    const a = this.#live(name);
    const out = options?.out;
    const outHandle = this.#outHandle(out, name);
    if (typeof other !== 'number') {
      return this.#result(runtime.module[name](a, tensorHandle(runtime, other, name), outHandle), out);
    }
    const scalar = runtime.check(runtime.module.full(0, DTYPES.indexOf(this.dtype), other));
    const result = runtime.module[name](a, scalar, outHandle);
    runtime.module.release(scalar);
    return this.#result(result, out);
  }

  #reduce(name: ReductionName, options: ReduceOptions | undefined): Tensor {
    const { module } = this.runtime;
    const { dim, keepdim = false, out } = options ?? {};
    const handle = module[name](
      this.#live(name),
      dim === undefined,
      dim ?? 0,
      keepdim,
      this.#outHandle(out, name),
    );
    return this.#result(handle, out);
  }

  #along(name: AlongName, dim: number, options: OutOption | undefined): Tensor {
    const out = options?.out;
    return this.#result(this.runtime.module[name](this.#live(name), dim, this.#outHandle(out, name)), out);
  }

  #describe(): { shape: Shape; dtype: DType } {
    const { runtime } = this;
    const length = runtime.module.describe(this.#live('shape'));
    const [code, ...sizes] = runtime.numbers.subarray(0, length);
    this.#dtype = DTYPES[code as number] as DType;
    this.#shape = Object.freeze(sizes);
    return { shape: this.#shape, dtype: this.#dtype };
  }
}
