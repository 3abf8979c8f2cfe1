// A tensor written for clarity, not speed: a base array of numbers and, for each element in row-major order, its place
// in that array. A view has a base of another tensor and places of its own, so what shares memory is plain to see.

export type DType = 'float32' | 'float64' | 'int32' | 'uint8';
export type Shape = readonly number[];

/** What the reference does not do, and the library must refuse with an error of its own. */
export class Refused extends Error {}

/** Numbers that tensors share. `errors` says how far the library's number may be from each; 0 where both are equal. */
export class Base {
  /** Counts writes, as the library does, so that a saved value that was overwritten is noticed. */
  version = 0;
  readonly values: Float64Array;
  readonly errors: Float64Array;
  constructor(
    readonly dtype: DType,
    size: number,
  ) {
    this.values = new Float64Array(size);
    this.errors = new Float64Array(size);
  }
}

export class Tensor {
  /** A leaf that requires a gradient has this; so has no result of an operation. */
  leaf: { grad: Tensor | undefined } | undefined;
  /** The recorded operation that made it (autograd.ts). */
  node: object | undefined;

  constructor(
    readonly base: Base,
    readonly places: Int32Array,
    readonly shape: Shape,
  ) {
    if (shape.length > 8) throw new Refused('more than 8 axes');
  }

  get dtype(): DType {
    return this.base.dtype;
  }
  get size(): number {
    return this.places.length;
  }
  get requiresGrad(): boolean {
    return this.leaf !== undefined || this.node !== undefined;
  }
  /** Row-major without gaps. */
  get isDense(): boolean {
    return this.places.every((place, i) => place === at(this.places, 0) + i);
  }
  /** Whether an element is in several places of the tensor, as in an expanded view. */
  get repeats(): boolean {
    return new Set(this.places).size < this.size;
  }

  /** A copy of its elements. */
  values(): Float64Array {
    return this.#gather(this.base.values);
  }
  errors(): Float64Array {
    return this.#gather(this.base.errors);
  }
  #gather(from: Float64Array): Float64Array {
    const { places } = this;
    const taken = new Float64Array(places.length);
    for (let i = 0; i < places.length; ++i) taken[i] = at(from, at(places, i));
    return taken;
  }
  write(values: ArrayLike<number>, errors?: ArrayLike<number>): void {
    const { places, base } = this;
    for (let i = 0; i < places.length; ++i) {
      base.values[at(places, i)] = at(values, i);
      base.errors[at(places, i)] = errors ? at(errors, i) : 0;
    }
    ++this.base.version;
  }
}

export function at(values: ArrayLike<number>, i: number): number {
  return values[i] as number;
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Every index of a shape, in row-major order. */
export function indices(shape: Shape): number[][] {
  return Array.from({ length: sizeOf(shape) }, (_, flat) => {
    const index: number[] = new Array<number>(shape.length);
    for (let axis = shape.length - 1; axis >= 0; --axis) {
      index[axis] = flat % at(shape, axis);
      flat = Math.floor(flat / at(shape, axis));
    }
    return index;
  });
}

/** The place of an index in row-major order. Missing leading axes are dropped, an axis of size 1 is repeated. */
export function flat(shape: Shape, index: readonly number[]): number {
  const lead = index.length - shape.length;
  return shape.reduce((place, size, axis) => place * size + (size === 1 ? 0 : at(index, lead + axis)), 0);
}

// ---- Numbers in a dtype ----

/** The distance from 1 to the next number. */
export function epsilon(dtype: DType): number {
  return dtype === 'float64' ? 2 ** -52 : 2 ** -23;
}

/** Absolute differences below this come from numbers too small for the dtype's full precision. */
export function tiny(dtype: DType): number {
  return dtype === 'float64' ? 1e-300 : 1e-35;
}

/** The largest number. A sum that may pass it on the way depends on the order of its terms. */
export function largest(dtype: DType): number {
  return dtype === 'float64' ? Number.MAX_VALUE : (2 - 2 ** -23) * 2 ** 127;
}

export function isFloating(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64';
}

/**
 * The nearest number of the dtype; into integers towards zero, at most the largest, NaN becomes 0. From int32 into uint8
 * the low 8 bits.
 */
export function round(value: number, dtype: DType, from?: DType): number {
  if (from === 'int32' && dtype === 'uint8') return value & 255;
  if (dtype === 'float32') return Math.fround(value);
  if (dtype === 'float64') return value;
  const [least, most] = dtype === 'int32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 255];
  return Number.isNaN(value) ? 0 : Math.trunc(Math.min(Math.max(value, least), most)) + 0;
}

// ---- Making, copying, writing ----

/** A new dense tensor; the values are rounded to the dtype. */
export function make(values: ArrayLike<number>, shape: Shape, dtype: DType): Tensor {
  const base = new Base(dtype, values.length);
  const places = new Int32Array(values.length);
  for (let i = 0; i < places.length; ++i) {
    places[i] = i;
    base.values[i] = round(at(values, i), dtype);
  }
  return new Tensor(base, places, shape);
}

export function full(shape: Shape, value: number, dtype: DType): Tensor {
  return make(new Float64Array(sizeOf(shape)).fill(value), shape, dtype);
}

export function detach(a: Tensor): Tensor {
  return new Tensor(a.base, a.places, a.shape);
}

export function fill(to: Tensor, value: number): void {
  to.write(new Float64Array(to.size).fill(round(value, to.dtype)));
}

/** Copies `from`, broadcast and converted, also where the two share memory. */
export function copyFrom(to: Tensor, from: Tensor): void {
  if (to.repeats) throw new Refused('copyFrom: elements of the destination share memory');
  const source = expand(from, to.shape).values();
  to.write(source.map((value) => round(value, to.dtype, from.dtype)));
}

/** The same elements in another dtype. */
export function convert(a: Tensor, dtype: DType): Tensor {
  return make(
    a.values().map((value) => round(value, dtype, a.dtype)),
    a.shape,
    dtype,
  );
}

/** Whether the stretches of memory from first to last element meet, though perhaps no elements do. */
export function mayOverlap(a: Tensor, b: Tensor): boolean {
  if (a.base !== b.base || a.size === 0 || b.size === 0) return false;
  const [from, to] = [a, b].map(({ places }) => [
    places.reduce((least, place) => Math.min(least, place)),
    places.reduce((most, place) => Math.max(most, place)),
  ]) as [[number, number], [number, number]];
  return from[0] <= to[1] && to[0] <= from[1];
}

// ---- Views: which element of the original is where ----

function view(a: Tensor, shape: Shape, source: (index: number[]) => number[]): Tensor {
  const places = indices(shape).map((index) => at(a.places, flat(a.shape, source(index))));
  return new Tensor(a.base, Int32Array.from(places), shape);
}

export function axisOf(dim: number, shape: Shape): number {
  const axis = dim < 0 ? dim + shape.length : dim;
  if (axis < 0 || axis >= shape.length) throw new Refused(`axis ${dim} of [${shape.join()}]`);
  return axis;
}

export function transpose(a: Tensor, dim0 = -2, dim1 = -1): Tensor {
  const i = axisOf(dim0, a.shape);
  const j = axisOf(dim1, a.shape);
  const exchange = (list: readonly number[]): number[] =>
    list.map((value, axis) => (axis === i ? at(list, j) : axis === j ? at(list, i) : value));
  return view(a, exchange(a.shape), exchange);
}

export function slice(a: Tensor, dim: number, start: number, stop = Infinity, step = 1): Tensor {
  const axis = axisOf(dim, a.shape);
  if (step < 1) throw new Refused(`slice: step ${step}`);
  const size = at(a.shape, axis);
  const place = (index: number): number => Math.min(Math.max(index < 0 ? index + size : index, 0), size);
  const first = place(start);
  const length = Math.ceil(Math.max(place(stop) - first, 0) / step);
  const shape = a.shape.map((old, i) => (i === axis ? length : old));
  return view(a, shape, (index) => index.map((old, i) => (i === axis ? first + old * step : old)));
}

export function expand(a: Tensor, shape: Shape): Tensor {
  const lead = shape.length - a.shape.length;
  const fits = lead >= 0 && a.shape.every((size, i) => size === 1 || size === at(shape, lead + i));
  if (!fits) throw new Refused(`expand: [${a.shape.join()}] to [${shape.join()}]`);
  return view(a, shape, (index) => index);
}

/** A view wherever strides can express it, else a copy. */
export function reshape(a: Tensor, wanted: Shape): Tensor {
  const known = wanted.filter((size) => size !== -1).reduce((product, size) => product * size, 1);
  const unknown = wanted.length - wanted.filter((size) => size !== -1).length;
  const shape = wanted.map((size) => (size === -1 ? a.size / known : size));
  const isWhole = shape.every((size) => Number.isInteger(size) && size >= 0);
  if (unknown > 1 || !isWhole || sizeOf(shape) !== a.size) {
    throw new Refused(`reshape: [${a.shape.join()}] to [${wanted.join()}]`);
  }
  const result = new Tensor(a.base, a.places, shape);
  return hasStrides(result) ? result : make(a.values(), shape, a.dtype);
}

/** Whether the places are an origin plus a stride times the index, axis by axis. */
function hasStrides(a: Tensor): boolean {
  if (a.size === 0) return true;
  const origin = at(a.places, 0);
  const strides = a.shape.map((size, axis) => {
    const second = a.shape.map((_, i) => (i === axis && size > 1 ? 1 : 0));
    return at(a.places, flat(a.shape, second)) - origin;
  });
  return indices(a.shape).every(
    (index, i) =>
      at(a.places, i) === origin + index.reduce((sum, step, axis) => sum + step * at(strides, axis), 0),
  );
}

/** NumPy's rule: aligned at the right, sizes are equal or 1. */
export function broadcast(a: Shape, b: Shape): Shape {
  const ndim = Math.max(a.length, b.length);
  return Array.from({ length: ndim }, (_, i) => {
    const x = a[i - ndim + a.length] ?? 1;
    const y = b[i - ndim + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new Refused(`[${a.join()}] and [${b.join()}] do not broadcast`);
    return x === 1 ? y : x;
  });
}
