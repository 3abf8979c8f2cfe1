// Model files in the safetensors format, which PyTorch reads and writes too.

import { takeBytes, withBytes } from './bytes.js';
import { type Module, moduleHandle } from './nn.js';
import type { Runtime } from './runtime.js';
import { type Tensor, tensorHandle } from './tensor.js';
import type { Handle } from './wasm_module.js';

/** The content of a safetensors file. */
export interface TensorFile {
  /** By name, in the file's order. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

type Pairs<Value> = Iterable<readonly [string, Value]>;

/** A safetensors file with these tensors. The same content gives the same bytes. */
export function writeSafetensors(
  runtime: Runtime,
  tensors: Pairs<Tensor>,
  metadata: Pairs<string> = [],
): Uint8Array<ArrayBuffer> {
  return withFile(runtime, runtime.module.createFile(), (file) => {
    for (const [name, tensor] of tensors) {
      const handle = tensorHandle(runtime, tensor, 'writeSafetensors');
      runtime.check(runtime.module.fileAdd(file, name, handle));
    }
    return finish(runtime, file, metadata);
  });
}

/** Reads a safetensors file; throws `FormatError` that names what is wrong with a malformed one. */
export function readSafetensors(runtime: Runtime, bytes: Uint8Array): TensorFile {
  const { module } = runtime;
  return withFile(runtime, openFile(runtime, bytes), (file) => {
    const tensors = new Map<string, Tensor>();
    for (let i = 0; i < module.fileCount(file); ++i) {
      tensors.set(module.fileName(file, i), runtime.wrap(runtime.check(module.fileTensor(file, i))));
    }
    const metadata = new Map<string, string>();
    for (let i = 0; i < module.noteCount(file); ++i)
      metadata.set(module.noteKey(file, i), module.noteValue(file, i));
    return { tensors, metadata };
  });
}

/**
 * A model's parameters as a safetensors file, named and oriented as PyTorch's `state_dict` has them: the weight of a
 * Dense, which is `[in, out]` here, is `[out, in]` in the file.
 */
export function saveModel(
  runtime: Runtime,
  model: Module,
  metadata: Pairs<string> = [],
): Uint8Array<ArrayBuffer> {
  const file = runtime.module.stateDict(moduleHandle(runtime, model, 'saveModel'));
  return withFile(runtime, file, (open) => finish(runtime, open, metadata));
}

/**
 * Fills a model with the parameters of a safetensors file, whoever wrote it. Names and shapes must be exactly the
 * model's: `FormatError` names the first that is missing, left over or of another shape, and nothing is changed.
 */
export function loadModel(runtime: Runtime, model: Module, bytes: Uint8Array): void {
  const handle = moduleHandle(runtime, model, 'loadModel');
  withFile(runtime, openFile(runtime, bytes), (file) =>
    runtime.check(runtime.module.loadStateDict(handle, file)),
  );
}

function openFile(runtime: Runtime, bytes: Uint8Array): Handle {
  return withBytes(runtime, bytes, (content) => runtime.check(runtime.module.readFile(content)));
}

function finish(runtime: Runtime, file: Handle, metadata: Pairs<string>): Uint8Array<ArrayBuffer> {
  for (const [key, value] of metadata) runtime.check(runtime.module.fileNote(file, key, value));
  return takeBytes(runtime, runtime.module.writeFile(file));
}

function withFile<Result>(runtime: Runtime, file: Handle, use: (file: Handle) => Result): Result {
  runtime.check(file);
  try {
    return use(file);
  } finally {
    runtime.module.releaseFile(file);
  }
}
