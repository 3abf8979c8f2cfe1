// From nothing to a running module: choose the build, get its code, start it.

import type { BuildName } from './build_names.js';
import { chooseVariant } from './choose.js';
import { startError } from './compile.js';
import { LoadError, messageOf } from './errors.js';
import { instantiate, type StartOptions } from './instantiate.js';
import { type EmbeddedLoadOptions, readLoadOptions } from './load_options.js';
import { probe } from './probe.js';
import { Runtime } from './runtime.js';
import { registerDropped } from './tensor_handle.js';
import { chooseThreads } from './threads.js';
import { assemble, type BuildInfo, type TinyTorch } from './tinytorch.js';
import type { WasmModule } from './wasm_module.js';

/** Where the code of the builds comes from. */
export interface Source<Options extends EmbeddedLoadOptions> {
  /** The names of all options. */
  readonly options: readonly (keyof Options & string)[];
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
  const options = readLoadOptions(given, source.options, 'load');
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

function start(
  module: WasmModule,
  reasons: Omit<BuildInfo, 'threads'>,
  signal: AbortSignal | undefined,
): TinyTorch {
  if (signal?.aborted) module.terminate('loading was given up');
  signal?.throwIfAborted();
  return assemble(new Runtime(module, registerDropped), reasons);
}
