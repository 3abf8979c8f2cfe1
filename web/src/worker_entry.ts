/**
 * The library in a worker of its own, so that the page stays free: the same API, with promises.
 *
 * ```ts
 * import { loadInWorker } from 'tinytorch-wasm/worker';
 * const tt = await loadInWorker();
 * const x = await tt.Tensor.randn([64, 784]);
 * const layer = await new tt.Dense(784, 10);
 * const y = await layer.forward(x);
 * console.log(await y.shape, await y.data());
 * ```
 *
 * Dispose of what you make: the page's collector does not see the memory of the worker.
 *
 * Every call is a message to the worker and one back. A program of many small operations is better off in a worker of
 * its own that imports `tinytorch-wasm`.
 *
 * @packageDocumentation
 */

import { remoteLibrary } from './remote/library.js';
import type { RemoteLoadOptions, RemoteTinyTorch } from './remote/types.js';

export * from './api.js';
export type * from './remote/types.js';

/**
 * Starts a worker and loads the library there. Takes the options of `load()`; `wasmUrl` is the address of a folder.
 * Rejects as `load()` does, and where the worker cannot be started. A worker that dies rejects every pending promise with
 * `DisposedError`.
 */
export function loadInWorker(options?: RemoteLoadOptions): Promise<RemoteTinyTorch> {
  return remoteLibrary(options);
}
