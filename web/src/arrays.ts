// From JavaScript's arrays to a tensor's elements and back.

import { DTypeError, InvalidArgumentError, ShapeError } from './errors.js';
import type { DType, NestedArray, NestedNumbers, NumberArray, Shape, TensorData } from './types.js';

/** In the order of the C++ enumeration DType (dtype.h). */
export const DTYPES: readonly DType[] = ['float32', 'float64', 'int32', 'uint8'];

const ARRAY_OF = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;

/** The number by which the module knows a dtype. */
export function dtypeCode(dtype: DType, where: string): number {
  const code = DTYPES.indexOf(dtype);
  if (code < 0)
    throw new DTypeError(`${where}: unknown dtype "${String(dtype)}"; there are ${DTYPES.join(', ')}`);
  return code;
}

/** A view of `count` elements at an address inside the module's memory. Valid until the next call into it. */
export function viewElements(
  memory: WebAssembly.Memory,
  dtype: DType,
  address: number,
  count: number,
): TensorData {
  return new ARRAY_OF[dtype](memory.buffer, address, count);
}

/** `[2,3]`, as the C++ library writes shapes. */
export function showShape(shape: Shape): string {
  return `[${shape.join(',')}]`;
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function isNumberArray(data: unknown): data is NumberArray {
  return ArrayBuffer.isView(data) && !(data instanceof DataView) && !isBigIntArray(data);
}

function isBigIntArray(data: ArrayBufferView): boolean {
  return data instanceof BigInt64Array || data instanceof BigUint64Array;
}

/** The shape that nested arrays describe, going by their first elements; `fillFrom` compares the others. */
export function shapeOf(data: NestedNumbers): number[] {
  const shape: number[] = [];
  for (let level: NestedNumbers | undefined = data; typeof level === 'object'; level = level[0]) {
    if (!Array.isArray(level) && !isNumberArray(level)) break;
    shape.push(level.length);
    if (isNumberArray(level)) break;
  }
  return shape;
}

/**
 * The dtype that holds the values exactly and that arithmetic takes: float32 for plain numbers and small
 * integers, float64 for Float64Array and Uint32Array; int32 (indices, labels) and uint8 (pixels) for their arrays.
 */
export function dtypeOf(data: NestedNumbers): DType {
  let leaf: NestedNumbers | undefined = data;
  while (Array.isArray(leaf)) leaf = (leaf as readonly NestedNumbers[])[0];
  if (leaf instanceof Float64Array || leaf instanceof Uint32Array) return 'float64';
  if (leaf instanceof Int32Array) return 'int32';
  return leaf instanceof Uint8Array || leaf instanceof Uint8ClampedArray ? 'uint8' : 'float32';
}

/** Writes nested arrays of exactly `shape` into `target`, in row-major order. */
export function fillFrom(target: TensorData, data: NestedNumbers, shape: Shape, where: string): void {
  let next = 0;
  const fill = (level: unknown, depth: number, path: string): void => {
    const expected = shape[depth];
    if (expected === undefined) {
      if (typeof level !== 'number') throw notANumber(level, path, where);
      target[next++] = level;
      return;
    }
    const isArray = Array.isArray(level);
    if (!isArray && !isNumberArray(level)) {
      if (typeof level !== 'number') throw notANumber(level, path, where);
      throw new ShapeError(`${where}: ragged array: ${path || 'it'} is a number where [0] is an array`);
    }
    if (level.length !== expected) {
      throw new ShapeError(
        `${where}: ragged array: ${path} has ${level.length} elements where the first of its kind has ${expected}`,
      );
    }
    if (!isArray && depth === shape.length - 1) {
      target.set(level as NumberArray, next);
      next += level.length;
    } else {
      for (let i = 0; i < level.length; ++i) fill(level[i], depth + 1, `${path}[${i}]`);
    }
  };
  fill(data, 0, '');
}

function notANumber(value: unknown, path: string, where: string): Error {
  if (Array.isArray(value) || isNumberArray(value)) {
    return new ShapeError(
      `${where}: ragged array: ${path} is an array where the first of its kind is a number`,
    );
  }
  const what = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new InvalidArgumentError(`${where}: ${path || 'the value'} is ${what}, which is not a number`);
}

/** A tensor of whole numbers takes only those of its range: rounding an index silently would hide a mistake. */
export function requireWhole(values: ArrayLike<number>, dtype: 'int32' | 'uint8', where: string): void {
  const [least, most] = dtype === 'int32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 255];
  for (let i = 0; i < values.length; ++i) {
    const value = values[i] as number;
    if (!(Number.isInteger(value) && value >= least && value <= most)) {
      throw new DTypeError(`${where}: element ${i} is ${value}, which is no ${dtype}`);
    }
  }
}
/** Row-major elements as nested arrays. */
export function nest(values: TensorData, shape: Shape): NestedArray {
  let next = 0;
  const build = (depth: number): NestedArray => {
    if (depth === shape.length) return values[next++] as number;
    const level: NestedArray[] = [];
    for (let i = 0; i < (shape[depth] as number); ++i) level.push(build(depth + 1));
    return level;
  };
  return build(0);
}
