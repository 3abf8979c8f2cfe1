// Who frees what, and how much there is.

import { runSynchronously } from './block.js';
import { bareTag, reading } from './check.js';
import { isWrapped, refuse, Resource } from './resource.js';
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
  const { bytes, peakBytes, pooledBytes } = runtime.received('memory');
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
  runtime.module.roomForSeveral();
  const outer = runtime.scope;
  const made: Resource[] = [];
  runtime.scope = made;
  let kept = new Set<Resource>();
  try {
    const result = runSynchronously(block, 'tidy');
    kept = reading('tidy', 'the result', () => resourcesIn(result));
    return result;
  } finally {
    runtime.scope = outer;
    for (const each of made) if (kept.has(each)) outer?.push(each);
    disposeAll(made.filter((each) => !kept.has(each)));
  }
}

/** Of all of them, even where one's `dispose`, which a class of the caller's may replace, throws. */
function disposeAll(resources: readonly Resource[]): void {
  for (const [place, each] of resources.entries()) {
    try {
      each.dispose();
    } catch (error) {
      disposeAll(resources.slice(place + 1));
      throw error;
    }
  }
}

/** Every tensor and layer in a value made of arrays, maps, sets and objects, whatever realm they come from. */
function resourcesIn(value: unknown): Set<Resource> {
  const found = new Set<Resource>();
  const seen = new Set<object>();
  const waiting: unknown[] = [value]; // no recursion: a linked list may be longer than the stack is deep
  while (waiting.length > 0) {
    const part = waiting.pop();
    if (typeof part !== 'object' || part === null || seen.has(part)) continue;
    seen.add(part);
    if (part instanceof Resource) {
      if (isWrapped(part)) refuse(undefined, part, 'Tensor or layer', false, 'tidy');
      found.add(part);
      for (const each of (part as Owner).owned ?? []) waiting.push(each);
      // What a class of the caller's adds to a layer; `runtime` leads to everything.
      for (const each of Object.values(part)) if (each !== part.runtime) waiting.push(each);
    } else {
      for (const each of contentOf(part)) waiting.push(each);
    }
  }
  return found;
}

/** What is one step inside an object. Own methods are not asked: they may be replaced, and another realm has others. */
function contentOf(object: object): Iterable<unknown> {
  if (ArrayBuffer.isView(object)) return [];
  switch (bareTag(object)) {
    case 'Map':
      return entriesOf(Map.prototype, object) ?? Object.values(object);
    case 'Set':
      return entriesOf(Set.prototype, object) ?? Object.values(object);
    default:
      return Object.values(object);
  }
}

/** The values of a map or set; undefined for something that has its tag only. */
function entriesOf(
  { values }: Map<unknown, unknown> | Set<unknown>,
  object: object,
): Iterable<unknown> | undefined {
  try {
    return Reflect.apply(values, object, []) as Iterable<unknown>;
  } catch {
    return undefined;
  }
}
