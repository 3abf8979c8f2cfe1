// From nothing to a running module: choose the build, get its code, start it.

import type { BuildName } from './build_names.js';
import * as check from './check.js';
import { chooseVariant } from './choose.js';
import { type FetchOptions, messageOf, startError } from './compile.js';
import { LoadError } from './errors.js';
import { LEAST_HEAP_BYTES, MOST_HEAP_BYTES } from './heap.js';
import { instantiate, type StartOptions } from './instantiate.js';
import { probe } from './probe.js';
import { Runtime } from './runtime.js';
import { registerDropped } from './tensor_handle.js';
import { chooseThreads } from './threads.js';
import { assemble, type BuildInfo, type TinyTorch } from './tinytorch.js';
import type { Variant } from './types.js';
import type { WasmModule } from './wasm_module.js';

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

/** Where the code of the builds comes from. */
export interface Source<Options extends EmbeddedLoadOptions> {
  /** All options there are. */
  readonly options: readonly (keyof Options & string)[];
  /** Throws for a value of an option that only this source has. */
  checkOptions?(options: Options): void;
  /** The code of a build, and in words where it comes from. Throws `LoadError`, or the signal's reason. */
  compile(name: BuildName, options: Options): Promise<{ compiled: WebAssembly.Module; origin: string }>;
  /** Starts a module with that many threads; or a sentence that says why there are none here. */
  readonly startThreaded:
    string | ((compiled: WebAssembly.Module, threads: number, options: StartOptions) => Promise<WasmModule>);
}

/** What is behind every `load()`. */
export async function loadFrom<Options extends EmbeddedLoadOptions>(
  source: Source<Options>,
  given: Options | undefined,
): Promise<TinyTorch> {
  const options = readOptions(source, given);
  const features = probe();
  const { variant: wanted = 'auto', threads = 'auto', signal } = options;
  const { variant, reason: variantReason } = chooseVariant(wanted, features);
  const wish = chooseThreads(threads, features);
  const { startThreaded } = source;
  let threadsReason = wish.reason;
  if (threads !== 1 && typeof startThreaded === 'string') threadsReason = startThreaded;
  else if (wish.threads > 1 && typeof startThreaded !== 'string') {
    if (variant === 'scalar') threadsReason = 'the scalar build has one thread';
    else {
      try {
        const { compiled } = await source.compile(`${variant}-mt`, options);
        const module = await startThreaded(compiled, wish.threads, options);
        module.setThreads(wish.threads);
        return start(module, { variant, variantReason, threadsReason }, signal);
      } catch (error) {
        signal?.throwIfAborted();
        threadsReason = messageOf(error);
      }
    }
  }
  const { compiled, origin } = await source.compile(variant, options);
  const module = await instantiate(compiled, options).catch((error: unknown) => {
    throw error instanceof LoadError ? error : startError(origin, error);
  });
  return start(module, { variant, variantReason, threadsReason }, signal);
}

/** The options, each of its kind; what `variant` and `threads` may be is checked where they are chosen. */
function readOptions<Options extends EmbeddedLoadOptions>(
  source: Source<Options>,
  given: Options | undefined,
): Options {
  const options = check.options(given, source.options, 'load') as Options;
  const { maxHeapBytes, onProgress, signal } = options;
  if (maxHeapBytes !== undefined)
    check.whole(maxHeapBytes, 'load', 'maxHeapBytes', LEAST_HEAP_BYTES, MOST_HEAP_BYTES);
  source.checkOptions?.(options);
  if (onProgress !== undefined) check.callable(onProgress, 'load', 'onProgress');
  if (signal !== undefined) check.abortSignal(signal, 'load');
  return options;
}

function start(
  module: WasmModule,
  reasons: Omit<BuildInfo, 'threads'>,
  signal: AbortSignal | undefined,
): TinyTorch {
  if (signal?.aborted) module.terminate('loading was given up');
  signal?.throwIfAborted();
  return assemble(new Runtime(module, registerDropped), reasons);
}
