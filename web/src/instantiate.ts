// Starts a module: its compiled files, the glue that belongs to it, and its workers.

import { messageOf } from './fetch_wasm.js';
import { sharedMemory } from './threads.js';
import { bindModule } from './bind.js';
import type { Part } from './builds.js';
import type { ModuleFactory, ModuleOptions, RawModule, WasmModule } from './wasm_module.js';

/** The files of one build. The optional parts among them are named. */
export interface Compiled {
  readonly core: WebAssembly.Module;
  readonly rest: readonly WebAssembly.Module[];
  readonly parts: readonly Part[];
}

/** How long workers may take to start before the module without threads is taken instead. */
const WORKER_TIMEOUT_MS = 10_000;

/** Starts a module without threads. */
export function instantiate(factory: ModuleFactory, compiled: Compiled): Promise<WasmModule> {
  return new Promise((resolve, reject) => {
    factory({ instantiateWasm: starter(compiled, reject) })
      .then((raw) => bindModule(raw, compiled.parts))
      .then(resolve, reject);
  });
}

/**
 * Starts a module and `threads - 1` workers. Rejects, instead of waiting for ever, where a worker does not start;
 * those that did are stopped again.
 */
export async function instantiateThreaded(
  factory: ModuleFactory,
  compiled: Compiled,
  threads: number,
): Promise<WasmModule> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let options: ModuleOptions | undefined;
  try {
    return await new Promise<WasmModule>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the workers did not start in time')), WORKER_TIMEOUT_MS);
      options = {
        instantiateWasm: starter(compiled, reject),
        wasmMemory: sharedMemory(),
        workers: threads - 1,
        printErr: (text) => reject(new Error(text)),
      };
      factory(options)
        .then((raw) => bindModule(raw, compiled.parts))
        .then(resolve, reject);
    });
  } catch (error) {
    // The glue completes the object that it is given, so its thread list is there even when it never became ready.
    (options as Partial<RawModule> | undefined)?.PThread?.terminateAllThreads();
    throw new Error(`the workers could not be started (${messageOf(error)})`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The files are instances of their own that share the core's memory and tables; each fills its table, through which
 * the others call it. The glue passes what stands in the place of the one module that it knows on to its workers,
 * which start the same files (scripts/split_module.mjs). It does not hear of an instantiation that failed, so that
 * goes past it.
 */
function starter(
  { core, rest }: Compiled,
  failed: (reason: unknown) => void,
): ModuleOptions['instantiateWasm'] {
  const start = async (imports: WebAssembly.Imports) => {
    const instance = await WebAssembly.instantiate(core, imports);
    await Promise.all(rest.map((part) => WebAssembly.instantiate(part, { '': instance.exports })));
    return instance;
  };
  return (imports, done) => {
    start(imports).then((instance) => done(instance, { core, rest }), failed);
    return {};
  };
}
