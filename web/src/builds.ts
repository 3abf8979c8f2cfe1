// The builds and where their files are. The addresses are written out in full, so that bundlers see them and copy the
// files.

import createModule from './module/tinytorch.js';
import createThreadedModule from './module/tinytorch-mt.js';
import type { Variant } from './types.js';
import type { ModuleFactory } from './wasm_module.js';

export type BuildName = Variant | 'simd-mt' | 'relaxed-mt';

export const fileName = (build: BuildName): string => `tinytorch-${build}.wasm`;

/** Functions, because an address that a bundler makes may be an error where it is not used. */
export const ADDRESSES: Record<BuildName, () => URL> = {
  scalar: () => new URL('./module/tinytorch-scalar.wasm', import.meta.url),
  simd: () => new URL('./module/tinytorch-simd.wasm', import.meta.url),
  relaxed: () => new URL('./module/tinytorch-relaxed.wasm', import.meta.url),
  'simd-mt': () => new URL('./module/tinytorch-simd-mt.wasm', import.meta.url),
  'relaxed-mt': () => new URL('./module/tinytorch-relaxed-mt.wasm', import.meta.url),
};

/** Emscripten's JavaScript for a module: the same for all without threads, and for all with them. */
export const GLUE: { readonly single: ModuleFactory; readonly threaded: ModuleFactory } = {
  single: createModule,
  threaded: createThreadedModule,
};

/** The script of workers: the glue as a file of its own, which a bundler copies as it is. */
export const workerScript = (): URL => new URL('./module/tinytorch-mt.js', import.meta.url);
