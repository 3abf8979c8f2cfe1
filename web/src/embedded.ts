/**
 * The package in one file: the WebAssembly is inside the JavaScript. For tools that do not copy the package's other files,
 * for servers, test runners and pages opened from a disk. Its modules have one thread.
 *
 * ```ts
 * import { load } from 'tinytorch-wasm/embedded';
 * const tt = await load();
 * ```
 *
 * @packageDocumentation
 */

export * from './api.js';
export { load } from './load_embedded.js';
export type { EmbeddedLoadOptions } from './load_options.js';
