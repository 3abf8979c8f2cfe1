// The tensor as JavaScript sees it: a handle, with shape and dtype fetched on first use.

import { element, flatNumbers, nest, sizeOf, viewElements } from './arrays.js';
import { copied } from './bytes.js';
import { options as readOptions, truth } from './check.js';
import { DTYPES } from './contract.js';
import { InvalidArgumentError, messageOf } from './errors.js';
import { made, type Out, type Reduce } from './operations.js';
import { printTensor } from './print.js';
import type { Runtime } from './runtime.js';
import { isTensorOrCopy, ownHandle, tensorHandle } from './tensor_handle.js';
import { TensorOperations } from './tensor_operations.js';
import type { DType, NestedArray, NumberArray, Shape, TensorArrays } from './types.js';
import type { Handle } from './wasm_module.js';

/** @internal */
export { tensorHandle } from './tensor_handle.js';

export type OutOption = Out<Tensor>;
export type ReduceOptions = Reduce<Tensor>;

export interface BackwardOptions {
  /** Of the shape of the tensor that goes back; needed unless that has one element, whose gradient is 1. */
  gradient?: Tensor;
  /** Keep the record, so that `backward()` can run again. */
  retainGraph?: boolean;
}

/**
 * An N-dimensional array: `new tt.Tensor([[1, 2], [3, 4]])`. Shapes broadcast as in NumPy, names are those of
 * PyTorch. `reshape`, `transpose`, `slice` and `expand` are views that share their elements with the original
 * wherever strides can express it. Every method returns a new tensor that has to be disposed of.
 *
 * A tensor has at most 8 axes and 268,435,455 (2^28 - 1) elements, whatever its dtype: `OverflowError` beyond. Every
 * argument is checked: one of a wrong kind is an `InvalidArgumentError` that names it, and nothing is changed.
 */
export class Tensor extends TensorOperations<Tensor> {
  #shape: Shape | undefined;
  #dtype: DType | undefined;

  // ---- What it is ----

  /** The sizes of its axes; `[]` for a scalar. */
  get shape(): Shape {
    const handle = ownHandle(this, 'shape');
    return this.#shape ?? this.#describe(handle).shape;
  }

  override get dtype(): DType {
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

  /**
   * Its elements as PyTorch prints them: four digits, aligned; of more than 1,000 the first and last three of each axis.
   * `console.log` of Node shows that, too. Never throws.
   */
  override toString(): string {
    const handle = ownHandle(this, 'toString', true);
    if (handle === 0) return 'tensor(disposed)';
    const { runtime } = this;
    let rowMajor = 0;
    try {
      const { shape, dtype, requiresGrad } = this;
      runtime.module.roomForSeveral();
      rowMajor = runtime.check(runtime.module.readable(handle));
      const { address, count } = runtime.received('array');
      const elements = viewElements(runtime.module.wasmMemory, dtype, address, count);
      return printTensor({ shape, dtype, requiresGrad, elements });
    } catch (error) {
      return `tensor(not readable: ${messageOf(error)})`; // the memory is full, or the module has ended
    } finally {
      if (rowMajor !== 0) runtime.module.release(rowMajor);
    }
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
    const { address, count } = runtime.received('array');
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
    const { address, count } = runtime.received('array');
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
