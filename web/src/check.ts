// The border: every value that comes from outside is checked here before it goes into the module. A wrong kind of
// argument is an error that names the function, the argument and the value; nothing is ever converted in silence.
//
// Three rules for callers:
// - Read all options and numbers first, look handles up last: reading a getter or a proxy runs code of the caller's,
//   which may dispose of a tensor or make the memory grow.
// - What code of the caller's throws goes through as it is. What the engine throws at an unreadable object (a revoked
//   proxy) becomes an InvalidArgumentError.
// - `where` is how the text begins: `slice`, or `new Adam`.

import { InvalidArgumentError, TinyTorchError } from './errors.js';

/** The whole numbers that the module takes as int32: places of axes. */
export const INT32 = [-(2 ** 31), 2 ** 31 - 1] as const;

/** A value as error texts show it: short and on one line. Never throws. */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${startOf(value, 60)}...` : value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : tagOf(value);
    default:
      return String(value);
  }
}

/** The first `most` units of a text, or one less where they would end in half a surrogate pair. */
export function startOf(text: string, most: number): string {
  const cutsPair = text.length > most && /[\uD800-\uDBFF]/.test(text.charAt(most - 1));
  return text.slice(0, cutsPair ? most - 1 : most);
}

/** `an Array`, `a Date`: the kind of an object, for texts. */
export function tagOf(value: object): string {
  const tag = isRevoked(value) ? 'revoked Proxy' : bareTag(value);
  return article(tag);
}

/** `a Tensor`, `an optimizer` */
export function article(noun: string): string {
  return /^(?:[AEIO]|U(?!int))/i.test(noun) ? `an ${noun}` : `a ${noun}`;
}

/**
 * `Array`, `Date`, `Promise`: the kind of an object, which holds across realms (iframes, Node's vm) where `instanceof`
 * does not. Never throws.
 */
export function bareTag(value: object): string {
  try {
    if (Array.isArray(value)) return 'Array';
    const tag = Object.prototype.toString.call(value).slice(8, -1);
    return /^[\w$ ]{1,40}$/.test(tag) ? tag : 'Object';
  } catch {
    return 'Object'; // its tag is a getter that throws
  }
}

/** Looks through proxies and runs no code of theirs. By its own name a bundler would leave out a call without use. */
const { isArray: lookThrough } = Array;

/** Whether the value is a proxy that was revoked: the engine throws at whatever is done with it. */
export function isRevoked(value: unknown): boolean {
  try {
    lookThrough(value);
    return false;
  } catch {
    return true;
  }
}

/**
 * The result of `read`, which looks into an object of the caller's. A TypeError or RangeError that comes out of it is
 * wrapped: it may be the engine's own (a revoked proxy, one that breaks the rules of proxies, a stack that is full).
 */
export function reading<Result>(where: string, what: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw asUnreadable(error, where, what);
  }
}

/** What to throw in the place of an error that reading an object of the caller's has thrown; see `reading`. */
export function asUnreadable(error: unknown, where: string, what: string): unknown {
  if (error instanceof TinyTorchError || !isEngineError(error)) return error;
  const wrapped = new InvalidArgumentError(`${where}: ${what} cannot be read: ${String(error.message)}`);
  wrapped.cause = error;
  return wrapped;
}

/** A TypeError or RangeError of any realm: the engine throws that of the realm whose function found the fault. */
function isEngineError(error: unknown): error is Error {
  if (error instanceof TypeError || error instanceof RangeError) return true;
  if (typeof error !== 'object' || error === null || isRevoked(error)) return false;
  return bareTag(error) === 'Error' && /^(Type|Range)Error$/.test(String((error as Error).name));
}

/** Throws: `slice: step must be a whole number >= 1, got 0.5`. */
export function refuse(where: string, what: string, wanted: string, value: unknown): never {
  throw new InvalidArgumentError(`${where}: ${what} must be ${wanted}, got ${show(value)}`);
}

/** A whole number from `least` to `most`, by default any that a double holds exactly. */
export function whole(
  value: unknown,
  where: string,
  what: string,
  least: number = Number.MIN_SAFE_INTEGER,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  const range =
    most !== Number.MAX_SAFE_INTEGER
      ? ` from ${least} to ${most}`
      : least !== Number.MIN_SAFE_INTEGER
        ? ` >= ${least}`
        : '';
  return refuse(where, what, `a whole number${range}`, value);
}

/** Any number; NaN and infinities are numbers. */
export function real(value: unknown, where: string, what: string): number {
  return typeof value === 'number' ? value : refuse(where, what, 'a number', value);
}

/** A number that is neither NaN nor infinite, from `least` to `most`. */
export function finite(
  value: unknown,
  where: string,
  what: string,
  least: number = -Infinity,
  most: number = Infinity,
): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most) return value;
  const range = most !== Infinity ? ` from ${least} to ${most}` : least !== -Infinity ? ` >= ${least}` : '';
  return refuse(where, what, `a finite number${range}`, value);
}

/** A number from `least` on, infinity included; NaN is none. */
export function atLeast(value: unknown, where: string, what: string, least: number): number {
  return typeof value === 'number' && value >= least
    ? value
    : refuse(where, what, `a number >= ${least}`, value);
}

export function truth(value: unknown, where: string, what: string): boolean {
  return typeof value === 'boolean' ? value : refuse(where, what, 'true or false', value);
}

export function text(value: unknown, where: string, what: string): string {
  return typeof value === 'string' ? value : refuse(where, what, 'a string', value);
}

/** A function that can be called: no class, which only `new` calls. */
export function callable<F extends (...args: never[]) => unknown>(value: F, where: string, what: string): F {
  if (typeof value !== 'function' || isRevoked(value)) return refuse(where, what, 'a function', value);
  // A class is told by its `prototype`, which cannot be written.
  const prototype = reading(where, what, () => Object.getOwnPropertyDescriptor(value, 'prototype'));
  return prototype?.writable === false ? refuse(where, what, 'a function, not a class', value) : value;
}

/** An AbortSignal, of any realm or library: what has its method. */
export function abortSignal(value: AbortSignal, where: string): AbortSignal {
  const isSignal = reading(where, 'signal', () => {
    return typeof (value as Partial<AbortSignal> | null)?.throwIfAborted === 'function';
  });
  return isSignal ? value : refuse(where, 'signal', 'an AbortSignal', value);
}

const MOST_ELEMENTS = 2 ** 24;

/** An array, of any realm, as a copy. Each element is read once; there may be `most` of them. */
export function list(value: unknown, where: string, what: string, most = MOST_ELEMENTS): unknown[] {
  if (isRevoked(value) || !Array.isArray(value)) return refuse(where, what, 'an array', value);
  return reading(where, what, () => {
    const length = whole(value.length, where, `the length of ${what}`, 0, most);
    return Array.from({ length }, (_, i): unknown => value[i]);
  });
}

/** The same of an array or of anything else that can be iterated over, but of no string. */
export function elements<Element>(value: Iterable<Element>, where: string, what: string): Element[] {
  if (isRevoked(value) || Array.isArray(value)) return list(value, where, what) as Element[];
  return reading(where, what, () => {
    const isIterable = typeof value === 'object' && value !== null && Symbol.iterator in value;
    if (!isIterable) return refuse(where, what, 'an array', value);
    const found: Element[] = [];
    for (const element of value) {
      if (found.push(element) > MOST_ELEMENTS) refuse(where, what, 'a list that ends', value);
    }
    return found;
  });
}

/** One of the words; returns its place among them. */
export function oneOf(value: unknown, words: readonly string[], where: string, what: string): number {
  const place = words.indexOf(value as string);
  if (place >= 0) return place;
  return refuse(where, what, `one of ${words.map((word) => JSON.stringify(word)).join(', ')}`, value);
}

/** Names that people bring along from other libraries, and what they are called here. */
const ALIASES: Readonly<Record<string, string>> = {
  axis: 'dim',
  axes: 'dim',
  keepDims: 'keepdim',
  keep_dims: 'keepdim',
  keepDim: 'keepdim',
  keepdims: 'keepdim',
  learningRate: 'lr',
  learning_rate: 'lr',
  weight_decay: 'weightDecay',
  epsilon: 'eps',
  type: 'dtype',
  batch_size: 'batchSize',
  drop_last: 'dropLast',
  requires_grad: 'requiresGrad',
  retain_graph: 'retainGraph',
  numThreads: 'threads',
  std: 'deviation',
  clip_norm: 'clipNorm',
};

/**
 * Options as a copy that holds nothing but the known names, each read once. An unknown name is an error that suggests
 * the right one. `undefined` means "no options"; an option that is `undefined` is left out.
 */
export function options<Options extends object>(
  given: Options | undefined,
  known: readonly (keyof Options & string)[],
  where: string,
): Partial<Options> {
  return readBy(given, known, where, (found) => {
    const read: Partial<Options> = {};
    for (const name of known) {
      const value = found[name];
      if (value !== undefined) read[name] = value;
    }
    return read;
  });
}

/**
 * What `read` makes of options whose names are known. It may read each once. The smallest operations use it directly,
 * with names that are written down: the copy that `options` makes would be a third of their time.
 */
export function readBy<Options extends object, Read>(
  given: Options | undefined,
  known: readonly (keyof Options & string)[],
  where: string,
  read: (given: Partial<Options>) => Read,
): Read {
  if (given === undefined) return read({});
  try {
    requireOptions(given, known, where);
    return read(given);
  } catch (error) {
    throw asUnreadable(error, where, 'options');
  }
}

/** The value of the only option that a function has. The same, but fast enough for the smallest operations. */
export function onlyOption<Name extends string, Value>(
  given: { readonly [name in Name]?: Value } | undefined,
  name: Name,
  where: string,
): Value | undefined {
  if (given === undefined) return undefined;
  try {
    if (given === null || Object.getPrototypeOf(given) !== Object.prototype)
      return strictly(given, name, where);
    for (const key in given) if (key !== name) return strictly(given, name, where);
    return given[name];
  } catch (error) {
    throw asUnreadable(error, where, 'options');
  }
}

function strictly<Name extends string, Value>(
  given: { readonly [name in Name]?: Value },
  name: Name,
  where: string,
): Value | undefined {
  return options(given, [name], where)[name];
}

/**
 * Refuses unknown names, and what is no object of options, such as a tensor, a Map or a promise: nothing in it would be
 * found.
 */
function requireOptions(given: unknown, known: readonly string[], where: string): void {
  const isObject = typeof given === 'object' && given !== null && !isRevoked(given);
  if (!isObject || (Object.getPrototypeOf(given) !== Object.prototype && bareTag(given) !== 'Object')) {
    refuse(where, 'options', `an object such as { ${known[0]}: ... }`, given);
  }
  for (const name in given) {
    if (!known.includes(name) && Object.hasOwn(given, name)) refuseOption(name, known, where);
  }
}

function refuseOption(name: string, known: readonly string[], where: string): never {
  const meant = nearest(name, known);
  throw new InvalidArgumentError(
    `${where}: there is no option ${show(name)}${meant ? `; did you mean ${show(meant)}?` : '.'} Options: ${known.join(', ')}`,
  );
}

/** The known name that was probably meant: an alias, or one that differs in at most two letters. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const alias = ALIASES[name];
  if (alias !== undefined && known.includes(alias)) return alias;
  const [best] = known
    .map((word) => ({ word, distance: editDistance(name.toLowerCase(), word.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  return best && best.distance <= 2 && best.distance < best.word.length ? best.word : undefined;
}

/** How many letters have to be inserted, removed or exchanged (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= Math.min(a.length, 40); ++i) {
    const next = [i];
    for (let j = 1; j <= b.length; ++j) {
      const exchanged = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(exchanged, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
