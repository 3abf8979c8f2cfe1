// How arguments and results cross between a page and the worker that has the library.

import { bareTag, isRevoked } from '../check.js';
import * as errors from '../errors.js';
import type { ErrorCode } from '../errors.js';

/** In the place of something that cannot be copied. */
export type Encoded =
  | { readonly tinytorch: 'ref'; readonly id: number }
  | { readonly tinytorch: 'signal'; readonly id: number }
  | { readonly tinytorch: 'callback'; readonly port: MessagePort };

/** The library's errors, which a message would turn into plain ones. */
export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly code?: ErrorCode;
  readonly stack?: string;
}

/** What every request is answered with; `own`: a value of the page's, by its number there. */
export type Answer = { readonly value: unknown } | { readonly thrown: Thrown } | { readonly own: number };

/** Stands in the worker for something that a callback of the page's threw, or for the reason of a signal. */
export class OfThePage extends Error {
  readonly number: number;
  constructor(number: number) {
    super('a callback failed, or a signal was aborted');
    this.number = number;
  }
}

/** What the worker offers. A path leads from an object (0 is the library) to a member: `['Tensor', 'randn']`. */
export interface Server {
  load(
    addresses: Record<string, string>,
    script: string,
    options: Record<string, unknown>,
    signal: number,
  ): Promise<Answer>;
  call(id: number, path: readonly string[], args: unknown): Promise<Answer>;
  construct(id: number, path: readonly string[], args: unknown): Promise<Answer>;
  set(name: string, args: unknown): Promise<Answer>;
  get(id: number, path: readonly string[]): Promise<Answer>;
  iterate(id: number): Promise<Answer>;
  release(id: number): void;
  abort(signal: number, reason: number): void;
}

export const isEncoded = (value: object): value is Encoded => 'tinytorch' in value;

/** Copies nested arrays, maps and plain objects with `replace` applied to everything else that is an object. */
export function mapDeep(value: unknown, replace: (value: object) => unknown): unknown {
  if (typeof value === 'function') return replace(value);
  if (typeof value !== 'object' || value === null) return value;
  if (isRevoked(value)) throw new errors.InvalidArgumentError('an argument is a proxy that was revoked');
  if (Array.isArray(value)) return value.map((each) => mapDeep(each, replace));
  if (bareTag(value) === 'Map')
    return new Map(
      Array.from(value as Map<unknown, unknown>, ([key, each]) => [
        mapDeep(key, replace),
        mapDeep(each, replace),
      ]),
    );
  if (isEncoded(value) || !isPlain(value)) return replace(value);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapDeep(each, replace)]));
}

/** Whether it is `{...}`, of any realm: nothing is behind its prototype. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

export function thrownOf(error: unknown): Thrown {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message, stack } = error;
  const code = error instanceof errors.TinyTorchError ? error.code : undefined;
  return { name, message, ...(code && { code }), ...(stack && { stack }) };
}

type AnyError = new (message: string) => Error;
const CLASSES: Record<string, AnyError | undefined> = {
  ...(errors as unknown as Record<string, AnyError>),
  ...{ TypeError, RangeError, SyntaxError },
};

/** The error as the class that it was of. */
export function errorOf({ name, message, code, stack }: Thrown): Error {
  const Class = CLASSES[name];
  let error: Error;
  if (code === 'unknown_kernel' || code === 'kernel_unavailable')
    error = new errors.KernelError(code, message);
  else if (name === 'TinyTorchError' && code) error = new errors.TinyTorchError(code, message);
  else if (name === 'AbortError' || name === 'TimeoutError') error = new DOMException(message, name);
  else error = Class ? new Class(message) : Object.assign(new Error(message), { name });
  if (stack) Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true });
  return error;
}
