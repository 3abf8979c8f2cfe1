// `load()` of the entry `tinytorch-wasm/embedded`: the modules are inside the JavaScript.

import { type BuildName, fileName } from './build_names.js';
import { LoadError } from './errors.js';
import { loadFrom, type Source } from './load.js';
import { COMMON_OPTIONS, type EmbeddedLoadOptions } from './load_options.js';
import { EMBEDDED } from './module/embedded.js';
import { nodeModule } from './node.js';
import type { TinyTorch } from './tinytorch.js';

/**
 * Loads the library out of this file; nothing is fetched. Every call starts a module of its own, with its own memory.
 * There are the builds `simd` and `relaxed`, with one thread. Rejects with `LoadError`, or with the signal's reason.
 */
export function load(options?: EmbeddedLoadOptions): Promise<TinyTorch> {
  return loadFrom(SOURCE, options);
}

const SOURCE: Source<EmbeddedLoadOptions> = {
  options: COMMON_OPTIONS,
  compile: compileEmbedded,
  startThreaded: 'tinytorch-wasm/embedded has one thread; tinytorch-wasm has more',
};

async function compileEmbedded(name: BuildName, { onProgress, signal }: EmbeddedLoadOptions) {
  signal?.throwIfAborted();
  const text = EMBEDDED[name];
  if (text === undefined)
    throw new LoadError(`load: tinytorch-wasm/embedded has no ${fileName(name)}; tinytorch-wasm has it`);
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const bytes = await unpack(packed);
  onProgress?.(bytes.byteLength, bytes.byteLength);
  const compiled = await WebAssembly.compile(bytes);
  signal?.throwIfAborted();
  return { compiled, origin: `the embedded ${fileName(name)}` };
}

/** Test runners that play a browser in Node (jsdom) lack its streams. */
async function unpack(packed: Uint8Array<ArrayBuffer>): Promise<BufferSource> {
  const zlib = nodeModule('node:zlib');
  if (zlib) return Uint8Array.from(zlib.gunzipSync(packed));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}
