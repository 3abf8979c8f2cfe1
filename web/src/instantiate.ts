// Starts a module: its compiled files, the glue that belongs to it, and its workers.

import { messageOf } from './fetch_wasm.js';
import { bindModule } from './bind.js';
import type { Part } from './builds.js';
import { createMemory } from './heap.js';
import type { ModuleFactory, ModuleOptions, PThread, WasmModule } from './wasm_module.js';
import { startWorker } from './worker.js';

/** The files of one build. The optional parts among them are named. */
export interface Compiled {
  readonly core: WebAssembly.Module;
  readonly rest: readonly WebAssembly.Module[];
  readonly parts: readonly Part[];
}

/** What a module is started with. */
export interface StartOptions {
  /** The most bytes that its memory may grow to. */
  readonly maxHeapBytes?: number;
  readonly signal?: AbortSignal;
}

/** How long workers may take to start before the module without threads is taken instead. */
const WORKER_TIMEOUT_MS = 10_000;

/** Starts a module without threads. */
export function instantiate(
  factory: ModuleFactory,
  compiled: Compiled,
  options: StartOptions,
): Promise<WasmModule> {
  return new Promise((resolve, reject) => {
    factory({
      instantiateWasm: starter(compiled, reject),
      wasmMemory: createMemory(false, options.maxHeapBytes),
    })
      .then((raw) => bindModule(raw, compiled.parts))
      .then(resolve, reject);
  });
}

/**
 * Starts a module and `threads - 1` workers, whose script is `glue`. Rejects, instead of waiting for ever, where a
 * worker does not start, and at once when the signal is aborted; the workers that did start are stopped again.
 */
export async function instantiateThreaded(
  factory: ModuleFactory,
  compiled: Compiled,
  glue: URL,
  threads: number,
  { maxHeapBytes, signal }: StartOptions,
): Promise<WasmModule> {
  const stopped = new AbortController();
  let pool: PThread | undefined;
  let module: WasmModule | undefined;
  let stop = (): void => undefined;
  try {
    return await new Promise<WasmModule>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error('the workers did not start in time')),
        WORKER_TIMEOUT_MS,
      );
      const onAbort = () => reject(new Error('loading was given up'));
      signal?.addEventListener('abort', onAbort);
      stop = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const onLost = (reason: string) => {
        reject(new Error(reason)); // too late for that after the start
        if (module && !stopped.signal.aborted) goOnAlone(module, pool);
      };
      const options: ModuleOptions = {
        instantiateWasm: starter(compiled, reject),
        wasmMemory: createMemory(true, maxHeapBytes),
        printErr: (text) => reject(new Error(text)),
        // Called when the glue is about to start its workers (cpp/bindings/CMakeLists.txt): they are started here, so
        // that it is known of each what becomes of it.
        workers: (its: PThread) => {
          stopped.signal.throwIfAborted();
          pool = its;
          its.allocateUnusedWorker = () => its.unusedWorkers.push(startWorker(glue, onLost));
          return threads - 1;
        },
      };
      factory(options)
        .then(async (raw) => {
          stopped.signal.throwIfAborted();
          return (module = await bindModule(raw, compiled.parts));
        })
        .then(resolve, reject);
    });
  } catch (error) {
    stopped.abort();
    pool?.terminateAllThreads();
    throw new Error(`the workers could not be started (${messageOf(error)})`, { cause: error });
  } finally {
    stop();
  }
}

/**
 * A worker has died while no call was running, or this would not run: nothing is lost but its help. The others are
 * stopped, too, and calls run on this thread. (A worker that dies in the middle of a call ends the module:
 * cpp/src/parallel/pool.cpp.)
 */
function goOnAlone(module: WasmModule, pool: PThread | undefined): void {
  if (module.threads() > 1) module.setThreads(1);
  pool?.terminateAllThreads();
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
    start(imports)
      .then((instance) => done(instance, { core, rest }))
      .catch(failed);
    return {};
  };
}
