// From nothing to a running module: choose the build, get its bytes, start it.

import { chooseVariant } from './choose.js';
import { LoadError } from './errors.js';
import { fetchWasm, type FetchOptions, messageOf } from './fetch_wasm.js';
import { probe } from './probe.js';
import { Runtime } from './runtime.js';
import { assemble, type TinyTorch } from './tinytorch.js';
import type { Variant } from './types.js';
import type { ModuleFactory, WasmModule } from './wasm_module.js';

export interface LoadOptions extends FetchOptions {
  /** Which build; `auto` takes the fastest that this engine runs. */
  variant?: Variant | 'auto';
  /**
   * Where the .wasm files are: the address of their folder, or a function from file name to address. Needed only
   * where they do not lie beside the package's own JavaScript, as they do in Node and as bundlers put them.
   */
  wasmUrl?: string | URL | ((fileName: string) => string | URL);
}

/** The files of one build. Both are written out in full, so that bundlers see them and copy them. */
interface Build {
  readonly glue: () => Promise<{ default: ModuleFactory }>;
  readonly wasm: () => URL;
}

const BUILDS: Record<Variant, Build> = {
  scalar: {
    glue: () => import('./module/tinytorch-scalar.js'),
    wasm: () => new URL('./module/tinytorch-scalar.wasm', import.meta.url),
  },
  simd: {
    glue: () => import('./module/tinytorch-simd.js'),
    wasm: () => new URL('./module/tinytorch-simd.wasm', import.meta.url),
  },
  relaxed: {
    glue: () => import('./module/tinytorch-relaxed.js'),
    wasm: () => new URL('./module/tinytorch-relaxed.wasm', import.meta.url),
  },
};

/**
 * Loads the library: `const tt = await load()`. Every call starts a module of its own, with its own memory.
 * Rejects with `LoadError`, whose text names the address and what came from there, or with the signal's reason;
 * loading can be tried again afterwards.
 */
export async function load(options: LoadOptions = {}): Promise<TinyTorch> {
  const { variant, reason } = chooseVariant(options.variant ?? 'auto', probe());
  const url = wasmUrl(variant, options.wasmUrl);
  const [glue, bytes] = await Promise.all([BUILDS[variant].glue(), fetchWasm(url, options)]);
  const module = await instantiate(glue.default, bytes, url);
  options.signal?.throwIfAborted();
  return assemble(new Runtime(module), {
    variant,
    variantReason: reason,
    threads: 1,
    threadsReason: 'this build has one thread',
  });
}

function wasmUrl(variant: Variant, where: LoadOptions['wasmUrl']): URL {
  const fileName = `tinytorch-${variant}.wasm`;
  if (where === undefined) return BUILDS[variant].wasm();
  const base = typeof location === 'undefined' ? import.meta.url : location.href;
  if (typeof where === 'function') return new URL(where(fileName), base);
  const folder = String(where);
  return new URL(fileName, new URL(folder.endsWith('/') ? folder : `${folder}/`, base));
}

async function instantiate(
  factory: ModuleFactory,
  bytes: Uint8Array<ArrayBuffer>,
  url: URL,
): Promise<WasmModule> {
  try {
    const compiled = await WebAssembly.compile(bytes);
    // The glue has no way to hear that instantiation failed, so the two are awaited side by side.
    return await new Promise((resolve, reject) => {
      factory({
        instantiateWasm(imports, done) {
          WebAssembly.instantiate(compiled, imports).then((instance) => done(instance), reject);
          return {};
        },
      }).then(resolve, reject);
    });
  } catch (error) {
    throw new LoadError(`load: ${url.href} does not start: ${messageOf(error)}`, { cause: error });
  }
}
