// From nothing to a running module: choose the build, get its file, start it.

import { ADDRESSES, type BuildName, fileName } from './builds.js';
import * as check from './check.js';
import { chooseVariant } from './choose.js';
import { compileAt, type FetchOptions, messageOf, startError } from './compile.js';
import { LoadError } from './errors.js';
import { LEAST_HEAP_BYTES, MOST_HEAP_BYTES } from './heap.js';
import { instantiate, instantiateThreaded } from './instantiate.js';
import { FILES } from './module/files.js';
import { probe } from './probe.js';
import { Runtime } from './runtime.js';
import { registerDropped } from './tensor_handle.js';
import { chooseThreads } from './threads.js';
import { assemble, type BuildInfo, type TinyTorch } from './tinytorch.js';
import type { Variant } from './types.js';
import type { WasmModule } from './wasm_module.js';

/** The custom section that the linker writes for --build-id. */
const ID_SECTION = 'build_id';

export interface LoadOptions extends FetchOptions {
  /** Which build; `auto` takes the fastest that this engine runs. */
  variant?: Variant | 'auto';
  /**
   * How many threads; `auto` takes one for each core. Where threads cannot be had (`threadsReason` says why) it is
   * one. The build `scalar` has no threads.
   */
  threads?: number | 'auto';
  /**
   * The most bytes that the module's memory may grow to, from 16 MB to 4 GB, which is the usual. Where it is used up,
   * calls throw `OutOfMemoryError`. A memory that threads share takes that many addresses at once, and an engine may set
   * aside fewer: then its limit is a half, a quarter or an eighth.
   */
  maxHeapBytes?: number;
  /**
   * Where the .wasm files are: the address of their folder, or a function from file name to address. Needed only
   * where they do not lie beside the package's own JavaScript, as they do in Node and as bundlers put them.
   */
  wasmUrl?: string | URL | ((fileName: string) => string | URL);
}

/**
 * Loads the library: `const tt = await load()`. Every call starts a module of its own, with its own memory.
 * Rejects with `LoadError`, whose text names the address and what came from there, or with the signal's reason;
 * loading can be tried again afterwards.
 */
export async function load(options?: LoadOptions): Promise<TinyTorch> {
  return loadBuild(readOptions(options));
}

const LOAD_OPTIONS = [
  ...(['variant', 'threads', 'maxHeapBytes', 'wasmUrl'] as const),
  ...(['onProgress', 'signal'] as const),
];

/** The options, each of its kind; what `variant` and `threads` may be is checked where they are chosen. */
function readOptions(given: LoadOptions | undefined): LoadOptions {
  const options = check.options(given, LOAD_OPTIONS, 'load');
  const { maxHeapBytes, wasmUrl, onProgress, signal } = options;
  if (maxHeapBytes !== undefined)
    check.whole(maxHeapBytes, 'load', 'maxHeapBytes', LEAST_HEAP_BYTES, MOST_HEAP_BYTES);
  if (typeof wasmUrl === 'function') check.callable(wasmUrl, 'load', 'wasmUrl');
  else if (wasmUrl !== undefined && typeof wasmUrl !== 'string' && !isUrl(wasmUrl))
    check.refuse('load', 'wasmUrl', 'a string, a URL or a function', wasmUrl);
  if (onProgress !== undefined) check.callable(onProgress, 'load', 'onProgress');
  if (signal !== undefined) check.abortSignal(signal, 'load');
  return options;
}

function isUrl(value: unknown): value is URL {
  return typeof value === 'object' && value !== null && check.bareTag(value) === 'URL';
}

async function loadBuild(options: LoadOptions): Promise<TinyTorch> {
  const features = probe();
  const { variant: wanted = 'auto', threads = 'auto' } = options;
  const { variant, reason: variantReason } = chooseVariant(wanted, features);
  const wish = chooseThreads(threads, features);
  let threadsReason =
    variant === 'scalar' && wish.threads > 1 ? 'the scalar build has one thread' : wish.reason;
  if (variant !== 'scalar' && wish.threads > 1) {
    try {
      const { compiled } = await compileBuild(`${variant}-mt`, options);
      const module = await instantiateThreaded(compiled, wish.threads, options);
      module.setThreads(wish.threads);
      return start(module, { variant, variantReason, threadsReason }, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      threadsReason = messageOf(error);
    }
  }
  const { compiled, url } = await compileBuild(variant, options);
  const module = await instantiate(compiled, options).catch((error: unknown) => {
    throw error instanceof LoadError ? error : startError(url, error);
  });
  return start(module, { variant, variantReason, threadsReason }, options);
}

function start(module: WasmModule, reasons: Omit<BuildInfo, 'threads'>, { signal }: LoadOptions): TinyTorch {
  if (signal?.aborted) module.terminate('loading was given up');
  signal?.throwIfAborted();
  return assemble(new Runtime(module, registerDropped), reasons);
}

async function compileBuild(name: BuildName, options: LoadOptions) {
  const file = FILES[name];
  if (!file) throw new LoadError(`load: this package was built without ${fileName(name)}`);
  const url = wasmUrl(name, options.wasmUrl);
  const compiled = await compileAt(url, file.bytes, options);
  requireBuild(compiled, name, file.id, url);
  return { url, compiled };
}

/** A file of another version would start and then call the wrong functions, or wait for ever. */
function requireBuild(module: WebAssembly.Module, name: BuildName, wanted: string, url: URL): void {
  const [section] = WebAssembly.Module.customSections(module, ID_SECTION);
  const found = section && hexadecimal(new Uint8Array(section));
  // The linker's section begins with the length of the id.
  if (found?.endsWith(wanted)) return;
  const other = Object.keys(FILES).find((each) => found?.endsWith(FILES[each as BuildName]?.id ?? '-'));
  throw new LoadError(
    `load: ${url.href} is not ${fileName(name)} of this package: it is ` +
      (other ? fileName(other as BuildName) : found ? 'of another version' : 'another WebAssembly module'),
  );
}

function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function wasmUrl(build: BuildName, where: LoadOptions['wasmUrl']): URL {
  if (where === undefined) return ADDRESSES[build]();
  const name = fileName(build);
  const base = typeof location === 'undefined' ? import.meta.url : location.href;
  if (typeof where === 'function') return address(where(name), base);
  const folder = String(where);
  return address(name, address(folder.endsWith('/') ? folder : `${folder}/`, base));
}

function address(text: unknown, base: string | URL): URL {
  if (typeof text !== 'string' && !isUrl(text))
    check.refuse('load', 'what wasmUrl returns', 'a string or a URL', text);
  try {
    return new URL(text, base);
  } catch (error) {
    throw new LoadError(`load: wasmUrl gives no address: ${check.show(String(text))}`, { cause: error });
  }
}
