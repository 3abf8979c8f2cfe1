// One worker of a module with threads, in a browser or in Node.

import { messageOf } from './fetch_wasm.js';
import type { ThreadWorker } from './wasm_module.js';

/** By this name the glue of a module knows that it runs as one of its workers. */
const NAME = 'em-pthread';

/**
 * Starts `script` as a worker. `onLost` is called with the reason when it fails to start, crashes or ends, by itself
 * or because it is terminated.
 */
export function startWorker(script: URL, onLost: (reason: string) => void): ThreadWorker {
  const { Worker } = globalThis as unknown as {
    Worker: new (script: URL, options: object) => ThreadWorker;
  };
  // Node's workers inherit the options of its command line, of which some (--input-type) stop a worker from starting
  // and others (--import) would run the program's own code in it.
  const worker = new Worker(script, { type: 'module', name: NAME, workerData: NAME, execArgv: [] });
  const onError = (event: unknown) => onLost(`a worker failed: ${reasonOf(event)}`);
  // The glue would throw the error again, out of an event where nobody can catch it.
  Object.defineProperty(worker, 'onerror', { get: () => onError, set: () => undefined });
  if (worker.on) {
    worker.on('error', onError);
    worker.on('exit', () => onLost('a worker ended'));
  } else {
    worker.addEventListener?.('error', (event) => {
      event.preventDefault(); // it is not an error of the page
      onError(event);
    });
  }
  return worker;
}

function reasonOf(event: unknown): string {
  const { message } = event as { message?: unknown };
  return typeof message === 'string' && message !== '' ? message : messageOf(event);
}
