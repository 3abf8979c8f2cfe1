// The functions of a started module by their names. Those of numbers go straight into WebAssembly, past Embind's
// generic wrapper (cpp/bindings/bridge.h); those with texts and truth values stay Embind's.

import type { Part } from './builds.js';
import { LoadError } from './errors.js';
import type { RawModule, WasmModule } from './wasm_module.js';

/** An entry of a table: the address of the name, the index of the function. */
const ENTRY_BYTES = 8;
/** The number of the table whose functions are in the part `training`. */
const TRAINING_TABLE = 3;

/** `parts` are the optional ones that are loaded: what is in another throws. */
export function bindModule(raw: RawModule, parts: readonly Part[]): WasmModule {
  const memory = new Uint8Array(raw.wasmMemory.buffer);
  const words = new DataView(memory.buffer);
  const nameAt = (address: number) =>
    // Copied first: the decoder does not take memory that threads share.
    new TextDecoder().decode(memory.slice(address, memory.indexOf(0, address)));

  const direct: Record<string, unknown> = {};
  for (let table = 0, row; (row = raw.calls(table)) !== 0; ++table) {
    const isMissing = table === TRAINING_TABLE && !parts.includes('training');
    for (let name; (name = words.getUint32(row, true)) !== 0; row += ENTRY_BYTES) {
      direct[nameAt(name)] = isMissing
        ? trainingIsMissing
        : raw.wasmTable.get(words.getUint32(row + 4, true));
    }
  }
  const module = Object.assign(raw, direct) as unknown as WasmModule;
  if (!parts.includes('ladder')) module.leaveOutLadder();
  return module;
}

function trainingIsMissing(): never {
  throw new LoadError('losses, optimisers and training need load({ parts: ["training"] })');
}
