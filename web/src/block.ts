// Functions of the caller's that run inside one of ours, such as the block of `tidy`.

import { asUnreadable, callable } from './check.js';
import { InvalidArgumentError } from './errors.js';

/** The tags of functions whose body goes on after the call has returned, and of what such a function returns. */
const LATER = ['AsyncFunction', 'GeneratorFunction', 'AsyncGeneratorFunction', 'Generator', 'AsyncGenerator'];

/**
 * Calls a block that must be over when it returns: what it does later would happen outside of the scope or switch that
 * it counts on. An async function or a generator is refused before it runs, a promise or generator as a result is
 * refused afterwards. Such a promise is the caller's no longer: if it is rejected, nobody hears of it.
 */
export function runSynchronously<Result>(block: () => Result, where: string): Result {
  callable(block, where, 'the block');
  if (isLater(block)) throw asynchronous(where);
  const result = block();
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return result;
  if (isThenable(result, where)) {
    new Promise((resolve) => resolve(result)).catch(() => undefined);
    throw asynchronous(where);
  }
  if (isLater(result)) throw asynchronous(where);
  return result;
}

function isLater(value: object): boolean {
  try {
    const { [Symbol.toStringTag]: tag } = value as { [Symbol.toStringTag]?: unknown };
    return typeof tag === 'string' && LATER.includes(tag);
  } catch {
    return false; // a tag that is a getter which throws
  }
}

function asynchronous(where: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `${where}: the block must be synchronous, no async function, promise or generator; await before it or after it`,
  );
}

/** Whether `await` would wait for a block's result: a promise, of any library or realm. */
export function isThenable(value: unknown, where: string): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch (error) {
    throw asUnreadable(error, where, 'the result');
  }
}
