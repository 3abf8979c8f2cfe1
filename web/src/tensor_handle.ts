// Which object stands for which tensor of the module. The handle is private, so that no proxy, copy or made-up object
// can give one: a handle is an address, and a wrong one reads or frees memory of somebody else.

import { isWrapped, refuse, Resource } from './resource.js';
import type { Runtime } from './runtime.js';
import type { Handle } from './wasm_module.js';

/** The handle of a tensor, 0 after `dispose()`; -1 for every other object, a proxy or copy of a tensor included. */
let handleIn: (value: object) => Handle;
let register: (tensor: object, registry: FinalizationRegistry<Handle>) => void;

export abstract class TensorHandle extends Resource {
  #handle: Handle;
  /** Whether the garbage collector is to tell of it. */
  #isRegistered = false;

  static {
    handleIn = (value) => (#handle in value ? value.#handle : -1);
    register = (tensor, registry) => {
      if (!(#handle in tensor) || tensor.#handle === 0) return;
      tensor.#isRegistered = true;
      registry.register(tensor, tensor.#handle, tensor);
    };
  }

  /** @internal */
  constructor(runtime: Runtime, handle: Handle) {
    super(runtime);
    this.#handle = handle;
    runtime.adopt(this);
  }

  override dispose(): void {
    const handle = ownHandle(this, 'dispose', true);
    if (handle === 0) return;
    this.runtime.release(this, handle, this.#isRegistered);
    this.#handle = 0;
  }

  override get isDisposed(): boolean {
    return ownHandle(this, 'isDisposed', true) === 0;
  }

  override get [Symbol.toStringTag](): string {
    return 'Tensor';
  }
}

/**
 * The handle of a live tensor of this runtime, for a call that `where` names; throws for anything else. Runs no code of
 * the caller's.
 * @internal
 */
export function tensorHandle(runtime: Runtime, value: unknown, where: string): Handle {
  const handle = typeof value === 'object' && value !== null ? handleIn(value) : -1;
  if (handle > 0 && (value as TensorHandle).runtime === runtime) return handle;
  return refuse(runtime, value, 'Tensor', handle >= 0, where);
}

/** The same for the option `out`, where 0 means that there is none. */
export function outHandle(runtime: Runtime, out: unknown, where: string): Handle {
  if (out === undefined) return 0;
  const handle = typeof out === 'object' && out !== null ? handleIn(out) : -1;
  if (handle > 0 && (out as TensorHandle).runtime === runtime) return handle;
  return refuse(runtime, out, 'Tensor', handle >= 0, `${where}, out`);
}

/** The handle of the tensor whose method runs. Its `this` may be anything: methods can be taken out of an object. */
export function ownHandle(value: unknown, where: string, mayBeDisposed = false): Handle {
  const handle = typeof value === 'object' && value !== null ? handleIn(value) : -1;
  if (handle > 0 || (handle === 0 && mayBeDisposed)) return handle;
  return refuse(undefined, value, 'Tensor', handle === 0, where);
}

/** Whether it is a tensor, or what `tensorHandle` has a text for. */
export function isTensorOrCopy(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (handleIn(value) >= 0 || isWrapped(value));
}

/** For the runtime: has the garbage collector tell of a tensor that is dropped. */
export function registerDropped(tensor: object, registry: FinalizationRegistry<Handle>): void {
  register(tensor, registry);
}
