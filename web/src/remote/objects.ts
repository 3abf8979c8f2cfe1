// What stands on the page for an object of the worker: a proxy that turns every member into a request.

import { bareTag } from '../check.js';
import { InvalidArgumentError } from '../errors.js';

/** What the proxies ask for; a Connection. */
export interface Link {
  readonly hasEnded: boolean;
  call(id: number, path: readonly string[], args: readonly unknown[]): Promise<unknown>;
  construct(id: number, path: readonly string[], args: readonly unknown[]): Promise<unknown>;
  get(id: number, path: readonly string[]): Promise<unknown>;
  iterate(id: number): Promise<unknown>;
}

/** The number of the library itself. */
export const LIBRARY = 0;

const links = new WeakMap<object, { readonly id: number; readonly connection: Link }>();
const members = new WeakSet<object>();

/** Where an object of the worker is; undefined for every other object. */
export const linkOf = (object: object) => links.get(object);

/** Throws for what has to be awaited before it can be an argument. */
export function refuseMember(value: object): void {
  if (members.has(value) || bareTag(value) === 'Promise')
    throw new InvalidArgumentError(
      'an argument is a promise or a property of a remote object: await it first',
    );
}

function refuseToWrite(): never {
  throw new InvalidArgumentError(
    'a property of a remote object is set by: await tt.set(object, name, value)',
  );
}

/** A member: called, constructed or awaited. It holds its object, which the collector would otherwise free. */
export function member(connection: Link, id: number, path: readonly string[], owner: object): object {
  const object = new Proxy(function () {} as (...args: unknown[]) => unknown, {
    apply(_, __, args: unknown[]) {
      const answer = held(owner, connection.call(id, path, args));
      if (path.at(-1) !== 'dispose') return answer;
      return answer.catch((error: unknown) => {
        if (!connection.hasEnded) throw error; // with the worker, everything in it is disposed of
      });
    },
    construct: (_, args: unknown[]) => held(owner, connection.construct(id, path, args)),
    get(_, key) {
      if (key === 'then' || key === 'catch' || key === 'finally') {
        const value = held(owner, connection.get(id, path));
        return value[key].bind(value);
      }
      return typeof key === 'string' ? member(connection, id, [...path, key], owner) : undefined;
    },
    set: refuseToWrite,
    defineProperty: refuseToWrite,
  });
  members.add(object);
  return object;
}

/** A request, and the object that it is about, which lives until then. */
async function held(owner: object, request: Promise<unknown>): Promise<unknown> {
  const result = await request;
  links.has(owner);
  return result;
}

/** Its name is what debuggers show. */
class RemoteObject {}

/** A tensor, a layer or the like of the worker. It is no promise, so it has no `then`. */
export function remoteObject(connection: Link, id: number): object {
  const object: object = new Proxy(new RemoteObject(), {
    get(_, key) {
      if (key === Symbol.asyncIterator) return () => iterator(connection, id, object);
      if (key === 'toJSON') return refuseJson;
      if (key === Symbol.toPrimitive) return () => '[remote object: await its toString()]';
      if (key === (Symbol as { asyncDispose?: symbol }).asyncDispose)
        return member(connection, id, ['dispose'], object);
      return typeof key === 'string' && key !== 'then' ? member(connection, id, [key], object) : undefined;
    },
    set: refuseToWrite,
    defineProperty: refuseToWrite,
  });
  links.set(object, { id, connection });
  return object;
}

function refuseJson(): never {
  throw new InvalidArgumentError('JSON.stringify: a remote object has no JSON form: await its toArray()');
}

async function* iterator(connection: Link, id: number, owner: object): AsyncGenerator<unknown> {
  const source = (await held(owner, connection.iterate(id))) as {
    next(): Promise<IteratorResult<unknown>>;
    return?(): Promise<unknown>;
  };
  let isDone = false;
  try {
    for (;;) {
      const { value, done } = await source.next();
      if (done) {
        isDone = true;
        return;
      }
      yield value;
    }
  } finally {
    if (!isDone && !connection.hasEnded) await source.return?.();
  }
}
