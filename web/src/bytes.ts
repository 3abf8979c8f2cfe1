// Files on their way into the module and out of it.

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
  const [address, size] = runtime.numbers as unknown as [number, number];
  const copy = new Uint8Array(size);
  copy.set(new Uint8Array(module.wasmMemory.buffer, address, size));
  module.releaseBytes(bytes);
  return copy;
}
