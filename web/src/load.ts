// From nothing to a running module: choose the build, get its bytes, start it.

import { type BuildName, BUILDS, type FileOfBuild, fileName, NEEDED, OPTIONAL, type Part } from './builds.js';
import { chooseVariant } from './choose.js';
import { InvalidArgumentError, LoadError } from './errors.js';
import { fetchWasm, type FetchOptions, messageOf } from './fetch_wasm.js';
import { LEAST_HEAP_BYTES, MOST_HEAP_BYTES } from './heap.js';
import * as check from './check.js';
import { type Compiled, instantiate, instantiateThreaded } from './instantiate.js';
import { probe } from './probe.js';
import { Runtime } from './runtime.js';
import { chooseThreads } from './threads.js';
import { assemble, type BuildInfo, type TinyTorch } from './tinytorch.js';
import type { Variant } from './types.js';
import type { WasmModule } from './wasm_module.js';

/** The custom section with a file's build and part (scripts/split_module.mjs). */
const BUILD_SECTION = 'tinytorch-build';

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
   * The optional parts to load; both by default. What belongs to a part that is left out throws `LoadError` (and a
   * rung of the ladder `KernelError`). A program that only runs trained models needs none: `parts: []` makes the
   * download a quarter to a third smaller.
   */
  parts?: readonly Part[];
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
  ...(['variant', 'threads', 'tuning', 'parts', 'maxHeapBytes', 'wasmUrl'] as const),
  ...(['onProgress', 'signal'] as const),
];

/** The options, each of its kind; what `variant` and `threads` may be is checked where they are chosen. */
function readOptions(given: LoadOptions | undefined): LoadOptions {
  const options = check.options(given, LOAD_OPTIONS, 'load');
  const { tuning, maxHeapBytes, wasmUrl, onProgress, signal } = options;
  if (tuning !== undefined) check.truth(tuning, 'load', 'tuning');
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
  const parts = options.parts === undefined ? OPTIONAL : chosenParts(options.parts);
  const { variant, reason: variantReason } = chooseVariant(wanted, features);
  const wish = chooseThreads(threads, features);
  let threadsReason =
    variant === 'scalar' && wish.threads > 1 ? 'the scalar build has one thread' : wish.reason;
  if (variant !== 'scalar' && wish.threads > 1) {
    try {
      const name = `${variant}-mt` as const;
      const { factory, compiled } = await fetchBuild(name, parts, options);
      const script = (BUILDS[name].script as () => URL)();
      const module = await instantiateThreaded(factory, compiled, script, wish.threads, options);
      module.setThreads(wish.threads);
      return start(module, { variant, variantReason, threadsReason, parts }, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      threadsReason = messageOf(error);
    }
  }
  const { factory, compiled, url } = await fetchBuild(variant, parts, options);
  const module = await instantiate(factory, compiled, options).catch((error: unknown) => {
    throw error instanceof LoadError ? error : startError(url, error);
  });
  return start(module, { variant, variantReason, threadsReason, parts }, options);
}

function chosenParts(wanted: readonly Part[]): readonly Part[] {
  const parts = check.list(wanted, 'load', 'parts');
  for (const part of parts) {
    if (!OPTIONAL.includes(part as Part))
      throw new InvalidArgumentError(`load: no part ${check.show(part)}; there are ${OPTIONAL.join(', ')}`);
  }
  return OPTIONAL.filter((part) => parts.includes(part));
}

type Reasons = Omit<BuildInfo, 'threads'>;

function start(module: WasmModule, reasons: Reasons, { signal, tuning }: LoadOptions): TinyTorch {
  if (signal?.aborted) module.terminate('loading was given up');
  signal?.throwIfAborted();
  module.setTuning(tuning ?? true);
  return assemble(new Runtime(module), reasons);
}

async function fetchBuild(name: BuildName, parts: readonly Part[], options: LoadOptions) {
  const files: readonly FileOfBuild[] = [...NEEDED, ...parts];
  const progress = options.onProgress && joined(files.length, options.onProgress);
  const urls = files.map((file) => wasmUrl(name, file, options.wasmUrl));
  const modules = urls.map((url, i) =>
    fetchCompiled(url, {
      ...(options.signal && { signal: options.signal }),
      ...(progress && { onProgress: (loaded, total) => progress(i, loaded, total) }),
    }),
  );
  const glue = BUILDS[name].glue();
  // The first failure in their order, not in time: the same fault gives the same error.
  const failure = (await Promise.allSettled([...modules, glue])).find(({ status }) => status === 'rejected');
  if (failure) throw (failure as PromiseRejectedResult).reason;
  const [core, ...rest] = (await Promise.all(modules)) as [WebAssembly.Module, ...WebAssembly.Module[]];
  const compiled: Compiled = { core, rest, parts };
  const { default: factory, buildId } = await glue;
  for (const [i, module] of [core, ...rest].entries())
    requireBuild(module, `${buildId} ${files[i] as string}`, urls[i] as URL);
  return { url: urls[0] as URL, factory, compiled };
}

async function fetchCompiled(url: URL, options: FetchOptions): Promise<WebAssembly.Module> {
  const bytes = await fetchWasm(url, options);
  return WebAssembly.compile(bytes).catch((error: unknown) => {
    throw startError(url, error);
  });
}

/** A file of another version would start and then call the wrong functions, or wait for ever. */
function requireBuild(module: WebAssembly.Module, wanted: string, url: URL): void {
  const [section] = WebAssembly.Module.customSections(module, BUILD_SECTION);
  const found = section && new TextDecoder().decode(section);
  if (found === wanted) return;
  throw new LoadError(
    `load: ${url.href} does not belong to this package: ` +
      (found === undefined
        ? 'it is another WebAssembly module'
        : `it is "${found}", and "${wanted}" is needed`),
  );
}

/** One progress of several files. `total` is 0 until all of them have told theirs. */
function joined(count: number, onProgress: NonNullable<FetchOptions['onProgress']>) {
  const loaded = new Array<number>(count).fill(0);
  const total = new Array<number>(count).fill(0);
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  return (file: number, loadedOfFile: number, totalOfFile: number) => {
    loaded[file] = loadedOfFile;
    total[file] = totalOfFile;
    onProgress(sum(loaded), total.includes(0) ? 0 : sum(total));
  };
}

function startError(url: URL, error: unknown): LoadError {
  return new LoadError(`load: ${url.href} does not start: ${messageOf(error)}`, { cause: error });
}

function wasmUrl(build: BuildName, file: FileOfBuild, where: LoadOptions['wasmUrl']): URL {
  if (where === undefined) return BUILDS[build].wasm[file]();
  const name = fileName(build, file);
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
