// The tensor as JavaScript sees it: a handle, with shape and dtype fetched on first use.

import { dtypeCode, DTYPES, element, flatNumbers, nest, showShape, sizeOf, viewElements } from './arrays.js';
import { copied } from './bytes.js';
import { onlyOption, options as readOptions, truth, whole } from './check.js';
import { InvalidArgumentError } from './errors.js';
import { along, axis, binary, made, reduce, resultOf, unary } from './operations.js';
import type { Runtime } from './runtime.js';
import { isTensorOrCopy, outHandle, ownHandle, TensorHandle, tensorHandle } from './tensor_handle.js';
import type { DType, NestedArray, NumberArray, Shape, TensorArrays } from './types.js';
import type { Handle } from './wasm_module.js';

/** @internal */
export { tensorHandle } from './tensor_handle.js';

/** Operations can write into a tensor that is there already, so that repeating them needs no memory. */
export interface OutOption {
  /**
   * Written and returned; of the result's shape and dtype, else `ShapeError` or `DTypeError`. May be an operand, except
   * of a matrix product. Throws `AutogradError` where the result would have to be recorded, or where `out` is itself
   * the result of a recorded operation: use `noGrad`.
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
 * An N-dimensional array: `new tt.Tensor([[1, 2], [3, 4]])`. Shapes broadcast as in NumPy, names are those of
 * PyTorch. `reshape`, `transpose`, `slice` and `expand` are views that share their elements with the original
 * wherever strides can express it. Every method returns a new tensor that has to be disposed of.
 *
 * A tensor has at most 8 axes and 268,435,455 (2^28 - 1) elements, whatever its dtype: `OverflowError` beyond. Every
 * argument is checked: one of a wrong kind is an `InvalidArgumentError` that names it, and nothing is changed.
 */
export class Tensor extends TensorHandle {
  #shape: Shape | undefined;
  #dtype: DType | undefined;

  // ---- What it is ----

  /** The sizes of its axes; `[]` for a scalar. */
  get shape(): Shape {
    const handle = ownHandle(this, 'shape');
    return this.#shape ?? this.#describe(handle).shape;
  }

  get dtype(): DType {
    const handle = ownHandle(this, 'dtype');
    return this.#dtype ?? this.#describe(handle).dtype;
  }

  /** How many axes it has. */
  get ndim(): number {
    ownHandle(this, 'ndim');
    return this.shape.length;
  }

  /** How many elements it has. */
  get size(): number {
    ownHandle(this, 'size');
    return sizeOf(this.shape);
  }

  // ---- Gradients ----

  /**
   * Whether operations on it are recorded. Setting it marks a tensor that was made, not one that was computed. Setting it
   * to false forgets the gradient; a `backward()` of what was recorded before then leaves this tensor out.
   */
  get requiresGrad(): boolean {
    const handle = ownHandle(this, 'requiresGrad');
    return this.runtime.module.requiresGrad(handle);
  }
  set requiresGrad(value: boolean) {
    truth(value, 'requiresGrad', 'it');
    const handle = ownHandle(this, 'requiresGrad');
    this.runtime.check(this.runtime.module.setRequiresGrad(handle, value));
  }

  /**
   * The gradient that `backward()` has added up, as a new tensor that shares its elements; undefined before. A later
   * `backward()` adds into a new tensor, so the elements that you hold stay. What you set is shared too where it is
   * row-major, else copied.
   */
  get grad(): Tensor | undefined {
    const own = ownHandle(this, 'grad');
    const { runtime } = this;
    runtime.check(runtime.module.grad(own));
    const handle = runtime.numbers[0] as number;
    return handle === 0 ? undefined : made<Tensor>(runtime, handle);
  }
  set grad(value: Tensor | undefined) {
    const own = ownHandle(this, 'grad');
    const { runtime } = this;
    const { module } = runtime;
    const given = value === undefined ? 0 : tensorHandle(runtime, value, 'grad');
    if (given === own) throw new InvalidArgumentError('grad: a tensor cannot be its own gradient');
    // Without its record: one that leads back to this tensor would keep both alive for ever.
    module.roomForSeveral();
    const detached = given === 0 ? 0 : runtime.check(module.detach(given));
    try {
      runtime.check(module.setGrad(own, detached));
    } finally {
      if (detached !== 0) module.release(detached);
    }
  }

  /**
   * Adds d this / d leaf to the gradient of every leaf that this depends on, and frees the record of how it came
   * about. Throws `AutogradError` where it depends on none, where the record has been freed, or where a value that a
   * gradient needs has been overwritten. After an error all gradients are as before; the part of the record that it has
   * passed is freed, so compute the result anew to go back again.
   */
  backward(options?: BackwardOptions): void {
    const { gradient, retainGraph = false } = readOptions(options, ['gradient', 'retainGraph'], 'backward');
    truth(retainGraph, 'backward', 'retainGraph');
    const own = ownHandle(this, 'backward');
    const { runtime } = this;
    const handle = gradient === undefined ? 0 : tensorHandle(runtime, gradient, 'backward, gradient');
    runtime.check(runtime.module.backward(own, handle, retainGraph));
  }

  /**
   * The same elements, shared, without a record of how they came about. Writing into them is not refused: a gradient that
   * needs them becomes an error, one that does not stays as it was.
   */
  detach(): Tensor {
    const handle = ownHandle(this, 'detach');
    return made<Tensor>(this.runtime, this.runtime.module.detach(handle));
  }

  /** `Tensor([2,3], float32)`. */
  override toString(): string {
    const isDisposed = ownHandle(this, 'toString', true) === 0;
    return isDisposed ? 'Tensor(disposed)' : `Tensor(${showShape(this.shape)}, ${this.dtype})`;
  }

  override get [Symbol.toStringTag](): string {
    return 'Tensor';
  }

  // ---- Reading and writing its elements ----

  /**
   * A copy of its elements in row-major order: a Float32Array, or what fits the dtype. In TypeScript name a dtype other
   * than float32: `x.data<'float64'>()`.
   */
  data<D extends DType = 'float32'>(): TensorArrays[D] {
    const handle = ownHandle(this, 'data');
    const { runtime, dtype } = this;
    runtime.module.roomForSeveral();
    const rowMajor = runtime.check(runtime.module.readable(handle));
    const [address, count] = runtime.numbers as unknown as [number, number];
    try {
      return copied(viewElements(runtime.module.wasmMemory, dtype, address, count)) as TensorArrays[D];
    } finally {
      runtime.module.release(rowMajor);
    }
  }

  /** The one element of a tensor that has just one. Throws `ShapeError` where there are more. */
  item(): number {
    const handle = ownHandle(this, 'item');
    this.runtime.check(this.runtime.module.item(handle));
    return this.runtime.numbers[0] as number;
  }

  /** A copy of its elements as nested arrays; a number for a scalar. */
  toArray(): NestedArray {
    ownHandle(this, 'toArray');
    return nest(this.data(), this.shape);
  }

  /** For `JSON.stringify`: the same as `toArray()`. JSON has no NaN and no infinity: they become null. */
  override toJSON(): NestedArray {
    ownHandle(this, 'toJSON');
    return this.toArray();
  }

  /**
   * Overwrites its elements: with those of a tensor, broadcast and converted as `to` does, or with as many numbers as it
   * has, in row-major order. Numbers for int32 and uint8 must be whole and in range, as in the constructor: `DTypeError`.
   * Returns itself. Not recorded: throws `AutogradError` outside `noGrad` where this is the result of a recorded
   * operation, or where the source requires a gradient. Tensors that were made may be written to.
   */
  copyFrom(source: Tensor | NumberArray | readonly number[]): this {
    if (isTensorOrCopy(source)) {
      const to = ownHandle(this, 'copyFrom');
      this.runtime.check(this.runtime.module.copyFrom(to, tensorHandle(this.runtime, source, 'copyFrom')));
      return this;
    }
    const { dtype } = this;
    const values = flatNumbers(source, this.shape, dtype, 'copyFrom');
    const handle = ownHandle(this, 'copyFrom');
    const { runtime } = this;
    runtime.check(runtime.module.writable(handle));
    const [address, count] = runtime.numbers as unknown as [number, number];
    if (address === 0 && count > 0) {
      throw new InvalidArgumentError('copyFrom: this view is not row-major; copy from a tensor instead');
    }
    viewElements(runtime.module.wasmMemory, dtype, address, count).set(values);
    return this;
  }

  /**
   * Sets every element to `value`; int32 and uint8 take whole numbers of their range: `DTypeError`. Returns itself. Throws
   * `AutogradError` outside `noGrad` where this is the result of a recorded operation.
   */
  fill(value: number): this {
    element(value, this.dtype, 'fill', 'the value');
    const handle = ownHandle(this, 'fill');
    this.runtime.check(this.runtime.module.fill(handle, value));
    return this;
  }

  // ---- Views and copies ----

  /** The same elements in another shape; one size may be -1. Copies only where strides leave no other way. */
  reshape(shape: Shape): Tensor {
    ownHandle(this, 'reshape');
    const { runtime } = this;
    const sizes = runtime.readShape(shape, 'reshape', -1);
    const handle = ownHandle(this, 'reshape');
    return made<Tensor>(runtime, runtime.module.reshape(handle, runtime.sendSizes(sizes)));
  }

  /** Exchanges two axes, by default the last two. Copies nothing. */
  transpose(dim0 = -2, dim1 = -1): Tensor {
    axis(dim0, 'transpose', 'dim0');
    axis(dim1, 'transpose', 'dim1');
    const handle = ownHandle(this, 'transpose');
    return made<Tensor>(this.runtime, this.runtime.module.transpose(handle, dim0, dim1));
  }

  /**
   * Elements `start`, `start + step`, ... below `stop` of one axis, as a view. Negative places count from the end;
   * `Infinity` as `stop`, like none, means to the end.
   */
  slice(dim: number, start: number, stop: number = Infinity, step = 1): Tensor {
    axis(dim, 'slice', 'dim');
    whole(start, 'slice', 'start');
    const end = stop === Infinity ? Number.MAX_SAFE_INTEGER : whole(stop, 'slice', 'stop');
    whole(step, 'slice', 'step', 1);
    const handle = ownHandle(this, 'slice');
    return made<Tensor>(this.runtime, this.runtime.module.slice(handle, dim, start, end, step));
  }

  /** The tensor broadcast to a larger shape, as a view: axes of size 1 are repeated. */
  expand(shape: Shape): Tensor {
    ownHandle(this, 'expand');
    const { runtime } = this;
    const sizes = runtime.readShape(shape, 'expand');
    const handle = ownHandle(this, 'expand');
    return made<Tensor>(runtime, runtime.module.expand(handle, runtime.sendSizes(sizes)));
  }

  /** A row-major copy that shares nothing. */
  clone(): Tensor {
    const handle = ownHandle(this, 'clone');
    return made<Tensor>(this.runtime, this.runtime.module.clone(handle));
  }

  /**
   * A copy with another element type; shares the elements where the type is that already. Between float types the
   * gradient is converted back; an integer type ends it. Floats become integers towards zero, held at the type's limits,
   * NaN becomes 0; int32 becomes uint8 by its low 8 bits.
   */
  to(dtype: DType): Tensor {
    const handle = ownHandle(this, 'to');
    return made<Tensor>(this.runtime, this.runtime.module.to(handle, dtypeCode(dtype, 'to')));
  }

  // ---- Elementwise operations; the other operand broadcasts, and may be a plain number ----

  /** this + other */
  add(other: Tensor | number, options?: OutOption): Tensor {
    return binary<Tensor>(this, 'add', other, options);
  }
  /** this - other */
  sub(other: Tensor | number, options?: OutOption): Tensor {
    return binary<Tensor>(this, 'sub', other, options);
  }
  /** this * other, element by element */
  mul(other: Tensor | number, options?: OutOption): Tensor {
    return binary<Tensor>(this, 'mul', other, options);
  }
  /** this / other */
  div(other: Tensor | number, options?: OutOption): Tensor {
    return binary<Tensor>(this, 'div', other, options);
  }
  /** this to the power of other. Gradients as in PyTorch: that of x^0 is 0 everywhere. */
  pow(other: Tensor | number, options?: OutOption): Tensor {
    return binary<Tensor>(this, 'pow', other, options);
  }
  /** The larger of this and other; NaN wins. Of equals, half the gradient goes to each. */
  maximum(other: Tensor | number, options?: OutOption): Tensor {
    return binary<Tensor>(this, 'maximum', other, options);
  }
  /** -this */
  neg(options?: OutOption): Tensor {
    return unary<Tensor>(this, 'neg', options);
  }
  /** |this|; gradient 0 at 0 */
  abs(options?: OutOption): Tensor {
    return unary<Tensor>(this, 'abs', options);
  }
  /** e to the power of this */
  exp(options?: OutOption): Tensor {
    return unary<Tensor>(this, 'exp', options);
  }
  /** The natural logarithm. */
  log(options?: OutOption): Tensor {
    return unary<Tensor>(this, 'log', options);
  }
  /** The square root; its gradient at 0 is infinite. */
  sqrt(options?: OutOption): Tensor {
    return unary<Tensor>(this, 'sqrt', options);
  }
  /** max(this, 0); NaN stays NaN; gradient 0 at 0 */
  relu(options?: OutOption): Tensor {
    return unary<Tensor>(this, 'relu', options);
  }
  /** 1 / (1 + exp(-this)) */
  sigmoid(options?: OutOption): Tensor {
    return unary<Tensor>(this, 'sigmoid', options);
  }
  /** this (1 + erf(this / sqrt 2)) / 2 */
  gelu(options?: OutOption): Tensor {
    return unary<Tensor>(this, 'gelu', options);
  }
  /** The hyperbolic tangent. */
  tanh(options?: OutOption): Tensor {
    return unary<Tensor>(this, 'tanh', options);
  }

  // ---- Reductions ----

  sum(options?: ReduceOptions): Tensor {
    return reduce<Tensor>(this, 'sum', options);
  }
  mean(options?: ReduceOptions): Tensor {
    return reduce<Tensor>(this, 'mean', options);
  }
  /**
   * The largest element; NaN wins. Throws `ShapeError` over an axis of size 0. Along `dim` the gradient goes to the first
   * of equals, without `dim` it is shared evenly among all equals, as in PyTorch.
   */
  max(options?: ReduceOptions): Tensor {
    return reduce<Tensor>(this, 'max', options);
  }
  /** The place of the largest element, the first of equals, as int32. */
  argmax(options?: ReduceOptions): Tensor {
    return reduce<Tensor>(this, 'argmax', options);
  }
  /** exp(this) / sum(exp(this)) along `dim`, computed so that nothing overflows. */
  softmax(dim = -1, options?: OutOption): Tensor {
    return along<Tensor>(this, 'softmax', dim, options);
  }
  /** The logarithm of softmax. */
  logSoftmax(dim = -1, options?: OutOption): Tensor {
    return along<Tensor>(this, 'logSoftmax', dim, options);
  }

  /**
   * The matrix product: `[..., m, k] . [..., k, n]` gives `[..., m, n]`, as NumPy's matmul. One-dimensional
   * operands are a row on the left and a column on the right. Transposed operands cost no copy.
   */
  matmul(other: Tensor, options?: OutOption): Tensor {
    const out = onlyOption(options, 'out', 'matmul');
    const a = ownHandle(this, 'matmul');
    const { runtime } = this;
    const b = tensorHandle(runtime, other, 'matmul');
    return resultOf<Tensor>(runtime, runtime.module.matmul(a, b, -1, outHandle(runtime, out, 'matmul')), out);
  }

  #describe(handle: Handle): { shape: Shape; dtype: DType } {
    const { runtime } = this;
    const length = runtime.module.describe(handle);
    const [code, ...sizes] = runtime.numbers.subarray(0, length);
    this.#dtype = DTYPES[code as number] as DType;
    this.#shape = Object.freeze(sizes);
    return { shape: this.#shape, dtype: this.#dtype };
  }
}

/**
 * The object for the tensor that a call has made; throws the typed error where it failed.
 * @internal
 */
export function newTensor(runtime: Runtime, handle: Handle): Tensor {
  return made<Tensor>(runtime, handle);
}
