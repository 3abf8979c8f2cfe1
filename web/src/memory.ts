// Who frees what, and how much there is.

import { InvalidArgumentError } from './errors.js';
import { Resource } from './resource.js';
import type { Runtime } from './runtime.js';

/** Memory in use, in bytes. */
export interface MemoryInfo {
  /** Tensor objects that JavaScript holds and has not disposed of. */
  readonly tensors: number;
  /** Elements of all live tensors, those inside layers included (and weights that they keep packed); shared once. */
  readonly bytes: number;
  /** The most that `bytes` has been since loading or since `resetPeakMemory()`. */
  readonly peakBytes: number;
  /** Freed buffers that are kept for reuse; `releasePooledMemory()` gives them back. */
  readonly pooledBytes: number;
  /** The WebAssembly memory as a whole. It grows as needed and never shrinks. */
  readonly heapBytes: number;
}

export function memoryInfo(runtime: Runtime): MemoryInfo {
  const { module } = runtime;
  module.memory();
  const [, bytes, peakBytes, pooledBytes] = runtime.numbers as unknown as [number, number, number, number];
  return {
    tensors: runtime.liveTensors,
    bytes,
    peakBytes,
    pooledBytes,
    heapBytes: module.wasmMemory.buffer.byteLength,
  };
}

/** Something that owns other resources, such as a Sequential and its layers. */
interface Owner {
  readonly owned?: Iterable<Resource>;
}

/** Runs `block` and disposes of every tensor and layer that it made, except those inside its result. */
export function tidy<Result>(runtime: Runtime, block: () => Result): Result {
  const outer = runtime.scope;
  const made: Resource[] = [];
  runtime.scope = made;
  let kept = new Set<Resource>();
  try {
    const result = block();
    if (result instanceof Promise) {
      throw new InvalidArgumentError(
        'tidy: the block must be synchronous; dispose of tensors by hand around await',
      );
    }
    kept = resourcesIn(result);
    return result;
  } finally {
    runtime.scope = outer;
    for (const each of made) {
      if (kept.has(each)) outer?.push(each);
      else each.dispose();
    }
  }
}

/** Every tensor and layer in a value made of arrays, maps, sets and plain objects. */
function resourcesIn(value: unknown): Set<Resource> {
  const found = new Set<Resource>();
  const seen = new Set<object>();
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null || seen.has(part)) return;
    seen.add(part);
    if (part instanceof Resource) {
      found.add(part);
      for (const each of (part as Owner).owned ?? []) visit(each);
    } else if (Array.isArray(part) || part instanceof Set) {
      for (const each of part) visit(each);
    } else if (part instanceof Map) {
      for (const each of part.values()) visit(each);
    } else if (!ArrayBuffer.isView(part)) {
      for (const each of Object.values(part)) visit(each);
    }
  };
  visit(value);
  return found;
}
