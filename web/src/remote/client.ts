// The library in a worker, for the page that has started it.

import { type Endpoint, expose, type Remote as Wrapped, transfer, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { addressOf, BUILDS, remoteScript, workerScript } from '../builds.js';
import { bareTag, refuse } from '../check.js';
import { DisposedError, InvalidArgumentError, LoadError } from '../errors.js';
import { address, FILE_OPTIONS, HINT, readLoadOptions } from '../load_options.js';
import type { BuildInfo } from '../tinytorch.js';
import type { ThreadWorker } from '../wasm_module.js';
import { startWorker } from '../worker.js';
import { type Link, linkOf, refuseMember, remoteObject } from './objects.js';
import type { RemoteLoadOptions } from './types.js';
import { type Answer, type Encoded, errorOf, isEncoded, mapDeep, type Server } from './values.js';

type AnyFunction = (...args: unknown[]) => unknown;

/** By this name the script of the worker is told apart from those of the pool. */
const NAME = 'tinytorch';

/** What transfer() has marked, and the buffers that are gone since. */
const marked = new WeakSet<object>();
const gone = new WeakSet<ArrayBufferLike>();

/** Has an argument handed over when it is sent. */
export function mark<T extends ArrayBufferView | ArrayBuffer>(value: T): T {
  marked.add(value);
  return value;
}

/** One worker. Its requests are rejected when it dies. */
export class Connection implements Link {
  readonly #server: Wrapped<Server>;
  readonly #worker: ThreadWorker;
  readonly #pending = new Set<(error: Error) => void>();
  #ended: Error | undefined;
  #isLoaded = false;
  /** What callbacks have thrown, and why signals were aborted: values of the page's that only pass through the worker. */
  readonly #own: unknown[] = [];
  readonly #signals = new WeakMap<AbortSignal, number>();
  #lastSignal = 0;
  readonly #dropped = new FinalizationRegistry<number>((id) => {
    if (!this.#ended) void this.#server.release(id);
  });

  constructor() {
    this.#worker = startWorker(remoteScript(), (reason) => this.#lost(reason), NAME);
    this.#server = wrap<Server>((this.#worker.on ? nodeEndpoint(this.#worker) : this.#worker) as Endpoint);
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  #lost(reason: string): void {
    if (this.#isLoaded) return this.end(new DisposedError(reason));
    this.end(new LoadError(`load: ${reason}${HINT}`));
  }

  /** Rejects what is pending and every later request. */
  end(error: Error): void {
    if (this.#ended) return;
    this.#ended = error;
    void this.#worker.terminate();
    for (const reject of this.#pending) reject(error);
    this.#pending.clear();
  }

  async load({ signal, wasmUrl, ...others }: RemoteLoadOptions): Promise<BuildInfo> {
    const addresses = Object.fromEntries(BUILDS.map((name) => [name, addressOf(name).href]));
    const base = globalThis.location?.href ?? import.meta.url; // not the worker's
    const options = this.#encode({
      ...others,
      ...(wasmUrl !== undefined && { wasmUrl: address(wasmUrl, base).href }),
    }) as Record<string, unknown>;
    const number = signal ? this.#follow(signal) : 0;
    const script = workerScript().href;
    const info = await this.#request((server) => server.load(addresses, script, options, number));
    this.#isLoaded = true;
    return info as BuildInfo;
  }

  async call(id: number, path: readonly string[], args: readonly unknown[]): Promise<unknown> {
    const encoded = this.#encode(args);
    return this.#request((server) => server.call(id, path, encoded));
  }
  async construct(id: number, path: readonly string[], args: readonly unknown[]): Promise<unknown> {
    const encoded = this.#encode(args);
    return this.#request((server) => server.construct(id, path, encoded));
  }
  async set(object: object, name: string, value: unknown): Promise<void> {
    const encoded = this.#encode([object, value]);
    await this.#request((server) => server.set(name, encoded));
  }
  get(id: number, path: readonly string[]): Promise<unknown> {
    return this.#request((server) => server.get(id, path));
  }
  iterate(id: number): Promise<unknown> {
    return this.#request((server) => server.iterate(id));
  }

  async #request(send: (server: Wrapped<Server>) => Promise<Answer>): Promise<unknown> {
    if (this.#ended) throw this.#ended;
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#pending.add(reject);
      this.#worker.ref?.(); // a program of Node's waits for what it has asked for
      const done = () => {
        this.#pending.delete(reject);
        if (this.#pending.size === 0) this.#worker.unref?.();
      };
      // In an async function: what the engine cannot copy is thrown at once.
      (async () => send(this.#server))().finally(done).then(resolve, reject);
    }).catch((error: unknown) => {
      if ((error as Partial<Error> | null)?.name !== 'DataCloneError') throw error;
      throw new InvalidArgumentError(`an argument cannot be sent to the worker: ${(error as Error).message}`);
    });
    if ('own' in answer) throw this.#own[answer.own];
    if ('thrown' in answer) throw errorOf(answer.thrown);
    return this.#decode(answer.value);
  }

  #decode(value: unknown): unknown {
    return mapDeep(value, (each) => {
      if (!isEncoded(each) || each.tinytorch !== 'ref') return each;
      const object = remoteObject(this, each.id);
      this.#dropped.register(object, each.id);
      return object;
    });
  }

  /** Ready to be sent: what mark() has marked, and the ports of callbacks, are handed over. */
  #encode(value: unknown): unknown {
    const handedOver = new Set<Transferable>();
    const encode = (given: unknown): unknown => mapDeep(given, encodeObject);
    const encodeObject = (each: object): unknown => {
      const link = linkOf(each);
      if (link && link.connection !== this)
        throw new InvalidArgumentError('this object belongs to another worker; copy it over with data()');
      if (link) return { tinytorch: 'ref', id: link.id } satisfies Encoded;
      refuseMember(each);
      if (typeof each === 'function') {
        const port = this.#portOf(each as AnyFunction);
        handedOver.add(port);
        return { tinytorch: 'callback', port } satisfies Encoded;
      }
      const tag = bareTag(each); // also of another realm
      if (tag === 'AbortSignal')
        return { tinytorch: 'signal', id: this.#follow(each as AbortSignal) } satisfies Encoded;
      if (tag === 'URL') return (each as URL).href;
      if (Symbol.iterator in each && !ArrayBuffer.isView(each))
        return Array.from(each as Iterable<unknown>, encode);
      const buffer = ArrayBuffer.isView(each) ? each.buffer : each;
      if (bareTag(buffer) !== 'ArrayBuffer') return each;
      if (gone.has(buffer as ArrayBuffer))
        throw new InvalidArgumentError('an array is empty: it was handed over to a worker before');
      if (marked.has(each)) handedOver.add(buffer as ArrayBuffer);
      return each;
    };
    let encoded: unknown;
    try {
      encoded = encode(value);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new InvalidArgumentError('an argument is nested too deeply, or contains itself');
    }
    for (const each of handedOver) if (bareTag(each) === 'ArrayBuffer') gone.add(each as ArrayBuffer);
    return typeof encoded === 'object' && encoded !== null ? transfer(encoded, [...handedOver]) : encoded;
  }

  /** The other end of it calls the function. What that throws stays here, under a number. */
  #portOf(call: AnyFunction): MessagePort {
    const { port1, port2 } = new MessageChannel();
    expose(async (...args: unknown[]) => {
      try {
        await call(...(this.#decode(args) as unknown[]));
        return -1;
      } catch (error) {
        return this.#own.push(error) - 1;
      }
    }, port1);
    (port1 as { unref?(): void }).unref?.(); // in Node: a program ends without waiting for it
    return port2;
  }

  /** Passes on that a signal is aborted; the reason stays here. */
  #follow(signal: AbortSignal): number {
    const known = this.#signals.get(signal);
    if (known !== undefined) return known;
    const id = ++this.#lastSignal;
    this.#signals.set(signal, id);
    const pass = () => {
      if (!this.#ended) void this.#server.abort(id, this.#own.push(signal.reason) - 1);
    };
    if (signal.aborted) pass();
    else signal.addEventListener('abort', pass, { once: true });
    return id;
  }
}

/** Starts the worker and loads the library in it. */
export async function connect(
  given?: RemoteLoadOptions,
): Promise<{ connection: Connection; info: BuildInfo }> {
  const options = readLoadOptions<RemoteLoadOptions>(given, FILE_OPTIONS, 'loadInWorker');
  const { signal, wasmUrl } = options;
  if (typeof wasmUrl === 'function') refuse('loadInWorker', 'wasmUrl', 'a string or a URL', wasmUrl);
  signal?.throwIfAborted();
  const connection = new Connection();
  try {
    return { connection, info: await connection.load(options) };
  } catch (error) {
    connection.end(new DisposedError('the library was never loaded'));
    signal?.throwIfAborted();
    throw error;
  }
}
