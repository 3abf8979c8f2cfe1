// The functions of a started module by their names. Those of numbers go straight into WebAssembly, past Embind's
// generic wrapper (cpp/bindings/bridge.h); those with texts and truth values stay Embind's.

import type { RawModule, WasmModule } from './wasm_module.js';

/** An entry of a table: the address of the name, the index of the function. */
const ENTRY_BYTES = 8;

export function bindModule(raw: RawModule): WasmModule {
  const memory = new Uint8Array(raw.wasmMemory.buffer);
  const words = new DataView(memory.buffer);
  const nameAt = (address: number) =>
    // Copied first: the decoder does not take memory that threads share.
    new TextDecoder().decode(memory.slice(address, memory.indexOf(0, address)));

  const direct: Record<string, unknown> = {};
  for (let part = 0, row; (row = raw.calls(part)) !== 0; ++part) {
    for (let name; (name = words.getUint32(row, true)) !== 0; row += ENTRY_BYTES) {
      direct[nameAt(name)] = raw.wasmTable.get(words.getUint32(row + 4, true));
    }
  }
  return Object.assign(raw, direct) as unknown as WasmModule;
}
