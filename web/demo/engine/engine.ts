// The page's side of the worker: starts it, gives it one job at a time, and can always get rid of it.
import { proxy, type Remote, wrap } from 'comlink';
import type { WorkerApi } from '../worker';
import type { EngineInfo, StartOptions } from './protocol';

/** How long a cancelled job may take to notice before its worker is ended. */
const CANCEL_GRACE_MS = 150;

export type EngineState = 'loading' | 'ready' | 'failed';

export class CancelledError extends Error {
  override name = 'Cancelled';
  constructor() {
    super('cancelled');
  }
}

/** Fires `change` when state, info or busy changes, and `load` while files arrive. */
export class Engine extends EventTarget {
  state: EngineState = 'loading';
  info: EngineInfo | undefined;
  error: Error | undefined;
  busy = false;
  loadProgress = { loaded: 0, total: 0 };

  private worker: Worker | undefined;
  private api: Remote<WorkerApi> | undefined;
  /** Rejects when the worker dies or is ended, so that nobody waits for an answer that cannot come. */
  private death: Promise<never> = new Promise(() => {});
  private die: (error: Error) => void = () => {};

  constructor(private options: StartOptions) {
    super();
  }

  get variant() {
    return this.options.variant;
  }

  /** Ends what runs and loads the library in a fresh worker, with other options where given. */
  async start(change: Partial<StartOptions> = {}): Promise<void> {
    this.options = { ...this.options, ...change };
    this.endWorker();
    this.state = 'loading';
    this.info = undefined;
    this.error = undefined;
    this.loadProgress = { loaded: 0, total: 0 };
    this.tell('change');

    const worker = new Worker(new URL('../worker.ts', import.meta.url), {
      type: 'module',
      name: 'tinytorch',
    });
    this.worker = worker;
    this.api = wrap<WorkerApi>(worker);
    this.death = new Promise<never>((_, reject) => (this.die = reject));
    this.death.catch(() => {});
    worker.onerror = (event) => {
      event.preventDefault();
      this.die(new Error(`The worker stopped: ${event.message || 'its script could not be loaded'}.`));
    };
    const isCurrent = () => this.worker === worker;
    const onBytes = proxy((loaded: number, total: number) => {
      if (!isCurrent()) return;
      this.loadProgress = { loaded, total };
      this.tell('load');
    });
    try {
      this.info = await Promise.race([this.api.start(this.options, onBytes), this.death]);
      if (isCurrent()) this.state = 'ready';
    } catch (error) {
      if (!isCurrent()) return;
      this.error = asError(error);
      this.state = 'failed';
    }
    if (isCurrent()) this.tell('change');
  }

  /** A question that takes no time worth cancelling. */
  ask<T>(call: (api: Remote<WorkerApi>) => Promise<T>): Promise<T> {
    if (!this.api) return Promise.reject(new Error('The library is not loaded.'));
    return Promise.race([call(this.api), this.death]);
  }

  /**
   * Runs one job. Aborting asks the worker to stop; where it is deep in a long product and does not answer,
   * it is ended and a new one is started. Either way the promise rejects with CancelledError.
   */
  async run<T>(signal: AbortSignal, call: (api: Remote<WorkerApi>) => Promise<T>): Promise<T> {
    if (this.state !== 'ready' || !this.api) throw new Error('The library is not loaded.');
    if (this.busy) throw new Error('Another run is under way.');
    const { api, death } = this;
    let grace: ReturnType<typeof setTimeout> | undefined;
    const onAbort = () => {
      void api.cancel();
      grace = setTimeout(() => void this.start(), CANCEL_GRACE_MS);
    };
    this.setBusy(true);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([call(api), death]);
    } catch (error) {
      throw signal.aborted ? new CancelledError() : asError(error);
    } finally {
      clearTimeout(grace);
      signal.removeEventListener('abort', onAbort);
      this.setBusy(false);
    }
  }

  private endWorker(): void {
    this.worker?.terminate();
    this.die(new CancelledError());
  }

  private setBusy(busy: boolean): void {
    this.busy = busy;
    this.tell('change');
  }

  private tell(event: 'change' | 'load'): void {
    this.dispatchEvent(new Event(event));
  }
}

export function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
