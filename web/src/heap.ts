// The memory of a module.

import { LoadError } from './errors.js';

const PAGE = 64 * 1024;
/** What the modules ask for (Emscripten's INITIAL_MEMORY). */
export const LEAST_HEAP_BYTES = 16 * 1024 * 1024;
/** All that 32 bits can address. */
export const MOST_HEAP_BYTES = 4 * 1024 ** 3;

/**
 * A memory that may grow to `most` bytes; where the engine refuses to set aside so many addresses, to a half, a quarter
 * or an eighth of that. `LoadError` where it refuses these, too.
 */
export function createMemory(shared: boolean, most: number = MOST_HEAP_BYTES): WebAssembly.Memory {
  const initial = LEAST_HEAP_BYTES / PAGE;
  for (let divisor = 1; ; divisor *= 2) {
    const maximum = Math.max(Math.floor(most / divisor / PAGE), initial);
    try {
      return new WebAssembly.Memory({ initial, maximum, shared });
    } catch (error) {
      if (divisor < 8) continue;
      throw new LoadError(
        'load: this engine has no addresses left for a memory; terminate() modules that are not used any more',
        { cause: error },
      );
    }
  }
}
