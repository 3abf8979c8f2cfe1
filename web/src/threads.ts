// Whether threads can be used here, and how many. Where they cannot, the sentence says what is missing.

import { show } from './check.js';
import { InvalidArgumentError } from './errors.js';
import { nodeModule } from './node.js';
import type { Features } from './probe.js';

/** The most threads that the pool takes (cpp/include/tinytorch/threads.h). */
const MAX_THREADS = 64;

/** A wish for threads and what became of it. */
export interface ThreadChoice {
  /** 1 means the build without threads. */
  readonly threads: number;
  readonly reason: string;
}

/** How many threads to start. Anything that is missing gives one thread and the reason, never an error. */
export function chooseThreads(asked: number | 'auto', features: Features): ThreadChoice {
  if (asked !== 'auto' && !(Number.isInteger(asked) && asked >= 1)) {
    throw new InvalidArgumentError(`load: threads is "auto" or a whole number >= 1, not ${show(asked)}`);
  }
  if (asked === 1) return { threads: 1, reason: 'it was asked for' };
  const obstacle = whyNoThreads(features);
  if (obstacle !== undefined) return { threads: 1, reason: obstacle };
  if (asked !== 'auto') return { threads: Math.min(asked, MAX_THREADS), reason: 'it was asked for' };
  const cores = coresHere();
  return cores === 1
    ? { threads: 1, reason: 'this machine has one core' }
    : { threads: Math.min(cores, MAX_THREADS), reason: 'one for each core of this machine' };
}

/** Each of these is true somewhere: a page without COOP and COEP headers, WebKit that hides SharedArrayBuffer. */
function whyNoThreads(features: Features): string | undefined {
  if (!features.simd) return 'the build with threads needs SIMD';
  if (!features.threads) return 'this engine has no atomic instructions';
  const inBrowser = typeof crossOriginIsolated === 'boolean';
  if (inBrowser && !crossOriginIsolated) {
    return 'this page is not cross-origin isolated (it needs the headers COOP and COEP)';
  }
  if (typeof SharedArrayBuffer === 'undefined') return 'this engine hides SharedArrayBuffer';
  try {
    const { port1 } = new MessageChannel();
    port1.postMessage(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }));
    port1.close();
  } catch {
    return 'this engine does not let shared memory be sent to a worker';
  }
  return undefined;
}

function coresHere(): number {
  // Node first: what a test runner puts there in the place of a browser's `navigator` knows nothing of this machine.
  return nodeModule('node:os')?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 2;
}
