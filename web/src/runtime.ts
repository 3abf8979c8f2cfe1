// What the classes of one loaded module share: calls and their errors, the exchange buffer, and who owns what.

import { dtypeCode, showShape } from './arrays.js';
import { errorFromModule, InvalidArgumentError } from './errors.js';
import type { Resource } from './resource.js';
import type { Tensor } from './tensor.js';
import type { DType, Shape } from './types.js';
import type { Handle, WasmModule } from './wasm_module.js';

/** Numbers in the exchange buffer (cpp/bindings/bridge.h). */
const EXCHANGE_LENGTH = 1024;
/** The most axes a tensor has (cpp/include/tinytorch/shape.h). */
const MAX_RANK = 8;

/** So many new tensors wait to be registered with the garbage collector. */
const NEW_TENSORS = 64;

export class Runtime {
  readonly module: WasmModule;
  /** How many tensors JavaScript holds. */
  liveTensors = 0;
  /** What the innermost `tidy` has made so far; null outside of any. */
  scope: Resource[] | null = null;
  /** Whether operations are recorded. */
  recording = true;
  /** The JavaScript object for a new tensor; set by the module that defines the class. */
  wrap!: (handle: Handle) => Tensor;

  // They free what was dropped without dispose(), whenever the garbage collector finds out.
  readonly #droppedTensors = new FinalizationRegistry<Handle>((handle) => this.#releaseTensor(handle));
  readonly droppedObjects = new FinalizationRegistry<{ release: (handle: Handle) => void; handle: Handle }>(
    ({ release, handle }) => release(handle),
  );

  // Most tensors are disposed of in the same breath, and registering one costs as much as a small operation: it is
  // put off until the running code ends or this list is full.
  readonly #newTensors: Tensor[] = [];
  #awaitsEnd = false;

  readonly #exchangeAddress: number;
  #numbers: Float64Array;

  constructor(module: WasmModule) {
    this.module = module;
    this.#exchangeAddress = module.exchange() >>> 0;
    this.#numbers = this.#viewNumbers();
  }

  /** The exchange buffer. Growing memory detaches it, so it is fetched anew after each call and never kept. */
  get numbers(): Float64Array {
    if (this.#numbers.length === 0) this.#numbers = this.#viewNumbers();
    return this.#numbers;
  }

  /** The result of a call into the module; throws the typed error where the call failed. */
  check(result: Handle): Handle {
    if (result === 0) throw errorFromModule(this.module.errorCode(), this.module.errorText());
    return result >>> 0; // WebAssembly gives addresses as signed numbers
  }

  /** Ends the module: from then on every call throws `DisposedError` with that text. */
  terminate(reason: string): void {
    this.module.terminate(reason);
    this.#numbers = new Float64Array(EXCHANGE_LENGTH); // what is sent now is not received
  }

  /** Tensors for a call that takes any number of them: their handles go through the exchange buffer. */
  sendHandles(handles: readonly Handle[], where: string): number {
    if (handles.length > EXCHANGE_LENGTH) {
      throw new InvalidArgumentError(`${where}: at most ${EXCHANGE_LENGTH} at once, got ${handles.length}`);
    }
    this.numbers.set(handles);
    return handles.length;
  }

  /** Sees to it that a new tensor is freed when it is dropped. */
  adopt(tensor: Tensor): void {
    ++this.liveTensors;
    if (this.#newTensors.push(tensor) === NEW_TENSORS) this.#registerNew();
    if (this.#awaitsEnd) return;
    this.#awaitsEnd = true;
    queueMicrotask(this.#registerNew);
  }

  /** Frees a tensor that is disposed of. */
  release(tensor: Tensor): void {
    if (tensor.isRegistered) this.#droppedTensors.unregister(tensor);
    this.#releaseTensor(tensor.handle);
    tensor.handle = 0;
  }

  readonly #registerNew = (): void => {
    for (const tensor of this.#newTensors) {
      if (tensor.handle === 0) continue;
      tensor.isRegistered = true;
      this.#droppedTensors.register(tensor, tensor.handle, tensor);
    }
    this.#newTensors.length = 0;
    this.#awaitsEnd = false;
  };

  #releaseTensor(handle: Handle): void {
    this.module.release(handle);
    --this.liveTensors;
  }

  /** Puts the sizes into the exchange buffer and returns their number. `least` is the smallest that may stand there. */
  sendShape(shape: Shape, where: string, least = 0): number {
    const fits = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= least);
    if (!fits) {
      const got = Array.isArray(shape) ? showShape(shape) : String(shape);
      throw new InvalidArgumentError(
        `${where}: a shape is an array of whole numbers >= ${least}, got ${got}`,
      );
    }
    if (shape.length > MAX_RANK) {
      throw new InvalidArgumentError(
        `${where}: a tensor has at most ${MAX_RANK} axes, got ${showShape(shape)}`,
      );
    }
    this.numbers.set(shape);
    return shape.length;
  }

  dtypeCode(dtype: DType | undefined, where: string): number {
    return dtype === undefined ? 0 : dtypeCode(dtype, where);
  }

  #viewNumbers(): Float64Array {
    return new Float64Array(this.module.wasmMemory.buffer, this.#exchangeAddress, EXCHANGE_LENGTH);
  }
}
