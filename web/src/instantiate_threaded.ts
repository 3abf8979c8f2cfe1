// Starts a module with threads, and its workers.

import { bindModule } from './bind.js';
import { messageOf } from './errors.js';
import { createMemory } from './heap.js';
import { starter, type StartOptions } from './instantiate.js';
import createThreadedModule from './module/tinytorch-mt.js';
import type { ModuleOptions, PThread, ThreadWorker, WasmModule } from './wasm_module.js';
import { startWorker } from './worker.js';

/** How long workers may take to start before the module without threads is taken instead. */
const WORKER_TIMEOUT_MS = 10_000;

/**
 * Starts a module and `threads - 1` workers of that script. Rejects, instead of waiting for ever, where a worker does not start, and at
 * once when the signal is aborted; the workers that did start are stopped again.
 */
export async function instantiateThreaded(
  script: URL,
  compiled: WebAssembly.Module,
  threads: number,
  { maxHeapBytes, signal }: StartOptions,
): Promise<WasmModule> {
  const stopped = new AbortController();
  const workers: ThreadWorker[] = [];
  let started: { module: WasmModule; pool: PThread | undefined } | undefined;
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
        if (started && !stopped.signal.aborted) goOnAlone(started.module, started.pool);
      };
      const options: ModuleOptions = {
        instantiateWasm: starter(compiled, reject),
        wasmMemory: createMemory(true, maxHeapBytes),
        printErr: (text) => reject(new Error(text)),
        workers: threads - 1,
        startWorker: () => {
          stopped.signal.throwIfAborted();
          const worker = startWorker(script, onLost);
          workers.push(worker);
          return worker;
        },
      };
      createThreadedModule(options)
        .then(async (raw) => {
          stopped.signal.throwIfAborted();
          const module = await bindModule(raw);
          started = { module, pool: raw.PThread };
          return module;
        })
        .then(resolve, reject);
    });
  } catch (error) {
    stopped.abort();
    for (const worker of workers) void worker.terminate();
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
