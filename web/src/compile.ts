// From the address of a .wasm file to its compiled module, in a page, a worker or Node.

import { LoadError, messageOf } from './errors.js';
import { nodeModule } from './node.js';
import { decode } from './utf8.js';

export interface FetchOptions {
  /** Called as bytes arrive, with the bytes so far and in all. */
  onProgress?: (loaded: number, total: number) => void;
  /** Stops the loading; the promise is then rejected with the signal's reason. */
  signal?: AbortSignal;
}

/** What is asked for, and what to do where nothing is there. */
export interface Wanted extends FetchOptions {
  readonly hint?: string;
}

type Bytes = Uint8Array<ArrayBuffer>;

const MAGIC = [0x00, 0x61, 0x73, 0x6d]; // "\0asm"
const WASM_TYPE = 'application/wasm';

/**
 * The module at that address; `size` is what its file is known to have, in bytes. Throws `LoadError` naming the address
 * and what came from there, or the signal's reason.
 */
export async function compileAt(url: URL, size: number, options: Wanted): Promise<WebAssembly.Module> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  try {
    const fs = url.protocol === 'file:' ? nodeModule('node:fs/promises') : undefined;
    if (!fs) return await download(url, size, options);
    const bytes = new Uint8Array(await fs.readFile(url, { signal }));
    onProgress?.(bytes.length, bytes.length);
    return await compileBytes(bytes, url, 'a file', options);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof LoadError) throw error;
    throw new LoadError(`load: cannot read ${shown(url)}: ${messageOf(error)}`, { cause: error });
  }
}

/** Compiled while it arrives, which is also the only way in which engines keep compiled code for the next visit. */
async function download(url: URL, size: number, given: Wanted): Promise<WebAssembly.Module> {
  // An engine forgets what onProgress threw in the middle of a stream.
  let thrown: { error: unknown } | undefined;
  const options: Wanted = { ...given };
  if (given.onProgress) {
    options.onProgress = (loaded, total) => {
      try {
        given.onProgress?.(loaded, total);
      } catch (error) {
        thrown = { error };
        throw error;
      }
    };
  }
  const response = await request(url, options);
  const type = response.headers.get('content-type') ?? 'no content type';
  const canStream = type === WASM_TYPE && typeof WebAssembly.compileStreaming === 'function';
  if (!canStream) return compileBytes(await bytesOf(watched(response, size, options)), url, type, given);
  try {
    return await WebAssembly.compileStreaming(watched(response, size, options));
  } catch (error) {
    if (thrown) throw thrown.error;
    if (!(error instanceof WebAssembly.CompileError)) throw error; // the network's
    // The engine's text does not tell what it was given: the bytes do.
    return compileBytes(await bytesOf(await request(url, options)), url, type, given);
  }
}

async function request(url: URL, { signal, hint = '' }: Wanted): Promise<Response> {
  const response = await fetch(url, { signal: signal ?? null });
  if (response.ok) return response;
  throw new LoadError(
    `load: ${shown(url)} answered ${response.status} ${response.statusText}`.trimEnd() + hint,
  );
}

/** The response, of which `onProgress` hears. As it is where nobody asks: engines cache no compiled code of another. */
function watched(response: Response, size: number, { onProgress }: FetchOptions): Response {
  if (!onProgress || !response.body) return response;
  let loaded = 0;
  const count = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(part, controller) {
      loaded += part.length;
      controller.enqueue(part);
      onProgress(loaded, Math.max(loaded, size));
    },
  });
  return new Response(response.body.pipeThrough(count), { headers: { 'content-type': WASM_TYPE } });
}

async function bytesOf(response: Response): Promise<Bytes> {
  return new Uint8Array(await response.arrayBuffer());
}

async function compileBytes(
  bytes: Bytes,
  url: URL,
  type: string,
  wanted: Wanted,
): Promise<WebAssembly.Module> {
  requireWasm(bytes, url, type, wanted);
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw startError(shown(url), error);
  }
}

/** A missing file often comes as a page that says so, with status 200. */
function requireWasm(bytes: Bytes, url: URL, type: string, { hint = '' }: Wanted): void {
  if (MAGIC.every((byte, i) => bytes[i] === byte)) return;
  // As a stream: a character that the cut divides is left out.
  const start = decode(bytes.subarray(0, 40), { stream: true }).replace(/\s+/g, ' ');
  throw new LoadError(
    `load: ${shown(url)} is not WebAssembly but ${type}, ` +
      (bytes.length === 0 ? 'empty' : `${bytes.length} bytes that begin with ${JSON.stringify(start)}`) +
      hint,
  );
}

/** Of a file that is WebAssembly and cannot be run. */
export function startError(origin: string, error: unknown): LoadError {
  return new LoadError(`load: ${origin} does not start: ${messageOf(error)}`, { cause: error });
}

/** An address in a text; one that is a whole file (`data:`) is cut. */
export function shown({ href }: URL): string {
  return href.length > 300 ? `${href.slice(0, 100)}... (${href.length} characters)` : href;
}
