// A static file server with the two headers that make a page cross-origin isolated, which threads need.
// Usage: node scripts/serve.mjs FOLDER [--port N]
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import { extname, join, normalize, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

const types = {
  '.css': 'text/css; charset=utf-8',
  '.gz': 'application/gzip',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

async function findFile(root, url) {
  const path = normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname));
  const file = join(root, path.endsWith(sep) ? join(path, 'index.html') : path);
  const info = await stat(file).catch(() => null);
  return info?.isFile() && file.startsWith(root + sep) ? { file, size: info.size } : null;
}

/**
 * Serves `folder` on 127.0.0.1. Port 0 takes any free one. `isolated: false` leaves out the headers, as
 * a host does that cannot set any; `headers` are sent besides.
 * Resolves to `{ url, close() }` once it answers; rejects where the port is taken.
 */
export async function serve(folder, { port = 0, isolated = true, headers = {} } = {}) {
  const root = resolve(folder);
  const server = createServer(async (request, response) => {
    const found = await findFile(root, request.url).catch(() => null);
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    response.setHeader('Cache-Control', 'no-cache');
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (!found) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('Not found\n');
      return;
    }
    const type = types[extname(found.file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': found.size });
    if (request.method === 'HEAD') response.end();
    else createReadStream(found.file).pipe(response);
  });
  await new Promise((listening, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', listening);
  });
  // Not `localhost`: that can mean ::1, where something else may listen on the same port.
  const url = `http://127.0.0.1:${server.address().port}/`;
  const close = () => new Promise((closed) => server.close(closed) && server.closeAllConnections());
  return { url, close };
}

/** The first free port from 4173 (Vite's) on, or exactly the wanted one. */
async function servePage(folder, wanted) {
  for (let port = wanted ?? 4173; ; port++) {
    try {
      return await serve(folder, { port });
    } catch (error) {
      if (error.code !== 'EADDRINUSE' || wanted !== undefined || port >= 4273) throw error;
    }
  }
}

const answers = (url) =>
  new Promise((done, failed) =>
    get(url, (response) => {
      response.resume();
      if (response.statusCode === 200) done();
      else failed(new Error(`${url} answers ${response.statusCode}`));
    }).on('error', failed),
  );

async function main([folder, ...options]) {
  const index = options.indexOf('--port');
  const wanted = index < 0 ? undefined : Number(options[index + 1]);
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted > 0 && wanted < 65536))
    throw new Error(`--port takes a number from 1 to 65535, not '${options[index + 1] ?? ''}'`);
  const { url } = await servePage(folder, wanted).catch((error) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new Error(wanted === undefined ? 'ports 4173 to 4273 are taken' : `port ${wanted} is taken`);
  });
  await answers(url);
  console.log(`\nThe page is at ${url}   (Ctrl-C stops it)`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(`serve: ${error.message}`);
    process.exit(1);
  });
}
