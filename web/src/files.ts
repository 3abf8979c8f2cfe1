// Model files in the safetensors format, which PyTorch reads and writes too.

import { takeBytes, withBytes } from './bytes.js';
import { reading, show, text } from './check.js';
import { InvalidArgumentError } from './errors.js';
import { layerHandle } from './layer.js';
import type { Module } from './nn.js';
import { withState } from './own_layers.js';
import type { Runtime } from './runtime.js';
import { newTensor, type Tensor, tensorHandle } from './tensor.js';
import type { FileBytes, FileData } from './types.js';
import type { Handle } from './wasm_module.js';

/** The content of a safetensors file. */
export interface TensorFile {
  /** By name, in the file's order. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

type Pairs<Value> = Iterable<readonly [string, Value]>;

/** A header of more bytes is no safetensors file, whatever is in it. */
const MAX_HEADER = 100_000_000;

/**
 * A safetensors file with these tensors, which keep their order. The same content gives the same bytes. Throws
 * `InvalidArgumentError` for what could not be read again: names or keys that repeat, a tensor named `__metadata__`,
 * text with half a surrogate pair, metadata that are not strings, a header over 100 MB.
 */
export function writeSafetensors(
  runtime: Runtime,
  tensors: Pairs<Tensor>,
  metadata: Pairs<string> = [],
): FileBytes {
  const where = 'writeSafetensors';
  // All of it is read before the first handle is looked up: an iterator may dispose of a tensor.
  const named = pairs(tensors, where, 'tensors');
  const notes = readNotes(metadata, where);
  runtime.module.roomForSeveral();
  return withFile(runtime, runtime.module.createFile(), (file) => {
    for (const [name, tensor] of named) {
      const handle = tensorHandle(runtime, tensor as Tensor, `${where}, ${show(name)}`);
      runtime.check(runtime.module.fileAdd(file, name, handle));
    }
    return finish(runtime, file, notes);
  });
}

/** Reads a safetensors file; throws `FormatError` that names what is wrong with a malformed one. */
export function readSafetensors(runtime: Runtime, file: FileData): TensorFile {
  const { module } = runtime;
  return withFile(runtime, openFile(runtime, file, 'readSafetensors'), (open) => {
    const metadata = new Map<string, string>();
    for (let i = 0; i < module.noteCount(open); ++i) {
      metadata.set(module.noteKey(open, i), module.noteValue(open, i));
    }
    const tensors = new Map<string, Tensor>();
    try {
      for (let i = 0; i < module.fileCount(open); ++i) {
        const name = module.fileName(open, i);
        tensors.set(name, newTensor(runtime, module.fileTensor(open, i)));
      }
    } catch (error) {
      for (const tensor of tensors.values()) tensor.dispose();
      throw error;
    }
    return { tensors, metadata };
  });
}

/**
 * A model's parameters as a safetensors file, named and oriented as PyTorch's `state_dict` has them: the weight of a
 * Dense, which is `[in, out]` here, is `[out, in]` in the file. Metadata as in `writeSafetensors`.
 */
export function saveModel(runtime: Runtime, model: Module, metadata: Pairs<string> = []): FileBytes {
  const where = 'saveModel';
  const notes = readNotes(metadata, where);
  const file = withState(runtime, model, where, (list) => runtime.check(runtime.module.stateDict(list)));
  return withFile(runtime, file, (open) => finish(runtime, open, notes));
}

/**
 * Fills a model with the parameters of a safetensors file, whoever wrote it. Names and shapes must be exactly the
 * model's: `FormatError` names the first that is missing, left over or of another shape, and nothing is changed.
 */
export function loadModel(runtime: Runtime, model: Module, file: FileData): void {
  const where = 'loadModel';
  layerHandle(runtime, model, where);
  withFile(runtime, openFile(runtime, file, where), (open) =>
    withState(runtime, model, where, (list) => runtime.check(runtime.module.loadStateDict(list, open))),
  );
}

function openFile(runtime: Runtime, file: FileData, where: string): Handle {
  return withBytes(runtime, file, where, (content) => runtime.check(runtime.module.readFile(content)));
}

function finish(runtime: Runtime, file: Handle, notes: readonly (readonly [string, string])[]): FileBytes {
  for (const [key, value] of notes) {
    runtime.check(runtime.module.fileNote(file, key, value));
  }
  return takeBytes(runtime, runtime.module.writeFile(file));
}

/** What an iterable of pairs gives, with texts that UTF-8 can hold in the first places. */
function readPairs(given: unknown, where: string, what: string): [string, unknown][] {
  const list = given as Iterable<unknown> | null | undefined;
  if (typeof list === 'string' || typeof list?.[Symbol.iterator] !== 'function') {
    throw new InvalidArgumentError(
      `${where}: ${what} must be pairs of a name and a value, such as a Map or Object.entries(x), got ${show(given)}`,
    );
  }
  const read: [string, unknown][] = [];
  for (const pair of list) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new InvalidArgumentError(
        `${where}: ${what} must be pairs of a name and a value, got ${show(pair)} as pair ${read.length}`,
      );
    }
    const [name, value] = pair as [unknown, unknown];
    read.push([writable(name, where, `name ${read.length} of ${what}`), value]);
  }
  return read;
}

/** The same, where what cannot be gone through (a revoked proxy, a detached array) is a typed error. */
function pairs(given: unknown, where: string, what: string): [string, unknown][] {
  return reading(where, what, () => readPairs(given, where, what));
}

function readNotes(metadata: Pairs<string>, where: string): [string, string][] {
  return pairs(metadata, where, 'metadata').map(([key, value]) => [
    key,
    writable(value, where, `metadata ${show(key)}`),
  ]);
}

/** A string that comes back from UTF-8 as it was. */
function writable(value: unknown, where: string, what: string): string {
  const string = text(value, where, what);
  if (string.length > MAX_HEADER) {
    throw new InvalidArgumentError(`${where}: ${what} is longer than a header may be, ${MAX_HEADER} bytes`);
  }
  if (/\p{Surrogate}/u.test(string)) {
    throw new InvalidArgumentError(`${where}: ${what} has half a surrogate pair, which UTF-8 cannot hold`);
  }
  return string;
}

function withFile<Result>(runtime: Runtime, file: Handle, use: (file: Handle) => Result): Result {
  runtime.check(file);
  try {
    return use(file);
  } finally {
    runtime.module.releaseFile(file);
  }
}
