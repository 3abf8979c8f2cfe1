// What the library looks like from outside of its worker.

import type { Loss } from '../losses.js';
import type { Resource } from '../resource.js';
import type { LoadOptions } from '../load_options.js';
import type { Tensor } from '../tensor.js';
import type { BuildInfo, TinyTorch } from '../tinytorch.js';
import type { DType, NestedArray, NestedNumbers, TensorArrays } from '../types.js';

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
 * An object of the worker. Every method gives a promise, and so does every property: `await x.shape`. A property is set by
 * `await tt.set(x, 'requiresGrad', true)`. Dispose of what you make: the page's collector does not see the memory of the
 * worker.
 */
export type Remote<T> = (T extends Tensor ? RemoteTensor : RemoteMembers<T>) &
  (T extends Resource ? { [Symbol.asyncDispose](): Promise<void> } : unknown) &
  (T extends Iterable<infer Item> | AsyncIterable<infer Item>
    ? { [Symbol.asyncIterator](): AsyncIterator<RemoteResult<Item>> }
    : unknown);

type RemoteTensor = Omit<RemoteMembers<Tensor>, 'data'> & {
  data<D extends DType = 'float32'>(): Promise<TensorArrays[D]>;
};

/** The options of `loadInWorker`. */
export interface RemoteLoadOptions extends Omit<LoadOptions, 'wasmUrl'> {
  /** The address of the folder of the .wasm files, where they are not where they usually are. */
  wasmUrl?: string | URL;
}

/** What is different from the library here, or known at once. */
interface Own extends BuildInfo {
  /** Ends the worker. Promises that are pending, and every later call, reject with `DisposedError`. */
  terminate(): void;
  /** Sets a property: `await tt.set(optimizer, 'learningRate', 0.1)`. */
  set<T extends Resource>(object: Remote<T>, name: string, value: unknown): Promise<void>;
  /**
   * Marks an argument that is handed over to the worker, not copied: afterwards its whole buffer is empty here. Results
   * are always handed over.
   */
  transfer<T extends ArrayBufferView | ArrayBuffer>(value: T): T;
}

/**
 * The library in a worker: as `TinyTorch`, with promises, and without what runs a block of the caller's in the middle of
 * a call (`tidy`, `noGrad`, `profile`). `variant`, `threads` and the reasons are known at once.
 */
export type RemoteTinyTorch = Omit<RemoteMembers<TinyTorch>, keyof Own | 'tidy' | 'noGrad' | 'profile'> & Own;
