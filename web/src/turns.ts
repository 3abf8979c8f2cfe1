// Long work in turns with the event loop, so that a page stays alive.

import { abortSignal } from './check.js';

/** How long work runs before the event loop has its turn: a frame of a page that draws at 60 Hz. */
const TURN_MS = 12;

/** Lets the event loop have its turn once in a while, and hears of the signal then. */
export class Turns {
  readonly #signal: AbortSignal | undefined;
  #last = performance.now();

  /** Throws the signal's reason where that is aborted already. */
  constructor(signal: AbortSignal | undefined, where: string) {
    if (signal !== undefined) abortSignal(signal, where);
    signal?.throwIfAborted();
    this.#signal = signal;
  }

  async next(): Promise<void> {
    if (performance.now() - this.#last > TURN_MS) {
      await nextTurn();
      this.#last = performance.now();
    }
    this.#signal?.throwIfAborted();
  }
}

/** A message to oneself comes at once after what waits already; a nested timeout would idle for 4 ms. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
