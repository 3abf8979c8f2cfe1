// Gets the bytes of a .wasm file, in a page, a worker or Node, and makes sure that they are one.

import { LoadError } from './errors.js';

export interface FetchOptions {
  /** Called as bytes arrive. `total` is 0 where the server does not tell it (a compressed answer). */
  onProgress?: (loaded: number, total: number) => void;
  /** Stops the loading; the promise is then rejected with the signal's reason. */
  signal?: AbortSignal;
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d]; // "\0asm"

/** Throws `LoadError` naming the address and what came from there, or the signal's reason. */
export async function fetchWasm(url: URL, options: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
  options.signal?.throwIfAborted();
  try {
    return url.protocol === 'file:' ? await readFile(url, options) : await download(url, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof LoadError) throw error;
    throw new LoadError(`load: cannot read ${url.href}: ${messageOf(error)}`, { cause: error });
  }
}

async function download(url: URL, { onProgress, signal }: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url, { signal: signal ?? null });
  if (!response.ok) {
    throw new LoadError(`load: ${url.href} answered ${response.status} ${response.statusText}`.trimEnd());
  }
  const encoded = response.headers.has('content-encoding');
  const total = encoded ? 0 : Number(response.headers.get('content-length') ?? 0);
  const chunks: Uint8Array[] = [];
  let loaded = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    chunks.push(part.value);
    loaded += part.value.length;
    onProgress?.(loaded, total);
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  requireWasm(bytes, url, response.headers.get('content-type') ?? 'no content type');
  return bytes;
}

/** Node reads its own files; its fetch does not take file: addresses. */
async function readFile(url: URL, { onProgress, signal }: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof process === 'undefined')
    return download(url, { ...(onProgress && { onProgress }), ...(signal && { signal }) });
  const module = 'node:fs/promises'; // a variable, so that bundlers for the browser leave it alone
  const fs = (await import(
    /* @vite-ignore */ /* webpackIgnore: true */ module
  )) as typeof import('node:fs/promises');
  const bytes = new Uint8Array(await fs.readFile(url, { signal }));
  requireWasm(bytes, url, 'a file');
  onProgress?.(bytes.length, bytes.length);
  return bytes;
}

/** A missing file often comes as a page that says so, with status 200. */
function requireWasm(bytes: Uint8Array, url: URL, type: string): void {
  if (MAGIC.every((byte, i) => bytes[i] === byte)) return;
  // As a stream: a character that the cut divides is left out.
  const start = new TextDecoder().decode(bytes.subarray(0, 40), { stream: true }).replace(/\s+/g, ' ');
  throw new LoadError(
    `load: ${url.href} is not WebAssembly but ${type}, ` +
      (bytes.length === 0 ? 'empty' : `${bytes.length} bytes that begin with ${JSON.stringify(start)}`),
  );
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
