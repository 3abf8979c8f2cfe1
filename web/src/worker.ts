// One worker of a module with threads, in a browser or in Node.

import { messageOf } from './errors.js';
import { nodeModule } from './node.js';
import type { ThreadWorker } from './wasm_module.js';

/** By this name the glue of a module knows that it runs as one of its workers. */
const POOL_NAME = 'em-pthread';

type WorkerClass = new (script: URL, options: object) => ThreadWorker;

/**
 * Starts `script` as a worker. `onLost` is called with the reason when it fails to start, crashes or ends, by itself
 * or because it is terminated.
 */
export function startWorker(script: URL, onLost: (reason: string) => void, name = POOL_NAME): ThreadWorker {
  const { Worker = nodeModule('node:worker_threads')?.Worker } = globalThis as { Worker?: unknown };
  // Node's workers inherit the options of its command line, of which some (--input-type) stop a worker from starting
  // and others (--import) would run the program's own code in it.
  const options = { type: 'module', name, workerData: name, execArgv: [] };
  const worker = new (Worker as WorkerClass)(ofThisOrigin(script), options);
  const onError = (event: unknown) => onLost(`a worker failed: ${reasonOf(event, script)}`);
  // The glue would throw the error again, out of an event where nobody can catch it.
  Object.defineProperty(worker, 'onerror', { get: () => onError, set: () => undefined });
  if (worker.on) {
    worker.on('message', (data) => worker.onmessage?.({ data }));
    worker.on('error', onError);
    worker.on('exit', () => onLost('a worker ended'));
    worker.unref?.(); // a program ends without waiting for it
  } else {
    worker.addEventListener?.('error', (event) => {
      event.preventDefault(); // it is not an error of the page
      onError(event);
    });
  }
  return worker;
}

/** A page may not start a worker from another origin, but a script of its own may import it. */
function ofThisOrigin(script: URL): URL {
  const { origin } = globalThis.location ?? script;
  if (script.origin === origin || !script.protocol.startsWith('http')) return script;
  const text = `import ${JSON.stringify(script.href)};`;
  return new URL(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })));
}

/** A browser gives no reason where the script itself is missing. */
function reasonOf(event: unknown, script: URL): string {
  const { message } = event as { message?: unknown };
  if (typeof message === 'string' && message !== '') return message;
  return event instanceof Error ? messageOf(event) : `${script.href} could not be loaded`;
}
