// The library in a worker, for the page that has started it.

import { type Endpoint, expose, type Remote as Wrapped, transfer, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { addressOf, remoteScript, workerScript } from '../builds.js';
import { DisposedError, InvalidArgumentError } from '../errors.js';
import type { LoadOptions } from '../load_files.js';
import { startWorker } from '../worker.js';
import type { BuildInfo } from '../tinytorch.js';
import type { ThreadWorker } from '../wasm_module.js';
import type { RemoteTinyTorch } from './types.js';
import { type Answer, type Encoded, errorOf, isEncoded, mapDeep, type Server, thrownOf } from './values.js';

type AnyFunction = (...args: unknown[]) => unknown;

/** By this name the script of the worker is told apart from those of the pool. */
const NAME = 'tinytorch';
const LIBRARY = 0;
const BUILDS = ['scalar', 'simd', 'relaxed', 'simd-mt', 'relaxed-mt'] as const;

/** The number of an object of the worker, for arguments. */
const ids = new WeakMap<object, { id: number; connection: Connection }>();

/** One worker. Its requests are rejected when it dies. */
class Connection {
  readonly #server: Wrapped<Server>;
  readonly #worker: ThreadWorker;
  readonly #pending = new Set<(error: Error) => void>();
  #ended: Error | undefined;
  #signals = 0;
  readonly #dropped = new FinalizationRegistry<number>((id) => {
    if (!this.#ended) void this.#server.release(id);
  });

  constructor() {
    const worker = startWorker(remoteScript(), (reason) => this.end(new DisposedError(reason)), NAME);
    this.#worker = worker;
    this.#server = wrap<Server>((worker.on ? nodeEndpoint(worker) : worker) as Endpoint);
  }

  /** Rejects what is pending and every later request. */
  end(error: Error): void {
    if (this.#ended) return;
    this.#ended = error;
    void this.#worker.terminate();
    for (const reject of this.#pending) reject(error);
    this.#pending.clear();
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
      send(this.#server).finally(done).then(resolve, reject);
    });
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

  /** Ready to be sent: what transfer() has marked, and the ports of callbacks, are handed over. */
  #encode(value: unknown): unknown {
    const handedOver = new Set<Transferable>();
    const encode = (given: unknown): unknown => mapDeep(given, encodeObject);
    const encodeObject = (each: object): unknown => {
      const known = ids.get(each);
      if (known && known.connection !== this)
        throw new InvalidArgumentError('this object belongs to another worker; copy it over with data()');
      if (known) return { tinytorch: 'ref', id: known.id } satisfies Encoded;
      if (typeof each === 'function') {
        const port = this.#portOf(each as AnyFunction);
        handedOver.add(port);
        return { tinytorch: 'callback', port } satisfies Encoded;
      }
      if (each instanceof AbortSignal)
        return { tinytorch: 'signal', id: this.#follow(each) } satisfies Encoded;
      if (each instanceof URL) return each.href;
      if (Symbol.iterator in each && !ArrayBuffer.isView(each))
        return Array.from(each as Iterable<unknown>, encode);
      const buffer = ArrayBuffer.isView(each) ? each.buffer : each;
      if (marked.has(each) && buffer instanceof ArrayBuffer) handedOver.add(buffer);
      return each;
    };
    const encoded = encode(value);
    return typeof encoded === 'object' && encoded !== null ? transfer(encoded, [...handedOver]) : encoded;
  }

  /** The other end of it calls the function. */
  #portOf(call: AnyFunction): MessagePort {
    const { port1, port2 } = new MessageChannel();
    expose(async (...args: unknown[]) => void (await call(...(this.#decode(args) as unknown[]))), port1);
    (port1 as { unref?(): void }).unref?.(); // in Node: a program ends without waiting for it
    return port2;
  }

  /** Passes on that a signal is aborted. */
  #follow(signal: AbortSignal): number {
    const id = ++this.#signals;
    const pass = () => void this.#server.abort(id, thrownOf(signal.reason));
    if (signal.aborted) pass();
    else signal.addEventListener('abort', pass, { once: true });
    return id;
  }

  load(options: LoadOptions): Promise<unknown> {
    const { signal, ...others } = options;
    const addresses = Object.fromEntries(BUILDS.map((name) => [name, addressOf(name).href]));
    const given = this.#encode(others) as Record<string, unknown>;
    return this.#request((server) =>
      server.load(addresses, workerScript().href, given, signal ? this.#follow(signal) : 0),
    );
  }
  call(id: number, path: readonly string[], args: readonly unknown[]): Promise<unknown> {
    return this.#request((server) => server.call(id, path, this.#encode(args)));
  }
  construct(path: readonly string[], args: readonly unknown[]): Promise<unknown> {
    return this.#request((server) => server.construct(path, this.#encode(args)));
  }
  get(id: number, path: readonly string[]): Promise<unknown> {
    return this.#request((server) => server.get(id, path));
  }
  iterate(id: number): Promise<unknown> {
    return this.#request((server) => server.iterate(id));
  }
}

/** What transfer() has marked. */
const marked = new WeakSet<object>();

/** A member: called, constructed or awaited. */
function member(connection: Connection, id: number, path: readonly string[]): unknown {
  return new Proxy(function () {} as AnyFunction, {
    apply: (_, __, args: unknown[]) => connection.call(id, path, args),
    construct: (_, args: unknown[]) => connection.construct(path, args),
    get(_, key) {
      if (key === 'then') {
        const value = connection.get(id, path);
        return value.then.bind(value);
      }
      return typeof key === 'string' ? member(connection, id, [...path, key]) : undefined;
    },
  });
}

/** Its name is what debuggers show. */
class RemoteObject {}

/** A tensor, a layer or the like of the worker. It is no promise, so it has no `then`. */
function remoteObject(connection: Connection, id: number): object {
  const object = new Proxy(new RemoteObject(), {
    get(_, key) {
      if (key === Symbol.asyncIterator) return () => iterator(connection, id);
      return typeof key === 'string' && key !== 'then' ? member(connection, id, [key]) : undefined;
    },
  });
  ids.set(object, { id, connection });
  return object;
}

async function* iterator(connection: Connection, id: number): AsyncGenerator<unknown> {
  const source = (await connection.iterate(id)) as { next(): Promise<IteratorResult<unknown>> };
  for (;;) {
    const { value, done } = await source.next();
    if (done) return;
    yield value;
  }
}

export async function connect(options: LoadOptions): Promise<RemoteTinyTorch> {
  options.signal?.throwIfAborted();
  const connection = new Connection();
  let info: BuildInfo;
  try {
    info = (await connection.load(options)) as BuildInfo;
  } catch (error) {
    connection.end(new DisposedError('the library was never loaded'));
    options.signal?.throwIfAborted();
    throw error;
  }
  const own: Record<string, unknown> = {
    ...info,
    terminate: () => connection.end(new DisposedError('the worker was ended by terminate()')),
    transfer: (value: ArrayBufferView | ArrayBuffer) => {
      marked.add(value);
      return value;
    },
  };
  return new Proxy(own, {
    get: (_, key) =>
      typeof key === 'string' && key !== 'then'
        ? (own[key] ?? member(connection, LIBRARY, [key]))
        : undefined,
  }) as unknown as RemoteTinyTorch;
}
