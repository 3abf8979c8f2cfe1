// The functions of a started module by their names. Calls with numbers go straight into WebAssembly; only texts and
// truth values need a word of JavaScript in between (cpp/bindings/bridge.h).

import { OutOfMemoryError } from './errors.js';
import type { RawModule, WasmModule } from './wasm_module.js';

type Numbers = (...values: (number | boolean)[]) => number;

/** In the order of Export::Kind. */
const enum Kind {
  plain,
  truth,
  text,
}

/** Where the exchange buffer holds a text's length: its last place. */
const LENGTH_PLACE = 1023;

export function bindModule(raw: RawModule): WasmModule {
  const memory = raw.wasmMemory;
  // Copied first: neither decoder nor encoder takes memory that threads share.
  const readText = (address: number, length: number) =>
    new TextDecoder().decode(new Uint8Array(memory.buffer, address >>> 0, length).slice());
  const nameAt = (address: number) => readText(address, new Uint8Array(memory.buffer, address).indexOf(0));

  const found: Record<string, unknown> = { wasmMemory: memory, PThread: raw.PThread };
  const plain = (name: string) => found[name] as Numbers;
  for (let part = 0, row; (row = raw._tinytorch_exports(part)) !== 0; ++part) {
    for (; ; row += 12) {
      const [name, kind, index] = new Int32Array(memory.buffer, row, 3) as unknown as [number, Kind, number];
      if (name === 0) break;
      const call = raw.wasmTable.get(index) as Numbers;
      found[nameAt(name)] =
        kind === Kind.plain
          ? call
          : kind === Kind.truth
            ? (...values: number[]) => call(...values) !== 0
            : (...values: number[]) => readText(call(...values), length());
    }
  }
  const exchange = plain('exchange')();
  const length = () => new Float64Array(memory.buffer, exchange)[LENGTH_PLACE] as number;

  const sendText = (place: number, text: string): void => {
    const bytes = new TextEncoder().encode(text);
    const address = plain('textPlace')(place, bytes.length) >>> 0;
    if (address === 0) throw new OutOfMemoryError(`out of memory: a text of ${bytes.length} bytes`);
    new Uint8Array(memory.buffer, address, bytes.length).set(bytes);
  };
  const { findKernel, fileAdd, fileNote } = found as Record<string, Numbers>;
  const withTexts = {
    findKernel: (name: string) => (sendText(0, name), findKernel!()),
    fileAdd: (file: number, name: string, tensor: number) => (sendText(0, name), fileAdd!(file, tensor)),
    fileNote: (file: number, key: string, value: string) => (
      sendText(0, key),
      sendText(1, value),
      fileNote!(file)
    ),
  };
  return Object.assign(found, withTexts) as unknown as WasmModule;
}
