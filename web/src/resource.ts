// The common base of everything that lives inside the module and has to be given back.

import { disposeSymbol } from './dispose.js';
import { DisposedError, InvalidArgumentError } from './errors.js';
import type { Runtime } from './runtime.js';
import type { Handle } from './wasm_module.js';

/**
 * A tensor or layer: memory inside the WebAssembly module. Free it with `dispose()`, by declaring it with
 * `using`, or by making it inside `tidy`. What is dropped without that is freed when the garbage collector
 * notices, which may be late: it does not see the module's memory.
 */
export abstract class Resource {
  /**
   * The loaded module it belongs to.
   * @internal
   */
  readonly runtime: Runtime;
  /**
   * Its address inside the module; 0 after `dispose()`.
   * @internal
   */
  handle: Handle;

  /** @internal */
  constructor(runtime: Runtime, handle: Handle) {
    this.runtime = runtime;
    this.handle = handle;
    runtime.scope?.push(this);
  }

  /** Whether it was disposed of; using it then throws `DisposedError`. */
  get isDisposed(): boolean {
    return this.handle === 0;
  }

  /** Frees its memory, unless others still share it. Disposing twice is harmless. */
  abstract dispose(): void;

  /** Lets `using x = ...` dispose of it at the end of the block. */
  [disposeSymbol](): void {
    this.dispose();
  }
}

/**
 * Throws the error that says why `value` cannot be used where a live `wanted` of this runtime is needed.
 * @internal
 */
export function refuse(
  runtime: Runtime,
  value: unknown,
  wanted: string,
  isWanted: boolean,
  where: string,
): never {
  if (!isWanted || !(value instanceof Resource)) {
    const got =
      value instanceof Object && !(value instanceof Resource) ? value.constructor.name : String(value);
    throw new InvalidArgumentError(`${where}: expected a ${wanted}, got ${got}`);
  }
  if (value.handle === 0) throw new DisposedError(`${where}: this ${wanted} was disposed of`);
  throw new InvalidArgumentError(
    value.runtime === runtime
      ? `${where}: not usable here: ${String(value)}`
      : `${where}: this ${wanted} belongs to another loaded module; copy it over with data()`,
  );
}

/** A resource that is freed by one function of the module: a layer, an optimiser, a loader. */
export abstract class Native extends Resource {
  readonly #release: (handle: Handle) => void;

  constructor(runtime: Runtime, handle: Handle, release: (handle: Handle) => void) {
    super(runtime, runtime.check(handle));
    this.#release = release;
    runtime.droppedObjects.register(this, { release, handle }, this);
  }

  override dispose(): void {
    if (this.handle === 0) return;
    this.runtime.droppedObjects.unregister(this);
    this.#release(this.handle);
    this.handle = 0;
  }

  /** The handle for a call that `where` names; throws after `dispose()`. */
  protected live(kind: string, where: string): Handle {
    return this.handle > 0 ? this.handle : refuse(this.runtime, this, kind, true, where);
  }
}
