// From nothing to a running module: choose the build, get its bytes, start it.

import { chooseVariant } from './choose.js';
import { LoadError } from './errors.js';
import { fetchWasm, type FetchOptions, messageOf } from './fetch_wasm.js';
import { instantiate, instantiateThreaded } from './instantiate.js';
import { probe } from './probe.js';
import { Runtime } from './runtime.js';
import { chooseThreads } from './threads.js';
import { assemble, type BuildInfo, type TinyTorch } from './tinytorch.js';
import type { Variant } from './types.js';
import type { ModuleFactory, WasmModule } from './wasm_module.js';

export interface LoadOptions extends FetchOptions {
  /** Which build; `auto` takes the fastest that this engine runs. */
  variant?: Variant | 'auto';
  /**
   * How many threads; `auto` takes one for each core. Where threads cannot be had (`threadsReason` says why) it is
   * one. The build `scalar` has no threads.
   */
  threads?: number | 'auto';
  /**
   * Whether the first products may measure which register tile is fastest here, for a few milliseconds in all;
   * `true` by default. Results have the same bits for any tile.
   */
  tuning?: boolean;
  /**
   * Where the .wasm files are: the address of their folder, or a function from file name to address. Needed only
   * where they do not lie beside the package's own JavaScript, as they do in Node and as bundlers put them.
   */
  wasmUrl?: string | URL | ((fileName: string) => string | URL);
}

/** The files of one build. All are written out in full, so that bundlers see them and copy them. */
interface Build {
  readonly wasm: () => URL;
  readonly glue: () => Promise<{ default: ModuleFactory }>;
}

/**
 * The glue of a module with threads is the script of its workers, too. Bundlers would rewrite it and lose that, so
 * it is copied like the .wasm and imported from its address.
 */
const importFrom = (url: URL): Promise<{ default: ModuleFactory }> =>
  import(/* @vite-ignore */ /* webpackIgnore: true */ url.href) as Promise<{ default: ModuleFactory }>;

const BUILDS = {
  scalar: {
    wasm: () => new URL('./module/tinytorch-scalar.wasm', import.meta.url),
    glue: () => import('./module/tinytorch-scalar.js'),
  },
  simd: {
    wasm: () => new URL('./module/tinytorch-simd.wasm', import.meta.url),
    glue: () => import('./module/tinytorch-simd.js'),
  },
  relaxed: {
    wasm: () => new URL('./module/tinytorch-relaxed.wasm', import.meta.url),
    glue: () => import('./module/tinytorch-relaxed.js'),
  },
  'simd-mt': {
    wasm: () => new URL('./module/tinytorch-simd-mt.wasm', import.meta.url),
    glue: () => importFrom(new URL('./module/tinytorch-simd-mt.js', import.meta.url)),
  },
  'relaxed-mt': {
    wasm: () => new URL('./module/tinytorch-relaxed-mt.wasm', import.meta.url),
    glue: () => importFrom(new URL('./module/tinytorch-relaxed-mt.js', import.meta.url)),
  },
} satisfies Record<string, Build>;

/**
 * Loads the library: `const tt = await load()`. Every call starts a module of its own, with its own memory.
 * Rejects with `LoadError`, whose text names the address and what came from there, or with the signal's reason;
 * loading can be tried again afterwards.
 */
export async function load(options: LoadOptions = {}): Promise<TinyTorch> {
  const features = probe();
  const { variant, reason: variantReason } = chooseVariant(options.variant ?? 'auto', features);
  const wish = chooseThreads(options.threads ?? 'auto', features);
  let threadsReason =
    variant === 'scalar' && wish.threads > 1 ? 'the scalar build has one thread' : wish.reason;
  if (variant !== 'scalar' && wish.threads > 1) {
    try {
      const { factory, compiled } = await fetchBuild(`${variant}-mt`, options);
      const module = await instantiateThreaded(factory, compiled, wish.threads);
      module.setThreads(wish.threads);
      return start(module, { variant, variantReason, threadsReason }, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      threadsReason = messageOf(error);
    }
  }
  const { factory, compiled, url } = await fetchBuild(variant, options);
  const module = await instantiate(factory, compiled).catch((error: unknown) => {
    throw startError(url, error);
  });
  return start(module, { variant, variantReason, threadsReason }, options);
}

type Reasons = Omit<BuildInfo, 'threads'>;

function start(module: WasmModule, reasons: Reasons, { signal, tuning }: LoadOptions): TinyTorch {
  if (signal?.aborted) module.PThread?.terminateAllThreads();
  signal?.throwIfAborted();
  module.setTuning(tuning ?? true);
  return assemble(new Runtime(module), reasons);
}

async function fetchBuild(name: keyof typeof BUILDS, options: LoadOptions) {
  const url = wasmUrl(name, options.wasmUrl);
  const [bytes, glue] = await Promise.all([fetchWasm(url, options), BUILDS[name].glue()]);
  try {
    return { url, factory: glue.default, compiled: await WebAssembly.compile(bytes) };
  } catch (error) {
    throw startError(url, error);
  }
}

function startError(url: URL, error: unknown): LoadError {
  return new LoadError(`load: ${url.href} does not start: ${messageOf(error)}`, { cause: error });
}

function wasmUrl(name: keyof typeof BUILDS, where: LoadOptions['wasmUrl']): URL {
  if (where === undefined) return BUILDS[name].wasm();
  const fileName = `tinytorch-${name}.wasm`;
  const base = typeof location === 'undefined' ? import.meta.url : location.href;
  if (typeof where === 'function') return new URL(where(fileName), base);
  const folder = String(where);
  return new URL(fileName, new URL(folder.endsWith('/') ? folder : `${folder}/`, base));
}
