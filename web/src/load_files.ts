// Modules that are files beside the package's JavaScript.

import { type BuildName, fileName } from './build_names.js';
import * as check from './check.js';
import { compileAt, shown } from './compile.js';
import { LoadError } from './errors.js';
import { instantiateThreaded } from './instantiate_threaded.js';
import type { EmbeddedLoadOptions, Source } from './load.js';
import { FILES } from './module/files.js';

/** The custom section that the linker writes for --build-id. */
const ID_SECTION = 'build_id';

export interface LoadOptions extends EmbeddedLoadOptions {
  /**
   * Where the .wasm files are: the address of their folder, or a function from file name to address. Needed only
   * where they do not lie beside the package's own JavaScript, as they do in Node and as bundlers put them.
   */
  wasmUrl?: string | URL | ((fileName: string) => string | URL);
}

/** The modules as files: `address` tells where one is, `script` is that of the workers of the pool. */
export function sourceOfFiles(address: (name: BuildName) => URL, script: () => URL): Source<LoadOptions> {
  return {
    options: ['variant', 'threads', 'maxHeapBytes', 'wasmUrl', 'onProgress', 'signal'],
    checkOptions({ wasmUrl }) {
      if (typeof wasmUrl === 'function') check.callable(wasmUrl, 'load', 'wasmUrl');
      else if (wasmUrl !== undefined && typeof wasmUrl !== 'string' && !isUrl(wasmUrl))
        check.refuse('load', 'wasmUrl', 'a string, a URL or a function', wasmUrl);
    },
    compile: (name, options) => compileBuild(name, options, address),
    startThreaded: (compiled, threads, options) => instantiateThreaded(script(), compiled, threads, options),
  };
}

function isUrl(value: unknown): value is URL {
  return typeof value === 'object' && value !== null && check.bareTag(value) === 'URL';
}

/** For bundlers that copy nothing (esbuild, Rollup, Bun). */
const HINT =
  '. Where a bundler has left out the files of the package: copy node_modules/tinytorch-wasm/dist/tinytorch-* ' +
  'to that folder, or import tinytorch-wasm/embedded';

async function compileBuild(name: BuildName, options: LoadOptions, home: (name: BuildName) => URL) {
  const file = FILES[name];
  if (!file) throw new LoadError(`load: this package was built without ${fileName(name)}`);
  const url = wasmUrl(name, options.wasmUrl, home);
  const compiled = await compileAt(
    url,
    file.bytes,
    options.wasmUrl === undefined ? { ...options, hint: HINT } : options,
  );
  requireBuild(compiled, name, file.id, url);
  return { compiled, origin: shown(url) };
}

/** A file of another version would start and then call the wrong functions, or wait for ever. */
function requireBuild(module: WebAssembly.Module, name: BuildName, wanted: string, url: URL): void {
  const [section] = WebAssembly.Module.customSections(module, ID_SECTION);
  const found = section && hexadecimal(new Uint8Array(section));
  // The linker's section begins with the length of the id.
  if (found?.endsWith(wanted)) return;
  const other = Object.keys(FILES).find((each) => found?.endsWith(FILES[each as BuildName]?.id ?? '-'));
  throw new LoadError(
    `load: ${shown(url)} is not ${fileName(name)} of this package: it is ` +
      (other ? fileName(other as BuildName) : found ? 'of another version' : 'another WebAssembly module'),
  );
}

function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function wasmUrl(build: BuildName, where: LoadOptions['wasmUrl'], home: (name: BuildName) => URL): URL {
  if (where === undefined) return home(build);
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
