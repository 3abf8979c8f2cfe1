// Modules that are files beside the package's JavaScript.

import { type BuildName, fileName } from './build_names.js';
import { compileAt, shown } from './compile.js';
import { LoadError } from './errors.js';
import { instantiateThreaded } from './instantiate_threaded.js';
import type { Source } from './load.js';
import { address, FILE_OPTIONS, HINT, type LoadOptions } from './load_options.js';
import { FILES } from './module/files.js';

/** The custom section that the linker writes for --build-id. */
const ID_SECTION = 'build_id';

/** The modules as files: `address` tells where one is, `script` is that of the workers of the pool. */
export function sourceOfFiles(address: (name: BuildName) => URL, script: () => URL): Source<LoadOptions> {
  return {
    options: FILE_OPTIONS,
    compile: (name, options) => compileBuild(name, options, address),
    startThreaded: (compiled, threads, options) => instantiateThreaded(script(), compiled, threads, options),
  };
}

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
