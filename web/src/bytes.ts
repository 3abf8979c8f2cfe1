// Files on their way into the module and out of it.

import { OutOfMemoryError } from './errors.js';
import type { Runtime } from './runtime.js';
import type { Handle } from './wasm_module.js';

/** Copies a file into the module for the time of one call. */
export function withBytes<Result>(
  runtime: Runtime,
  file: Uint8Array,
  use: (bytes: Handle) => Result,
): Result {
  const { module } = runtime;
  const bytes = runtime.check(module.createBytes(file.length));
  try {
    new Uint8Array(module.wasmMemory.buffer, runtime.numbers[0], file.length).set(file);
    return use(bytes);
  } finally {
    module.releaseBytes(bytes);
  }
}

/** Copies a file that the module has just made, and frees it there. */
export function takeBytes(runtime: Runtime, bytes: Handle): Uint8Array<ArrayBuffer> {
  const { module } = runtime;
  runtime.check(bytes);
  try {
    const [address, size] = runtime.numbers as unknown as [number, number];
    return copied(new Uint8Array(module.wasmMemory.buffer, address, size));
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
