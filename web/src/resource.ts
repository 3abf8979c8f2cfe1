// The common base of everything that lives inside the module and has to be given back.

import { article, show, tagOf } from './check.js';
import { disposeSymbol } from './dispose.js';
import { DisposedError, InvalidArgumentError } from './errors.js';
import type { Runtime } from './runtime.js';
import type { Handle } from './wasm_module.js';

/** By this symbol Node asks an object how to show it. */
const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** Whether an object was made by the constructor of Resource: no proxy of one, no copy. */
let isGenuine: (value: object) => boolean;
/** The handle of a genuine Native, 0 after `dispose()`; -1 for everything else. */
let handleIn: (value: object) => Handle;
let kindIn: (value: object) => Kind | undefined;

/**
 * A tensor or layer: memory inside the WebAssembly module. Free it with `dispose()`, by declaring it with
 * `using`, or by making it inside `tidy`. What is dropped without that is freed when the garbage collector
 * notices, which may be late: it does not see the module's memory.
 *
 * It is itself only: a proxy of it, `Object.create(it)` and copies throw `InvalidArgumentError`, because two objects
 * would free the same memory. Reactive state (Vue, MobX, ...) may hold it, but must not wrap it.
 */
export abstract class Resource {
  /**
   * The loaded module it belongs to.
   * @internal
   */
  readonly runtime: Runtime;
  /**
   * No other has this number. For comparing deeply, as test runners do: all else that differs is private.
   * @internal
   */
  readonly id: number;
  /** Nothing but an object that the constructor made has it. */
  readonly #isGenuine = true;

  static {
    isGenuine = (value) => #isGenuine in value;
  }

  /** @internal */
  constructor(runtime: Runtime) {
    this.runtime = runtime;
    this.id = ++runtime.made;
    runtime.scope?.push(this);
  }

  /** Whether it was disposed of; using it then throws `DisposedError`. */
  abstract get isDisposed(): boolean;

  /** Frees its memory, unless others still share it. Disposing twice is harmless. */
  abstract dispose(): void;

  /** Lets `using x = ...` dispose of it at the end of the block. */
  [disposeSymbol](): void {
    this.dispose();
  }

  /** Vue wraps what has the tag `Object` in proxies, and leaves everything else as it is. */
  get [Symbol.toStringTag](): string {
    let { constructor } = this;
    while (!constructor.name) constructor = Object.getPrototypeOf(constructor) as typeof constructor; // an anonymous class
    return constructor.name;
  }

  /**
   * What Node's `console.log` shows.
   * @internal
   */
  [INSPECT](): string {
    try {
      return String(this);
    } catch {
      return `[proxy or copy of a ${tagOf(this)}]`;
    }
  }

  /** `JSON.stringify` would give an object without content: throws and says what to write instead. */
  toJSON(): unknown {
    throw new InvalidArgumentError(
      `JSON.stringify: ${tagOf(this)} has no JSON form; saveModel() gives a model's parameters as a file`,
    );
  }
}

/**
 * Throws the error that says why `value` cannot be used where a live `wanted` of this runtime is needed. `isWanted`:
 * it is one, and no proxy or copy.
 * @internal
 */
export function refuse(
  runtime: Runtime | undefined,
  value: unknown,
  wanted: string,
  isWanted: boolean,
  where: string,
): never {
  if (!isWanted)
    throw new InvalidArgumentError(`${where}: expected ${article(wanted)}, got ${describe(value)}`);
  const { isDisposed, runtime: owner } = value as Resource;
  if (isDisposed) throw new DisposedError(`${where}: this ${wanted} was disposed of`);
  throw new InvalidArgumentError(
    owner === runtime
      ? `${where}: not usable here: ${show(value)}`
      : `${where}: this ${wanted} belongs to another loaded module; copy it over with data()`,
  );
}

/** What a value is, in a text; of a wrapped tensor or layer, what to do about it. Never throws. */
function describe(value: unknown): string {
  if (!isWrapped(value)) return show(value);
  return (
    `a proxy or copy of one (such as Vue's reactive, Object.create): use the original. To keep it in reactive state, ` +
    `mark it as plain: Vue markRaw or shallowRef, MobX observable.ref, Valtio ref`
  );
}

/**
 * Whether it is a proxy or copy of a tensor or layer.
 * @internal
 */
export function isWrapped(value: unknown): boolean {
  try {
    return value instanceof Resource && !isGenuine(value);
  } catch {
    return false; // a proxy that does not tell its prototype
  }
}

/** What a Native is, as the module knows it: each kind has its own C++ type behind the handle. */
export type Kind = 'layer' | 'optimizer' | 'DataLoader' | 'trainer';

/** A resource that is freed by one function of the module: a layer, an optimiser, a loader. */
export abstract class Native extends Resource {
  #handle: Handle;
  readonly #kind: Kind;
  readonly #release: (handle: Handle) => void;

  static {
    handleIn = (value) => (#handle in value ? value.#handle : -1);
    kindIn = (value) => (#handle in value ? value.#kind : undefined);
  }

  /** @internal */
  constructor(runtime: Runtime, handle: Handle, kind: Kind, release: (handle: Handle) => void) {
    const checked = runtime.check(handle); // first: a scope must not hear of an object that was never made
    super(runtime);
    this.#handle = checked;
    this.#kind = kind;
    this.#release = release;
    runtime.droppedObjects.register(this, { release, handle: checked }, this);
  }

  override get isDisposed(): boolean {
    return anyHandle(this, 'isDisposed') === 0;
  }

  override dispose(): void {
    const handle = anyHandle(this, 'dispose');
    if (handle === 0) return;
    this.runtime.module.roomForSeveral(); // a layer disposes of its parameters, too
    this.#release(handle); // where the stack is full it throws, and nothing has changed
    this.runtime.droppedObjects.unregister(this);
    this.#handle = 0;
  }
}

/**
 * The handle of the object whose method runs, for a call that `where` names; throws after `dispose()`, and for a proxy, a
 * copy or an object of another kind. No method: a proxy can answer those in the object's place. Comes first, because
 * private members of a proxy throw the engine's own TypeError.
 * @internal
 */
export function liveHandle(value: unknown, kind: Kind, where: string): Handle {
  const handle = handleOfKind(value, kind);
  return handle > 0 ? handle : refuse(undefined, value, kind, handle === 0, where);
}

/**
 * The handle of a live `kind` of this runtime, for a call that `where` names; throws for anything else. Runs no code of
 * the caller's.
 * @internal
 */
export function nativeHandle(runtime: Runtime, value: unknown, kind: Kind, where: string): Handle {
  const handle = handleOfKind(value, kind);
  if (handle > 0 && (value as Native).runtime === runtime) return handle;
  return refuse(runtime, value, kind, handle >= 0, where);
}

/** 0 after `dispose()`, -1 for everything that is no genuine `kind`. */
function handleOfKind(value: unknown, kind: Kind): Handle {
  return typeof value === 'object' && value !== null && kindIn(value) === kind ? handleIn(value) : -1;
}

/** The same for a Native of any kind. */
function anyHandle(value: unknown, where: string): Handle {
  const handle = typeof value === 'object' && value !== null ? handleIn(value) : -1;
  return handle >= 0 ? handle : refuse(undefined, value, 'layer', false, where);
}
