// The script of the worker that has the library: keeps the objects that the page knows by number, and answers its requests.

import { type Endpoint, expose, transfer, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { DisposedError } from '../errors.js';
import { loadFrom } from '../load.js';
import { sourceOfFiles } from '../load_files.js';
import type { LoadOptions } from '../load_options.js';
import { nodeModule } from '../node.js';
import { type Answer, type Encoded, isEncoded, mapDeep, OfThePage, type Server, thrownOf } from './values.js';

type AnyFunction = (...args: unknown[]) => unknown;

const objects = new Map<number, unknown>();
/** The number of the library itself. */
const LIBRARY = 0;
let last = LIBRARY;
const signals = new Map<number, AbortController>();

function keep(value: unknown): Encoded {
  objects.set(++last, value);
  return { tinytorch: 'ref', id: last };
}

/** The member that a path leads to, and the object that has it. */
function find(id: number, path: readonly string[]): { owner: unknown; member: unknown } {
  if (!objects.has(id)) throw new DisposedError('this object was let go of');
  let owner: unknown;
  let member = objects.get(id);
  for (const name of path) {
    owner = member;
    member = (owner as Record<string, unknown>)[name];
  }
  return { owner, member };
}

function signalOf(id: number): AbortController {
  let controller = signals.get(id);
  if (!controller) signals.set(id, (controller = new AbortController()));
  return controller;
}

function decode(value: unknown): unknown {
  return mapDeep(value, (each) => {
    if (!isEncoded(each)) return each;
    switch (each.tinytorch) {
      case 'ref':
        return objects.get(each.id);
      case 'signal':
        return signalOf(each.id).signal;
      case 'callback':
        return callbackTo(each.port);
    }
  });
}

/** A function of the page's. It gives a promise; where that is not waited for, what it throws is lost. */
function callbackTo(port: MessagePort): AnyFunction {
  const call = wrap<AnyFunction>(port);
  return (...args) => {
    const called = call(...(encode(args).value as unknown[])).then((failed) => {
      if ((failed as number) >= 0) throw new OfThePage(failed as number);
    });
    called.catch(() => undefined);
    return called;
  };
}

function encode(result: unknown): { value: unknown; buffers: Transferable[] } {
  const buffers = new Set<Transferable>();
  const value = mapDeep(result, (each) => {
    const buffer = ArrayBuffer.isView(each) ? each.buffer : each;
    if (buffer instanceof ArrayBuffer) buffers.add(buffer);
    else if (!isEncoded(each)) return keep(each); // it has methods
    return each;
  });
  return { value, buffers: [...buffers] };
}

/** Every request is answered in one way, whether it fails or not. */
async function answer(work: () => unknown): Promise<Answer> {
  try {
    const { value, buffers } = encode(await work());
    return transfer({ value }, buffers);
  } catch (error) {
    return error instanceof OfThePage ? { own: error.number } : { thrown: thrownOf(error) };
  }
}

const server: Server = {
  load: (addresses, script, options, signal) =>
    answer(async () => {
      const address = (name: string) => new URL(addresses[name] ?? '');
      const source = sourceOfFiles(address, () => new URL(script));
      const given = decode(options) as LoadOptions;
      const tt = await loadFrom(source, { ...given, ...(signal && { signal: signalOf(signal).signal }) });
      objects.set(LIBRARY, tt);
      const { variant, variantReason, threads, threadsReason } = tt;
      return { variant, variantReason, threads, threadsReason };
    }),
  call: (id, path, args) =>
    answer(() => {
      const { owner, member } = find(id, path);
      if (typeof member !== 'function') throw new TypeError(`${path.join('.')} is not a function`);
      return Reflect.apply(member as AnyFunction, owner, decode(args) as unknown[]) as unknown;
    }),
  construct: (id, path, args) =>
    answer(() => {
      const { member } = find(id, path);
      if (typeof member !== 'function') throw new TypeError(`${path.join('.')} is not a class`);
      return Reflect.construct(member as AnyFunction, decode(args) as unknown[]) as unknown;
    }),
  set: (name, args) =>
    answer(() => {
      const [object, value] = decode(args) as [Record<string, unknown>, unknown];
      if (!(name in object)) throw new TypeError(`there is no property ${name}`);
      object[name] = value;
    }),
  get: (id, path) => answer(() => find(id, path).member),
  iterate: (id) =>
    answer(() => {
      const object = objects.get(id) as Partial<Iterable<unknown> & AsyncIterable<unknown>>;
      const iterator = object[Symbol.asyncIterator]?.() ?? object[Symbol.iterator]?.();
      if (!iterator) throw new TypeError('this object cannot be iterated over');
      return keep(iterator);
    }),
  release: (id) => void objects.delete(id),
  abort: (signal, reason) => signalOf(signal).abort(new OfThePage(reason)),
};

const port = nodeModule('node:worker_threads')?.parentPort;
expose(server, port ? (nodeEndpoint(port) as Endpoint) : undefined);
