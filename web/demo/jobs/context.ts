// What every job in the worker needs: a way to stop, to breathe and to tell how far it is.
import type { Progress } from '../engine/protocol';

export class Cancelled extends Error {
  override name = 'Cancelled';
}

/** A worker that computes without pause never hears Cancel: it must give way to its messages. */
const BREATH_MS = 40;
/** So long the browser may still be drawing after the page has taken a report. */
const DRAWING_MS = 80;

const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

/** Lets waiting messages in. A message, not a timer: nested timers are held back by 4 ms each. */
function breathe(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(0);
  });
}

export class JobContext {
  private cancelled = false;
  private lastBreath = performance.now();

  constructor(private readonly onProgress: (progress: Progress) => void) {}

  cancel(): void {
    this.cancelled = true;
  }

  report(fraction: number, label: string, remainingMs?: number): void {
    this.onProgress({ fraction: Math.min(1, Math.max(0, fraction)), label, remainingMs });
  }

  /** Waits until what was told has been drawn, so that the next timing has the processors to itself. */
  async rest(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, DRAWING_MS));
    await this.checkpoint();
  }

  /** To be called between pieces of work. Throws Cancelled once cancel() was called. */
  async checkpoint(): Promise<void> {
    if (performance.now() - this.lastBreath >= BREATH_MS) {
      await breathe();
      this.lastBreath = performance.now();
    }
    if (this.cancelled) throw new Cancelled('cancelled');
  }
}
