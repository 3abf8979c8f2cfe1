// The builds and where their files are. The addresses are written out in full, so that bundlers see them and copy the
// files.

import type { BuildName } from './build_names.js';

/** Functions, because an address that a bundler makes may be an error where it is not used. */
const ADDRESSES: Record<BuildName, () => URL> = {
  scalar: () => new URL('./tinytorch-scalar.wasm', import.meta.url),
  simd: () => new URL('./tinytorch-simd.wasm', import.meta.url),
  relaxed: () => new URL('./tinytorch-relaxed.wasm', import.meta.url),
  'simd-mt': () => new URL('./tinytorch-simd-mt.wasm', import.meta.url),
  'relaxed-mt': () => new URL('./tinytorch-relaxed-mt.wasm', import.meta.url),
};

export const BUILDS = Object.keys(ADDRESSES) as BuildName[];

export const addressOf = (build: BuildName): URL => atHome(ADDRESSES[build]());

/**
 * The script of workers: the glue as a file of its own, which a bundler copies as it is. By the ending of its name
 * minifiers know that it is a module.
 */
export const workerScript = (): URL => atHome(new URL('./tinytorch-mt.mjs', import.meta.url));

/** The script of the worker that has the library (worker_entry.ts). */
export const remoteScript = (): URL => atHome(new URL('./tinytorch-worker.mjs', import.meta.url));

/**
 * Vite's development server (5 to 7) puts the package's JavaScript into a folder of its own and leaves the other files
 * where they were.
 */
function atHome(url: URL): URL {
  return new URL(url.href.replace(/\/\.vite\/deps(_ssr)?\//, '/tinytorch-wasm/dist/'));
}
