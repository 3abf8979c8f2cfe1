// The types that users write in their own signatures.

import type { KERNELS } from './contract.js';

/** Element types. Arithmetic is on the two floating ones; `int32` holds indices and labels, `uint8` pixels. */
export type DType = 'float32' | 'float64' | 'int32' | 'uint8';

/** The sizes of a tensor's axes; `[]` is a scalar. */
export type Shape = readonly number[];

/** What `data()` gives: a copy, of the kind that fits the dtype. */
export interface TensorArrays {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  uint8: Uint8Array;
}
export type TensorData = TensorArrays[DType];

/** Every typed array of numbers that a tensor can be made from. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** Numbers in nested arrays, all rows of one length: `[[1, 2], [3, 4]]`. */
export type NestedNumbers = number | NumberArray | readonly NestedNumbers[];

/** What `toArray()` gives. */
export type NestedArray = number | NestedArray[];

/** The bytes of a file: a buffer, or what a view (Uint8Array, DataView, Node's Buffer) shows of one. They are copied. */
export type FileData = ArrayBufferLike | ArrayBufferView;

/** The bytes of a file that the package writes, in memory of their own; for `Blob`, `fetch` and the like. */
export type FileBytes = Uint8Array & { readonly buffer: ArrayBuffer };

/** Which modules there are; see the table in docs/architecture.md. */
export type Variant = 'scalar' | 'simd' | 'relaxed';

/** The word that names a rung of the matmul ladder; `auto` lets the library choose. */
export type KernelName = 'auto' | (typeof KERNELS)[number] | (string & {});
