// The options of every `load()`, and their checks.

import * as check from './check.js';
import type { FetchOptions } from './compile.js';
import { LoadError } from './errors.js';
import { LEAST_HEAP_BYTES, MOST_HEAP_BYTES } from './heap.js';
import type { Variant } from './types.js';

/** The options of `load()` where the modules are inside the JavaScript. */
export interface EmbeddedLoadOptions extends FetchOptions {
  /** Which build; `auto` takes the fastest that this engine runs. */
  variant?: Variant | 'auto';
  /**
   * How many threads; `auto` takes one for each core. Where threads cannot be had (`threadsReason` says why) it is
   * one. The build `scalar` has no threads.
   */
  threads?: number | 'auto';
  /**
   * The most bytes that the module's memory may grow to, from 16 MB to 4 GB, which is the usual. Where it is used up,
   * calls throw `OutOfMemoryError`. A memory that threads share takes that many addresses at once, and an engine may set
   * aside fewer: then its limit is a half, a quarter or an eighth.
   */
  maxHeapBytes?: number;
}

/** The options of `load()`. */
export interface LoadOptions extends EmbeddedLoadOptions {
  /**
   * Where the .wasm files are: the address of their folder, or a function from file name to address. Needed only
   * where they do not lie beside the package's own JavaScript, as they do in Node and as bundlers put them.
   */
  wasmUrl?: string | URL | ((fileName: string) => string | URL);
}

export const COMMON_OPTIONS = ['variant', 'threads', 'maxHeapBytes', 'onProgress', 'signal'] as const;
export const FILE_OPTIONS = [...COMMON_OPTIONS, 'wasmUrl'] as const;

/**
 * The options, each of its kind, for a call that `where` names; what `variant` and `threads` may be is checked where they
 * are chosen. Throws `InvalidArgumentError`.
 */
export function readLoadOptions<Options extends EmbeddedLoadOptions>(
  given: Options | undefined,
  names: readonly (keyof Options & string)[],
  where: string,
): Options {
  const options = check.options(given, names, where) as Options;
  const { maxHeapBytes, wasmUrl, onProgress, signal } = options as LoadOptions;
  if (maxHeapBytes !== undefined)
    check.whole(maxHeapBytes, where, 'maxHeapBytes', LEAST_HEAP_BYTES, MOST_HEAP_BYTES);
  if (typeof wasmUrl === 'function') check.callable(wasmUrl, where, 'wasmUrl');
  else if (wasmUrl !== undefined && typeof wasmUrl !== 'string' && !isUrl(wasmUrl))
    check.refuse(where, 'wasmUrl', 'a string, a URL or a function', wasmUrl);
  if (onProgress !== undefined) check.callable(onProgress, where, 'onProgress');
  if (signal !== undefined) check.abortSignal(signal, where);
  return options;
}

function isUrl(value: unknown): value is URL {
  return typeof value === 'object' && value !== null && check.bareTag(value) === 'URL';
}

/** An address, which may be relative to `base`. Throws `LoadError` for a text that is none. */
export function address(text: unknown, base: string | URL): URL {
  if (typeof text !== 'string' && !isUrl(text))
    check.refuse('load', 'what wasmUrl returns', 'a string or a URL', text);
  try {
    return new URL(text, base);
  } catch (error) {
    throw new LoadError(`load: wasmUrl gives no address: ${check.show(String(text))}`, { cause: error });
  }
}

/** What to do where a file of the package is missing: some bundlers copy none. */
export const HINT =
  '. Where a bundler has left out the files of the package: copy node_modules/tinytorch-wasm/dist/tinytorch-* ' +
  'to that folder, or import tinytorch-wasm/embedded';
