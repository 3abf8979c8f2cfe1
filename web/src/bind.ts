// The functions of a started module by their names. They go straight into WebAssembly (cpp/bindings/bridge.h); those
// with texts and truth values are wrapped here.

import { FATAL, GIVES } from './contract.js';
import { DisposedError, errorFromModule, TinyTorchError } from './errors.js';
import { stackRoom } from './stack_room.js';
import { decode, encode } from './utf8.js';
import type { Handle, RawModule, WasmModule } from './wasm_module.js';

/** An entry of a table: the address of the name, the index of the function, what it gives; 32 bits each. */
const ENTRY_BYTES = 12;

type Call = (...numbers: (number | boolean)[]) => number;
type Calls = Record<string, Call>;

/** Whether a function frees one object, which is nothing to do once the module has ended. */
const isRelease = (name: string) => name.startsWith('release') && name !== 'releasePooledMemory';

export async function bindModule(raw: RawModule): Promise<WasmModule> {
  const room = await stackRoom();
  const { calls, gives } = readTables(raw, room.one);
  const roomForSeveral = () => void room.several(0);
  const module = { wasmMemory: raw.wasmMemory, roomForSeveral, ...calls } as Record<string, unknown> &
    WasmModule;
  const texts = new Texts(raw.wasmMemory, calls);

  const check = (result: number): Handle => {
    if (result === 0) throw errorFromModule(module.errorCode(), module.errorText());
    return result;
  };
  for (const [name, call] of Object.entries(calls)) {
    if (gives[name] === 'truth') module[name] = (...numbers: number[]) => call(...numbers) !== 0;
    if (gives[name] === 'text')
      module[name] = (...numbers: number[]) => (check(call(...numbers)), texts.read());
  }
  // Objects keep the function that frees them, which must do nothing once the module has ended.
  for (const name of Object.keys(calls).filter((each) => isRelease(each) && each !== 'release'))
    module[name] = (...numbers: number[]) => calls[name]?.(...numbers);

  module.fileAdd = (f, name, a) => {
    texts.write(check, name);
    return calls['fileAdd']?.(f, a) ?? 0;
  };
  module.fileNote = (f, key, value) => {
    const keySize = texts.write(check, key, value);
    return calls['fileNote']?.(f, keySize) ?? 0;
  };
  module.findKernel = (name) => {
    texts.write(check, name);
    return calls['findKernel']?.() ?? 0;
  };
  module.errorCode = () => {
    const code = calls['errorCode']?.() ?? 0;
    if (code !== FATAL) return code;
    const text = module.errorText();
    module.terminate(text);
    throw new TinyTorchError('internal', text);
  };

  // Whoever still holds the library, a tensor or a layer holds the functions below, and with them all that any of them
  // uses: it is let go of when the module ends.
  let running: RawModule | undefined = raw;
  module.terminate = (reason) => {
    module.terminate = () => undefined;
    const refuse = (): never => {
      throw new DisposedError(reason);
    };
    for (const name of Object.keys(calls)) {
      module[name] = isRelease(name) ? () => undefined : refuse;
      delete calls[name];
    }
    module.threads = () => 0;
    texts.forget();
    (module as { wasmMemory: unknown }).wasmMemory = { buffer: new ArrayBuffer(0) };
    running?.PThread?.terminateAllThreads();
    running = undefined;
  };
  return module;
}

/** What the module's tables list: all functions by name, and what they give. */
function readTables(
  raw: RawModule,
  room: unknown,
): { calls: Calls; gives: Record<string, string | undefined> } {
  const memory = new Uint8Array(raw.wasmMemory.buffer);
  const words = new DataView(memory.buffer);
  const nameAt = (address: number) => textOf(memory.subarray(address, memory.indexOf(0, address)));
  const calls: Calls = {};
  const gives: Record<string, string | undefined> = {};
  for (let table = 0, row; (row = raw.calls(table)) !== 0; ++table) {
    for (let name; (name = words.getUint32(row, true)) !== 0; row += ENTRY_BYTES) {
      const place = words.getUint32(row + 4, true);
      const called = nameAt(name);
      if (called === 'stackRoom') {
        raw.wasmTable.set(place, room);
        continue;
      }
      calls[called] = raw.wasmTable.get(place) as Call;
      gives[called] = GIVES[words.getUint32(row + 8, true)];
    }
  }
  return { calls, gives };
}

/** Texts on their way into the module and out of it, as UTF-8 in its memory. */
class Texts {
  #memory: WebAssembly.Memory | undefined;
  readonly #calls: Calls;

  constructor(memory: WebAssembly.Memory, calls: Calls) {
    this.#memory = memory;
    this.#calls = calls;
  }

  read(): string {
    return textOf(this.#view());
  }

  /** Writes these texts one after the other; returns the size of the first in bytes. */
  write(check: (result: number) => Handle, ...texts: string[]): number {
    const encoded = texts.map((text) => encode(text));
    check(this.#calls['makeRoomForText']?.(encoded.reduce((sum, { length }) => sum + length, 0)) ?? 0);
    let at = 0;
    for (const bytes of encoded) {
      this.#view().set(bytes, at);
      at += bytes.length;
    }
    return encoded[0]?.length ?? 0;
  }

  forget(): void {
    this.#memory = undefined;
  }

  #view(): Uint8Array {
    const { textAddress, textSize } = this.#calls as { textAddress: Call; textSize: Call };
    return new Uint8Array((this.#memory as WebAssembly.Memory).buffer, textAddress() >>> 0, textSize() >>> 0);
  }
}

/** Copied first: the decoder does not take memory that threads share. */
function textOf(bytes: Uint8Array): string {
  return decode(bytes.slice());
}
