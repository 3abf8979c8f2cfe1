// `tt.Tensor`: the tensor class of one loaded module, with everything that makes tensors out of nothing.

import {
  dtypeCode,
  element,
  isNumberArray,
  layoutOf,
  showShape,
  sizeOf,
  valuesOf,
  viewElements,
} from './arrays.js';
import { DTYPES } from './contract.js';
import { finite, isRevoked, options as readOptions, reading, show, truth, whole } from './check.js';
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

const DTYPE_OPTION = ['dtype'] as const;
const TENSOR_OPTIONS = ['shape', 'dtype', 'requiresGrad'] as const;

/** Makes the class for a loaded module, and teaches the runtime to make its objects. */
export function tensorClass(runtime: Runtime): TensorConstructor {
  const { module } = runtime;
  const dtypeOf = (options: DTypeOption | undefined, where: string): DType =>
    DTYPES[runtime.dtypeCode(readOptions(options, DTYPE_OPTION, where).dtype, where)] as DType;
  const codeOf = (dtype: DType): number => DTYPES.indexOf(dtype);
  const random = (kind: 'rand' | 'randn', shape: Shape, options: DTypeOption | undefined): Tensor => {
    const dtype = dtypeOf(options, kind);
    return made(module[kind](runtime.sendShape(shape, kind), codeOf(dtype)));
  };
  const full = (where: string, shape: Shape, value: number, options: DTypeOption | undefined): Tensor => {
    const dtype = dtypeOf(options, where);
    element(value, dtype, where, 'the value');
    return made(module.full(runtime.sendShape(shape, where), codeOf(dtype), value));
  };
  const made = (handle: Handle): Tensor => new Tensor(runtime.check(handle), FROM_HANDLE);

  class Tensor extends TensorBase {
    constructor(data: NestedNumbers, options?: TensorOptions) {
      if (options === FROM_HANDLE) {
        super(runtime, data as Handle);
        return;
      }
      const { requiresGrad = false, ...how } = readOptions(options, TENSOR_OPTIONS, 'Tensor');
      truth(requiresGrad, 'Tensor', 'requiresGrad');
      super(runtime, upload(runtime, data, how));
      if (!requiresGrad) return;
      try {
        this.requiresGrad = true;
      } catch (error) {
        this.dispose();
        throw error;
      }
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
      whole(n, 'eye', 'n', 0);
      whole(m, 'eye', 'm', 0);
      return made(module.eye(n, m, codeOf(dtypeOf(options, 'eye'))));
    }
    static arange(start: number, stop?: number, step = 1, options?: DTypeOption): Tensor {
      const [from, to] = stop === undefined ? [0, start] : [start, stop];
      const dtype = dtypeOf(options, 'arange');
      finite(from, 'arange', 'start');
      finite(to, 'arange', 'stop');
      finite(step, 'arange', 'step');
      if (dtype === 'int32' || dtype === 'uint8') {
        const last = from + Math.max(0, Math.ceil((to - from) / step) - 1) * step;
        for (const each of [from, last]) element(each, dtype, 'arange', 'an element');
        element(Math.abs(step), 'int32', 'arange', 'step');
      }
      return made(module.arange(from, to, step, codeOf(dtype)));
    }
    static rand(shape: Shape, options?: DTypeOption): Tensor {
      return random('rand', shape, options);
    }
    static randn(shape: Shape, options?: DTypeOption): Tensor {
      return random('randn', shape, options);
    }
  }

  runtime.makeTensor = (handle) => new Tensor(handle, FROM_HANDLE);
  return Tensor;
}

/**
 * Copies JavaScript's values into a new tensor and returns its handle. Everything of the caller's is read, checked and
 * converted before the tensor exists: a mistake leaves nothing behind, and code that runs meanwhile disturbs nothing.
 */
function upload(runtime: Runtime, data: unknown, options: Partial<TensorOptions>): Handle {
  const where = 'Tensor';
  const isArray = !isRevoked(data) && (Array.isArray(data) || isNumberArray(data));
  if (typeof data !== 'number' && !isArray) {
    throw new InvalidArgumentError(
      `${where}: made from a number, nested arrays or a typed array, not ${show(data)}`,
    );
  }
  const layout = reading(where, 'the values', () => layoutOf(data, where));
  const { dtype = layout.dtype } = options;
  const code = dtypeCode(dtype, where);
  const shape = options.shape === undefined ? layout.shape : runtime.readShape(options.shape, where);
  if (sizeOf(shape) !== sizeOf(layout.shape)) {
    throw new ShapeError(
      `${where}: ${sizeOf(layout.shape)} values do not fill the shape ${showShape(shape)}`,
    );
  }
  const values = valuesOf(data, layout.shape, dtype, where);
  const { module } = runtime;
  const handle = runtime.check(module.create(runtime.sendSizes(shape), code));
  const { address, count } = runtime.received('array');
  viewElements(module.wasmMemory, dtype, address, count).set(values);
  return handle;
}
