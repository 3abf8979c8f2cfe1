/**
 * Tensors and neural networks on WebAssembly.
 *
 * ```ts
 * import { load } from 'tinytorch-wasm';
 * const tt = await load();
 * using x = tt.Tensor.randn([64, 784]);
 * ```
 *
 * @packageDocumentation
 */

import { addressOf, workerScript } from './builds.js';
// Comes before load.js: the two glues, which are alike, are then side by side, and compress to little more than one.
import { sourceOfFiles } from './load_files.js';
import { loadFrom } from './load.js';
import type { LoadOptions } from './load_options.js';
import type { TinyTorch } from './tinytorch.js';

export * from './api.js';
export type { LoadOptions } from './load_options.js';

const SOURCE = sourceOfFiles(addressOf, workerScript);

/**
 * Loads the library: `const tt = await load()`. Every call starts a module of its own, with its own memory.
 * Rejects with `LoadError`, whose text names the address and what came from there, or with the signal's reason;
 * loading can be tried again afterwards.
 */
export function load(options?: LoadOptions): Promise<TinyTorch> {
  return loadFrom(SOURCE, options);
}
