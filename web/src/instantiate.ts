// Starts a module: the compiled code and the glue that belongs to it.

import { bindModule } from './bind.js';
import { createMemory } from './heap.js';
import createModule from './module/tinytorch.js';
import type { ModuleOptions, WasmModule } from './wasm_module.js';

/** What a module is started with. */
export interface StartOptions {
  /** The most bytes that its memory may grow to. */
  readonly maxHeapBytes?: number;
  readonly signal?: AbortSignal;
}

/** Starts a module without threads. */
export function instantiate(compiled: WebAssembly.Module, options: StartOptions): Promise<WasmModule> {
  return new Promise((resolve, reject) => {
    createModule({
      instantiateWasm: starter(compiled, reject),
      wasmMemory: createMemory(false, options.maxHeapBytes),
    })
      .then(bindModule)
      .then(resolve, reject);
  });
}

/** The glue passes the module on to its workers. It does not hear of one that fails to start, so that goes past it. */
export function starter(
  compiled: WebAssembly.Module,
  failed: (reason: unknown) => void,
): ModuleOptions['instantiateWasm'] {
  return (imports, done) => {
    WebAssembly.instantiate(compiled, imports)
      .then((instance) => done(instance, compiled))
      .catch(failed);
    return {};
  };
}
