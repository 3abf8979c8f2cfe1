// What the library looks like from outside of its worker.

import type { Loss } from '../losses.js';
import type { Resource } from '../resource.js';
import type { BuildInfo, TinyTorch } from '../tinytorch.js';
import type { NestedArray, NestedNumbers } from '../types.js';

/** What stays as it is on its way. */
type Plain =
  | (string | number | bigint | boolean | symbol | null | undefined)
  | (ArrayBufferView | ArrayBufferLike | NestedNumbers | NestedArray);

/** What stays in the worker. */
type Kept = Resource | Loss;

/** An argument: in place of tensors, layers and the like, those of the worker. */
export type RemoteArgument<T> = T extends Plain | AbortSignal | URL
  ? T
  : T extends Kept
    ? Remote<T>
    : T extends (...args: infer A) => infer R
      ? (...args: { [I in keyof A]: RemoteResult<A[I]> }) => R
      : T extends readonly unknown[]
        ? { [I in keyof T]: RemoteArgument<T[I]> }
        : T extends Iterable<infer Item>
          ? Iterable<RemoteArgument<Item>>
          : T extends object
            ? { [Key in keyof T]: RemoteArgument<T[Key]> }
            : T;

/** A result: tensors, layers and the like stay in the worker; everything else is copied or handed over. */
export type RemoteResult<T> = T extends Plain
  ? T
  : T extends Kept
    ? Remote<T>
    : T extends ReadonlyMap<infer Key, infer Value>
      ? Map<Key, RemoteResult<Value>>
      : T extends object
        ? { [Key in keyof T]: RemoteResult<T[Key]> }
        : T;

type Arguments<A extends readonly unknown[]> = { [I in keyof A]: RemoteArgument<A[I]> };

type Called<M> = M extends (...args: infer A) => infer R
  ? (...args: Arguments<A>) => Promise<RemoteResult<Awaited<R>>>
  : unknown;
type Constructed<M> = M extends abstract new (...args: infer A) => infer R
  ? { new (...args: Arguments<A>): Promise<RemoteResult<R>> } & RemoteMembers<Omit<M, 'prototype'>>
  : unknown;
type RemoteMember<M> = M extends abstract new (...args: never) => unknown
  ? Constructed<M>
  : M extends (...args: never) => unknown
    ? Called<M>
    : Promise<RemoteResult<M>>;
type RemoteMembers<T> = {
  readonly [Key in keyof T as Key extends symbol ? never : Key]: RemoteMember<T[Key]>;
};

/**
 * An object of the worker. Every method gives a promise, and so does every property: `await x.shape`. `dispose()` frees
 * it; so does the garbage collector, later.
 */
export type Remote<T> = RemoteMembers<T> &
  (T extends Iterable<infer Item> | AsyncIterable<infer Item>
    ? { [Symbol.asyncIterator](): AsyncIterator<RemoteResult<Item>> }
    : unknown);

/** The library in a worker: as `TinyTorch`, with promises. `variant`, `threads` and the reasons are known at once. */
export type RemoteTinyTorch = Omit<
  RemoteMembers<TinyTorch>,
  keyof BuildInfo | 'terminate' | 'tidy' | 'noGrad'
> &
  BuildInfo & {
    /** Ends the worker. Promises that are pending, and every later call, reject with `DisposedError`. */
    terminate(): void;
    /**
     * Marks an argument that is handed over to the worker, not copied: afterwards its buffer is empty here. Results are
     * always handed over.
     */
    transfer<T extends ArrayBufferView | ArrayBuffer>(value: T): T;
  };
