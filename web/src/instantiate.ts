// Starts a module: the compiled WebAssembly, the glue that belongs to it, and its workers.

import { messageOf } from './fetch_wasm.js';
import { sharedMemory } from './threads.js';
import { bindModule } from './bind.js';
import type { ModuleFactory, ModuleOptions, RawModule, WasmModule } from './wasm_module.js';

/** How long workers may take to start before the module without threads is taken instead. */
const WORKER_TIMEOUT_MS = 10_000;

/** Starts a module without threads. */
export function instantiate(factory: ModuleFactory, compiled: WebAssembly.Module): Promise<WasmModule> {
  return new Promise((resolve, reject) => {
    factory({ instantiateWasm: starter(compiled, reject) })
      .then(bindModule)
      .then(resolve, reject);
  });
}

/**
 * Starts a module and `threads - 1` workers. Rejects, instead of waiting for ever, where a worker does not start;
 * those that did are stopped again.
 */
export async function instantiateThreaded(
  factory: ModuleFactory,
  compiled: WebAssembly.Module,
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
      factory(options).then(bindModule).then(resolve, reject);
    });
  } catch (error) {
    // The glue completes the object that it is given, so its thread list is there even when it never became ready.
    (options as Partial<RawModule> | undefined)?.PThread?.terminateAllThreads();
    throw new Error(`the workers could not be started (${messageOf(error)})`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** The glue does not hear of an instantiation that failed, so that goes past it. */
function starter(
  compiled: WebAssembly.Module,
  failed: (reason: unknown) => void,
): ModuleOptions['instantiateWasm'] {
  return (imports, done) => {
    WebAssembly.instantiate(compiled, imports).then((instance) => done(instance, compiled), failed);
    return {};
  };
}
