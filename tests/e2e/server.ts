// A plain static server for the built page, with and without the headers that isolate it.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONTENT_SECURITY_POLICY } from '../../web/demo/vite.config';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

export const PAGE = fileURLToPath(new URL('../../build/page', import.meta.url));

export interface Served {
  url: string;
  close(): Promise<void>;
}

/**
 * Serves build/page on a free port. The policy of the page's meta tag is sent as a header too: a worker
 * takes its policy from its own response, so only this puts the library itself under it.
 */
export async function serve({ isolated }: { isolated: boolean }): Promise<Served> {
  if (!existsSync(join(PAGE, 'index.html')))
    throw new Error('build/page is missing: run npm run build:page first');
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
    const file = join(PAGE, path.endsWith('/') ? `${path}index.html` : path);
    const headers: Record<string, string> = { 'Content-Security-Policy': CONTENT_SECURITY_POLICY };
    if (isolated) {
      headers['Cross-Origin-Opener-Policy'] = 'same-origin';
      headers['Cross-Origin-Embedder-Policy'] = 'require-corp';
    }
    if (!file.startsWith(PAGE) || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404, headers).end('not found');
      return;
    }
    headers['Content-Type'] = TYPES[extname(file)] ?? 'application/octet-stream';
    headers['Content-Length'] = String(statSync(file).size);
    response.writeHead(200, headers);
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
