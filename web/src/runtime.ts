// What the classes of one loaded module share: calls and their errors, the exchange buffer, and who owns what.

import { dtypeCode } from './arrays.js';
import { isRevoked, reading, show } from './check.js';
import { EXCHANGE_LENGTH, MAX_RANK, RECORDS } from './contract.js';
import { errorFromModule, InvalidArgumentError } from './errors.js';
import type { Shape } from './types.js';
import type { Handle, WasmModule } from './wasm_module.js';

/** So many new tensors wait to be registered with the garbage collector. */
const NEW_TENSORS = 64;

/** `structuredClone` and `postMessage` read it first where they are given a tensor. */
const UNCLONEABLE = Object.defineProperty({}, 'content', {
  enumerable: true,
  get(): never {
    throw new InvalidArgumentError(
      'a tensor or layer cannot be cloned or sent to another thread: its content is inside the module. ' +
        'Send data() and shape, or the file that saveModel() gives, and make it anew there',
    );
  },
});

function refuseShape(got: string, where: string, least: number): never {
  throw new InvalidArgumentError(`${where}: a shape is an array of whole numbers >= ${least}, got ${got}`);
}

/** Numbers that cross together, by their names. */
export type NumbersOf<Name extends keyof typeof RECORDS> = Record<(typeof RECORDS)[Name][number], number>;

/** What a scope disposes of. */
interface Disposable {
  dispose(): void;
}

/** Has the garbage collector tell of a tensor that is dropped. */
type Register = (tensor: object, registry: FinalizationRegistry<Handle>) => void;

export class Runtime {
  readonly uncloneable = UNCLONEABLE;
  readonly module: WasmModule;
  /** How many tensors and layers were made so far. */
  made = 0;
  /** How many tensors JavaScript holds. */
  liveTensors = 0;
  /** What the innermost `tidy` has made so far; null outside of any. */
  scope: Disposable[] | null = null;
  /** Whether operations are recorded. */
  recording = true;
  /** Makes the JavaScript object for a new tensor; set where the class is defined, called in operations.ts alone. */
  makeTensor!: (handle: Handle) => unknown;

  // They free what was dropped without dispose(), whenever the garbage collector finds out.
  readonly #droppedTensors = new FinalizationRegistry<Handle>((handle) => this.#releaseTensor(handle));
  readonly droppedObjects = new FinalizationRegistry<{ release: (handle: Handle) => void; handle: Handle }>(
    ({ release, handle }) => release(handle),
  );

  // Most tensors are disposed of in the same breath, and registering one costs as much as a small operation: it is
  // put off until the running code ends or this list is full.
  readonly #newTensors: object[] = [];
  #awaitsEnd = false;
  readonly #register: Register;

  readonly #exchangeAddress: number;
  #numbers: Float64Array;

  constructor(module: WasmModule, register: Register) {
    this.module = module;
    this.#register = register;
    this.#exchangeAddress = module.exchange() >>> 0;
    this.#numbers = this.#viewNumbers();
  }

  /** The exchange buffer. Growing memory detaches it, so it is fetched anew after each call and never kept. */
  get numbers(): Float64Array {
    if (this.#numbers.length === 0) this.#numbers = this.#viewNumbers();
    return this.#numbers;
  }

  /** The numbers that the last call has left. */
  received<Name extends keyof typeof RECORDS>(name: Name): NumbersOf<Name> {
    const { numbers } = this;
    const record: Record<string, number> = {};
    RECORDS[name].forEach((field, place) => (record[field] = numbers[place] as number));
    return record as NumbersOf<Name>;
  }

  /** Numbers for the next call. */
  send<Name extends keyof typeof RECORDS>(name: Name, record: NumbersOf<Name>): void {
    const fields: readonly (keyof NumbersOf<Name>)[] = RECORDS[name];
    this.numbers.set(fields.map((field) => record[field]));
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

  /** Tensors or layers for a call that takes any number of them, in pieces where they are many. Gives their number. */
  sendHandles(handles: readonly Handle[]): number {
    if (handles.length <= EXCHANGE_LENGTH) {
      this.numbers.set(handles);
      return handles.length;
    }
    for (let first = 0; first < handles.length; first += EXCHANGE_LENGTH) {
      const piece = handles.slice(first, first + EXCHANGE_LENGTH);
      this.numbers.set(piece);
      this.check(this.module.receivePiece(first, piece.length));
    }
    return handles.length;
  }

  /** Sees to it that a new tensor is freed when it is dropped. */
  adopt(tensor: object): void {
    ++this.liveTensors;
    if (this.#newTensors.push(tensor) === NEW_TENSORS) this.#registerNew();
    if (this.#awaitsEnd) return;
    this.#awaitsEnd = true;
    queueMicrotask(this.#registerNew);
  }

  /** Frees a tensor that is disposed of. Where the stack is full it throws, and nothing has changed. */
  release(tensor: object, handle: Handle, isRegistered: boolean): void {
    this.#releaseTensor(handle);
    if (isRegistered) this.#droppedTensors.unregister(tensor);
  }

  readonly #registerNew = (): void => {
    for (const tensor of this.#newTensors) this.#register(tensor, this.#droppedTensors);
    this.#newTensors.length = 0;
    this.#awaitsEnd = false;
  };

  #releaseTensor(handle: Handle): void {
    this.module.release(handle);
    --this.liveTensors;
  }

  /**
   * A shape that the caller gives, as a copy. `least` is the smallest size that may be in it. Runs code of the
   * caller's where the array has getters: look handles up afterwards, then `sendSizes`.
   */
  readShape(shape: unknown, where: string, least = 0): number[] {
    const isArray = !isRevoked(shape) && Array.isArray(shape);
    if (!isArray) refuseShape(show(shape), where, least);
    return reading(where, 'the shape', () => {
      const { length } = shape;
      if (!(Number.isInteger(length) && length >= 0 && length <= MAX_RANK)) {
        throw new InvalidArgumentError(
          `${where}: a tensor has at most ${MAX_RANK} axes, got a shape of ${show(length)}`,
        );
      }
      const sizes: unknown[] = [];
      for (let i = 0; i < length; ++i) sizes.push(shape[i]);
      const fits = sizes.every((size) => Number.isSafeInteger(size) && (size as number) >= least);
      return fits ? (sizes as number[]) : refuseShape(`[${sizes.map(show).join(',')}]`, where, least);
    });
  }

  /** Puts the sizes into the exchange buffer and returns their number. */
  sendSizes(sizes: readonly number[]): number {
    const { numbers } = this;
    for (let i = 0; i < sizes.length; ++i) numbers[i] = sizes[i] as number;
    return sizes.length;
  }

  /** Both at once, for calls that look no handle up. */
  sendShape(shape: Shape, where: string, least = 0): number {
    return this.sendSizes(this.readShape(shape, where, least));
  }

  dtypeCode(dtype: unknown, where: string): number {
    return dtype === undefined ? 0 : dtypeCode(dtype, where);
  }

  #viewNumbers(): Float64Array {
    return new Float64Array(this.module.wasmMemory.buffer, this.#exchangeAddress, EXCHANGE_LENGTH);
  }
}
