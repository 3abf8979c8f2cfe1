// `tt.Tensor`: the tensor class of one loaded module, with everything that makes tensors out of nothing.

import {
  DTYPES,
  dtypeCode,
  dtypeOf,
  fillFrom,
  isNumberArray,
  requireWhole,
  shapeOf,
  showShape,
  sizeOf,
  viewElements,
} from './arrays.js';
import { InvalidArgumentError, ShapeError } from './errors.js';
import type { Runtime } from './runtime.js';
import { Tensor as TensorBase } from './tensor.js';
import type { DType, NestedNumbers, Shape } from './types.js';
import type { Handle } from './wasm_module.js';

export interface DTypeOption {
  /** `float32` unless said otherwise. */
  dtype?: DType;
}

export interface TensorOptions {
  /** The shape that the values fill in row-major order; without it, the shape of the nested arrays. */
  shape?: Shape;
  /**
   * Without it: `float32` for plain numbers and small integers, and what fits for typed arrays: `float64` for
   * Float64Array and Uint32Array, `int32` for Int32Array, `uint8` for Uint8Array.
   */
  dtype?: DType;
  /** Whether operations on it are recorded, so that `backward()` can give it a gradient. */
  requiresGrad?: boolean;
}

/** The class `tt.Tensor`. */
export interface TensorConstructor {
  /**
   * A tensor with a copy of the values: a number, nested arrays or a typed array. Throws `ShapeError` for rows of
   * different lengths or values that do not fill `shape`, `DTypeError` for a dtype that does not exist.
   */
  new (data: NestedNumbers, options?: TensorOptions): TensorBase;
  readonly prototype: TensorBase;
  /** The same as `new Tensor(data, options)`. */
  from(data: NestedNumbers, options?: TensorOptions): TensorBase;
  zeros(shape: Shape, options?: DTypeOption): TensorBase;
  ones(shape: Shape, options?: DTypeOption): TensorBase;
  full(shape: Shape, value: number, options?: DTypeOption): TensorBase;
  /** n x m (n x n without m), ones on the diagonal. */
  eye(n: number, m?: number, options?: DTypeOption): TensorBase;
  /** 0, 1, ... below `stop`. */
  arange(stop: number): TensorBase;
  /** start, start + step, ... below stop (above, for a negative step). */
  arange(start: number, stop: number, step?: number, options?: DTypeOption): TensorBase;
  /** Uniform in [0, 1), from the generator that `manualSeed` sets. */
  rand(shape: Shape, options?: DTypeOption): TensorBase;
  /** Normal with mean 0 and standard deviation 1, from the generator that `manualSeed` sets. */
  randn(shape: Shape, options?: DTypeOption): TensorBase;
}

/** In place of options: `data` is the handle of a tensor that the module has made. */
const FROM_HANDLE: TensorOptions = Object.freeze({});

/** Makes the class for a loaded module, and teaches the runtime to make its objects. */
export function tensorClass(runtime: Runtime): TensorConstructor {
  const { module } = runtime;
  const random = (kind: 'rand' | 'randn', shape: Shape, options: DTypeOption | undefined): Tensor =>
    made(module[kind](runtime.sendShape(shape, kind), runtime.dtypeCode(options?.dtype, kind)));
  const full = (where: string, shape: Shape, value: number, options: DTypeOption | undefined): Tensor =>
    made(module.full(runtime.sendShape(shape, where), runtime.dtypeCode(options?.dtype, where), value));
  const made = (handle: Handle): Tensor => new Tensor(runtime.check(handle), FROM_HANDLE);

  class Tensor extends TensorBase {
    constructor(data: NestedNumbers, options?: TensorOptions) {
      super(runtime, options === FROM_HANDLE ? (data as Handle) : upload(runtime, data, options));
      if (options?.requiresGrad) this.requiresGrad = true;
    }

    static from(data: NestedNumbers, options?: TensorOptions): Tensor {
      return new Tensor(data, options);
    }
    static zeros(shape: Shape, options?: DTypeOption): Tensor {
      return full('zeros', shape, 0, options);
    }
    static ones(shape: Shape, options?: DTypeOption): Tensor {
      return full('ones', shape, 1, options);
    }
    static full(shape: Shape, value: number, options?: DTypeOption): Tensor {
      return full('full', shape, value, options);
    }
    static eye(n: number, m = n, options?: DTypeOption): Tensor {
      runtime.sendShape([n, m], 'eye');
      return made(module.eye(n, m, runtime.dtypeCode(options?.dtype, 'eye')));
    }
    static arange(start: number, stop?: number, step = 1, options?: DTypeOption): Tensor {
      const [from, to] = stop === undefined ? [0, start] : [start, stop];
      return made(module.arange(from, to, step, runtime.dtypeCode(options?.dtype, 'arange')));
    }
    static rand(shape: Shape, options?: DTypeOption): Tensor {
      return random('rand', shape, options);
    }
    static randn(shape: Shape, options?: DTypeOption): Tensor {
      return random('randn', shape, options);
    }
  }

  runtime.wrap = (handle) => new Tensor(handle, FROM_HANDLE);
  return Tensor;
}

/** Copies JavaScript's values into a new tensor and returns its handle. */
function upload(runtime: Runtime, data: NestedNumbers, options: TensorOptions | undefined): Handle {
  const where = 'Tensor';
  const isArray = Array.isArray(data) || isNumberArray(data);
  if (typeof data !== 'number' && !isArray) {
    throw new InvalidArgumentError(
      `${where}: made from a number, nested arrays or a typed array, not ${String(data)}`,
    );
  }
  const dtype = options?.dtype ?? dtypeOf(data);
  const code = dtypeCode(dtype, where);
  const given = shapeOf(data);
  const shape = options?.shape ?? given;
  const ndim = runtime.sendShape(shape, where);
  if (sizeOf(shape) !== sizeOf(given)) {
    throw new ShapeError(`${where}: ${sizeOf(given)} values do not fill the shape ${showShape(shape)}`);
  }
  // The values are checked and converted before the tensor exists, so that a mistake leaves nothing behind; a
  // typed array needs no check and goes straight into the module's memory.
  const { module } = runtime;
  const isWhole = dtype === 'int32' || dtype === 'uint8';
  const isTyped = isNumberArray(data) && (!isWhole || dtype === dtypeOf(data));
  const values = isTyped ? data : checked(data, given, dtype, where);
  const handle = runtime.check(module.create(ndim, code));
  const [address, count] = runtime.numbers as unknown as [number, number];
  viewElements(module.wasmMemory, DTYPES[code] as DType, address, count).set(values as ArrayLike<number>);
  return handle;
}

function checked(
  data: NestedNumbers,
  shape: Shape,
  dtype: DType,
  where: string,
): Float32Array | Float64Array {
  const values = dtype === 'float32' ? new Float32Array(sizeOf(shape)) : new Float64Array(sizeOf(shape));
  fillFrom(values, data, shape, where);
  if (dtype === 'int32' || dtype === 'uint8') requireWhole(values, dtype, where);
  return values;
}
