// From JavaScript's arrays to a tensor's elements and back.

import { INT32, isRevoked, reading, real, show, whole } from './check.js';
import { DTYPES, MAX_RANK } from './contract.js';
import { DTypeError, InvalidArgumentError, OutOfMemoryError, OverflowError, ShapeError } from './errors.js';
import type { DType, NestedArray, NumberArray, Shape, TensorData } from './types.js';

/** The most elements a tensor has (cpp/src/base/shape.cpp: byte offsets are signed, at 8 bytes an element). */
const MAX_ELEMENTS = 2 ** 28 - 1;
/** The most arrays that `toArray` makes: an engine that runs out of memory ends the page, without an exception. */
const MAX_NESTED = 2 ** 24;

const ARRAY_OF = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;

/** The number by which the module knows a dtype. */
export function dtypeCode(dtype: unknown, where: string): number {
  const code = DTYPES.indexOf(dtype as DType);
  if (code < 0)
    throw new DTypeError(`${where}: unknown dtype ${show(dtype)}; there are ${DTYPES.join(', ')}`);
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

// Typed arrays are told by what the engine keeps inside them, read with its own getters: that holds for arrays of
// another realm (an iframe, Node's vm), and no subclass or proxy can pretend.
const typedArrays = Object.getPrototypeOf(Uint8Array.prototype) as object;
const kindGetter = getterOf(Symbol.toStringTag);
const lengthGetter = getterOf('length');

function getterOf(name: string | symbol): (this: unknown) => unknown {
  return Object.getOwnPropertyDescriptor(typedArrays, name)?.get as (this: unknown) => unknown;
}

/** The dtype that holds the values of a typed array exactly; arrays of BigInt have none. */
const DTYPE_OF_KIND: Readonly<Record<string, DType>> = {
  Float16Array: 'float32',
  Float32Array: 'float32',
  Float64Array: 'float64',
  Int8Array: 'float32',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Int16Array: 'float32',
  Uint16Array: 'float32',
  Int32Array: 'int32',
  Uint32Array: 'float64',
};

export function isNumberArray(data: unknown): data is NumberArray {
  return dtypeOfKind(data) !== undefined;
}

function dtypeOfKind(data: unknown): DType | undefined {
  const kind = kindGetter.call(data);
  return kind === undefined ? undefined : DTYPE_OF_KIND[kind as string];
}

/** Throws for a view whose buffer was transferred, or became too short for it: it would pass for an empty array. */
function typedLength(array: NumberArray, where: string): number {
  const length = lengthGetter.call(array) as number;
  if (length === 0) {
    reading(where, 'the typed array', () => Reflect.apply(Uint8Array.prototype.keys, array, []));
  }
  return length;
}

/** What an array's first elements say about it. */
export interface Layout {
  readonly shape: readonly number[];
  /**
   * The dtype that holds the values exactly and that arithmetic takes: float32 for plain numbers and small integers,
   * float64 for Float64Array and Uint32Array; int32 (indices, labels) and uint8 (pixels) for their arrays.
   */
  readonly dtype: DType;
}

/** The shape that nested arrays describe, going by their first elements; `fillFrom` compares the others. */
export function layoutOf(data: unknown, where: string): Layout {
  const shape: number[] = [];
  let level = data;
  for (;;) {
    const dtype = dtypeOfKind(level);
    if (dtype === undefined && !Array.isArray(level)) {
      if (shape.at(-1) !== 0 && typeof level !== 'number') {
        throw notANumber(level, '[0]'.repeat(shape.length), where);
      }
      return { shape, dtype: 'float32' };
    }
    if (shape.length === MAX_RANK) {
      throw new ShapeError(`${where}: a tensor has at most ${MAX_RANK} axes, these arrays are nested deeper`);
    }
    if (dtype !== undefined) {
      shape.push(typedLength(level as NumberArray, where));
      return { shape, dtype };
    }
    const array = level as readonly unknown[];
    shape.push(whole(array.length, where, 'the length of an array', 0, 2 ** 32 - 1));
    if (shape.at(-1) === 0) return { shape, dtype: 'float32' };
    level = array[0];
  }
}

/** New memory of JavaScript's for the elements of a tensor, before they go into the module. */
export function allocate(shape: Shape, dtype: DType, where: string): Float32Array | Float64Array {
  const count = sizeOf(shape);
  if (count > MAX_ELEMENTS) {
    throw new OverflowError(`${where}: shape ${showShape(shape)}: too large for the address space`);
  }
  try {
    return dtype === 'float32' ? new Float32Array(count) : new Float64Array(count);
  } catch {
    throw new OutOfMemoryError(`${where}: no memory for shape ${showShape(shape)}`);
  }
}

/** Writes nested arrays of exactly `shape` into `target`, in row-major order. Reads each element once. */
export function fillFrom(target: TensorData, data: unknown, shape: Shape, where: string): void {
  let next = 0;
  const place: number[] = [];
  const path = (depth: number): string =>
    place
      .slice(0, depth)
      .map((index) => `[${index}]`)
      .join('');
  const fill = (level: unknown, depth: number): void => {
    const expected = shape[depth];
    if (expected === undefined) {
      if (typeof level !== 'number') throw notANumber(level, path(depth), where);
      target[next++] = level;
      return;
    }
    const isTyped = isNumberArray(level);
    if (!isTyped && !Array.isArray(level)) {
      if (typeof level !== 'number') throw notANumber(level, path(depth), where);
      throw new ShapeError(
        `${where}: ragged array: ${path(depth) || 'it'} is a number where [0] is an array`,
      );
    }
    const length = isTyped ? typedLength(level, where) : (level.length as number);
    if (length !== expected) {
      throw new ShapeError(
        `${where}: ragged array: ${path(depth)} has ${show(length)} elements where the first of its kind has ${expected}`,
      );
    }
    if (isTyped && depth === shape.length - 1) {
      target.set(level, next);
      next += length;
      return;
    }
    for (let i = 0; i < expected; ++i) {
      place[depth] = i;
      fill((level as readonly unknown[])[i], depth + 1);
    }
  };
  fill(data, 0);
}

function notANumber(value: unknown, path: string, where: string): Error {
  if (Array.isArray(value) || isNumberArray(value)) {
    return new ShapeError(
      `${where}: ragged array: ${path} is an array where the first of its kind is a number`,
    );
  }
  return new InvalidArgumentError(
    `${where}: ${path || 'the value'} is ${show(value)}, which is not a number`,
  );
}

/** The numbers of a flat array that fill `shape`, as `valuesOf` gives them. */
export function flatNumbers(data: unknown, shape: Shape, dtype: DType, where: string): NumberArray {
  const isTyped = isNumberArray(data);
  if (!isTyped && (isRevoked(data) || !Array.isArray(data))) {
    throw new InvalidArgumentError(`${where}: expected a tensor or an array of numbers, got ${show(data)}`);
  }
  const length = isTyped ? typedLength(data, where) : reading(where, 'the values', () => data.length);
  const count = sizeOf(shape);
  if (length !== count) {
    throw new ShapeError(
      `${where}: ${show(length)} values for ${count} elements of shape ${showShape(shape)}`,
    );
  }
  return valuesOf(data, [count], dtype, where);
}

/**
 * The elements of (nested) arrays of that shape in a typed array, checked: what is to become int32 or uint8 is whole
 * and in range, else DTypeError. A typed array that needs no check is given back as it is.
 */
export function valuesOf(data: unknown, shape: Shape, dtype: DType, where: string): NumberArray {
  const isWhole = dtype === 'int32' || dtype === 'uint8';
  const kind = dtypeOfKind(data);
  if (kind !== undefined && (!isWhole || dtype === kind)) return data as NumberArray;
  const values = allocate(shape, dtype, where);
  reading(where, 'the values', () => fillFrom(values, data, shape, where));
  if (isWhole) requireWhole(values, dtype, where);
  return values;
}

/** A tensor of whole numbers takes only those of its range: rounding an index silently would hide a mistake. */
function requireWhole(values: ArrayLike<number>, dtype: 'int32' | 'uint8', where: string): void {
  for (let i = 0; i < values.length; ++i) {
    if (!fits(values[i] as number, dtype)) {
      throw new DTypeError(`${where}: element ${i} is ${values[i]}, which is no ${dtype}`);
    }
  }
}

/** The same rule for one number that is to become an element. */
export function element(value: unknown, dtype: DType, where: string, what: string): number {
  const number = real(value, where, what);
  if (!fits(number, dtype)) throw new DTypeError(`${where}: ${what} is ${number}, which is no ${dtype}`);
  return number;
}

function fits(value: number, dtype: DType): boolean {
  switch (dtype) {
    case 'int32':
      return Number.isInteger(value) && value >= INT32[0] && value <= INT32[1];
    case 'uint8':
      return Number.isInteger(value) && value >= 0 && value <= 255;
    default:
      return true;
  }
}

/** Row-major elements as nested arrays. */
export function nest(values: TensorData, shape: Shape): NestedArray {
  let arrays = 0;
  for (let i = 0, rows = 1; i < shape.length; ++i) {
    arrays += rows;
    rows *= shape[i] as number;
  }
  if (arrays > MAX_NESTED) {
    throw new OverflowError(`toArray: shape ${showShape(shape)} makes ${arrays} arrays; data() gives one`);
  }
  let next = 0;
  const build = (depth: number): NestedArray => {
    if (depth === shape.length) return values[next++] as number;
    const level: NestedArray[] = [];
    for (let i = 0; i < (shape[depth] as number); ++i) level.push(build(depth + 1));
    return level;
  };
  return build(0);
}
