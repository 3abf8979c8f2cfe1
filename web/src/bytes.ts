// Files on their way into the module and out of it.

import { tagOf, show } from './check.js';
import { InvalidArgumentError, OutOfMemoryError } from './errors.js';
import type { Runtime } from './runtime.js';
import type { FileBytes, FileData } from './types.js';
import type { Handle } from './wasm_module.js';

// What an object is and how long it is, asked of what the engine keeps inside it. `instanceof` is false for a buffer of
// another realm (an iframe, Node's vm), and a property or a tag can be made up.
const getterOf = (prototype: object, name: string): ((this: unknown) => unknown) =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get as (this: unknown) => unknown;
const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const kindOfTypedArray = getterOf(typedArray, Symbol.toStringTag as unknown as string);
const bufferSizes = [ArrayBuffer, globalThis.SharedArrayBuffer]
  .filter((kind) => kind !== undefined) // a page that is not isolated has no shared memory
  .map((kind) => getterOf(kind.prototype, 'byteLength'));

function isBuffer(value: object): value is ArrayBufferLike {
  return bufferSizes.some((size) => {
    try {
      size.call(value);
      return true;
    } catch {
      return false;
    }
  });
}

/** The bytes of a file in any of JavaScript's containers, not copied. Runs no code of the caller's. */
export function bytesOf(file: FileData, where: string): Uint8Array {
  const value: unknown = file;
  try {
    if (ArrayBuffer.isView(value)) {
      const prototype = kindOfTypedArray.call(value) === undefined ? DataView.prototype : typedArray;
      const get = (name: string): unknown => getterOf(prototype, name).call(value);
      return new Uint8Array(
        get('buffer') as ArrayBufferLike,
        get('byteOffset') as number,
        get('byteLength') as number,
      );
    }
    if (typeof value === 'object' && value !== null && isBuffer(value)) return new Uint8Array(value);
  } catch {
    throw new InvalidArgumentError(
      `${where}: the file's buffer was transferred or shrunk: its bytes are gone`,
    );
  }
  throw new InvalidArgumentError(
    `${where}: a file is an ArrayBuffer or a view of one (Uint8Array, DataView, Buffer), got ${show(value)}${hint(value)}`,
  );
}

/** How the bytes are got out of what was given in their place. */
function hint(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const tag = tagOf(value).replace(/^an? /, '');
  if (tag === 'Promise') return '; await it first';
  if (['Blob', 'File', 'Response'].includes(tag)) return '; take await x.arrayBuffer() of it';
  return tag === 'Array' ? '; take Uint8Array.from(x)' : '';
}

/** Copies a file into the module for the time of one call. */
export function withBytes<Result>(
  runtime: Runtime,
  file: FileData,
  where: string,
  use: (bytes: Handle) => Result,
): Result {
  const { module } = runtime;
  module.roomForSeveral(); // first: a file that cannot be read for lack of stack looks like one that was transferred
  const source = bytesOf(file, where);
  const size = source.length; // of shared memory that grows, what there is now
  const bytes = runtime.check(module.createBytes(size));
  try {
    new Uint8Array(module.wasmMemory.buffer, runtime.received('array').address, size).set(
      source.subarray(0, size),
    );
    return use(bytes);
  } finally {
    module.releaseBytes(bytes);
  }
}

/** Copies a file that the module has just made, and frees it there. */
export function takeBytes(runtime: Runtime, bytes: Handle): FileBytes {
  const { module } = runtime;
  runtime.check(bytes);
  try {
    const { address, count } = runtime.received('array');
    return copied(new Uint8Array(module.wasmMemory.buffer, address, count));
  } finally {
    module.releaseBytes(bytes);
  }
}

/** A copy in JavaScript's memory of a view of the module's. Throws `OutOfMemoryError` where there is no room for it. */
export function copied<View extends { slice(): unknown }>(view: View): ReturnType<View['slice']> {
  try {
    return view.slice() as ReturnType<View['slice']>;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new OutOfMemoryError(`JavaScript has no memory for a copy (${error.message})`);
  }
}
