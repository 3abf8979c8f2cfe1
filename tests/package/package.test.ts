// npm pack, install into an empty project, type-check, run in Node, bundle with Vite, open in Chromium.

import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PAGE_LIMIT } from '../limits.js';

/** The most that a first visit may download, in bytes: JavaScript and WebAssembly of the build with threads. */
const DOWNLOAD = { brotli: 170_000, gzip: 211_000 };

const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = (name: string): string => join(root, 'node_modules', name);
const work = mkdtempSync(join(tmpdir(), 'tinytorch-package-'));
const installed = join(work, 'node_modules/tinytorch-wasm');
let archive = '';

/** Runs a program in the consumer's folder; gives its output, and its failure with the output in the text. */
async function run(program: string, ...args: string[]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { cwd: work });
    return stdout + stderr;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}

beforeAll(async () => {
  cpSync(fileURLToPath(new URL('./consumer', import.meta.url)), work, { recursive: true });
  await run('npm', 'pack', root, '--ignore-scripts', '--pack-destination', work);
  archive = join(work, readdirSync(work).find((name) => name.endsWith('.tgz')) ?? '');
  await run('npm', 'install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', archive);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe('what is in it', () => {
  test('the compiled code, its types, the modules and the papers, and nothing else', () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
    for (const wanted of [
      'dist/index.js',
      'dist/index.d.ts',
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'THIRD_PARTY_NOTICES.md',
    ]) {
      expect(files).toContain(wanted);
    }
    const strangers = files.filter(
      (file) =>
        !/^(dist\/.*\.(js|d\.ts|wasm)|LICENSE|README\.md|CHANGELOG\.md|THIRD_PARTY_NOTICES\.md|package\.json)$/.test(
          file,
        ),
    );
    expect(strangers).toEqual([]);
  });

  test('no code is made at run time', () => {
    for (const name of readdirSync(join(installed, 'dist/module')).filter((file) => file.endsWith('.js'))) {
      expect(readFileSync(join(installed, 'dist/module', name), 'utf8')).not.toMatch(
        /\bnew Function\b|\beval\(/,
      );
    }
  });

  test('publint has nothing to say', async () => {
    expect(await run(process.execPath, bin('publint/src/cli.js'), archive, '--strict')).toContain('All good');
  });

  test('attw finds its types from every kind of import', async () => {
    const attw = bin('@arethetypeswrong/cli/dist/index.js');
    // The form is named: left to itself attw draws a table or a list by the width of the terminal.
    const options = ['--profile', 'esm-only', '--no-emoji', '--format', 'ascii'];
    const report = await run(process.execPath, attw, archive, ...options);
    expect(report).toContain('bundler: OK');
  });
});

describe('in TypeScript', () => {
  test.each(['Bundler', 'NodeNext'])('a strict consumer compiles with %s', async (resolution) => {
    const options = {
      target: 'ES2022',
      module: resolution === 'Bundler' ? 'ESNext' : resolution,
      moduleResolution: resolution,
      lib: ['ES2022', 'DOM'],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
    };
    writeFileSync(
      join(work, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: ['main.ts'] }),
    );
    await run(process.execPath, bin('typescript/bin/tsc'), '-p', work);
  });
});

describe('in Node', () => {
  const newer = process.env['NODE24'];
  const versions = [
    process.execPath,
    ...(newer && existsSync(newer) && newer !== process.execPath ? [newer] : []),
  ];
  test.each(versions)('%s', async (node) => {
    expect(await run(node, 'main.mjs')).toMatch(/^(simd|relaxed) x[1n]: 2x4, 8 numbers, true\n$/);
  });
});

describe('bundled by Vite, without any configuration', () => {
  let output = '';
  beforeAll(async () => {
    output = await run(process.execPath, bin('vite/bin/vite.js'), 'build', '--base', './');
  });

  test('nothing is warned about, and the modules are copied', () => {
    expect(output).not.toMatch(/warn|externalized/i);
    const assets = readdirSync(join(work, 'dist/assets'));
    const original = (name: string) => name.replace(/-[\w-]{8}\.wasm$/, '.wasm');
    expect(
      assets
        .filter((name) => name.endsWith('.wasm'))
        .map(original)
        .sort(),
    ).toEqual(
      readdirSync(join(installed, 'dist/module'))
        .filter((name) => name.endsWith('.wasm'))
        .sort(),
    );
  });

  test('it runs in Chromium under a strict Content-Security-Policy', async () => {
    const server = await serve(join(work, 'dist'), {});
    expect(await titleOf(`http://localhost:${(server.address() as AddressInfo).port}/`)).toBe(
      'relaxed x1: 2x4, 8 numbers',
    );
    server.close();
  });

  test('with threads, where the page is cross-origin isolated: few and small downloads', async () => {
    const asked = new Set<string>();
    const server = await serve(join(work, 'dist'), ISOLATED, asked);
    expect(await titleOf(`http://localhost:${(server.address() as AddressInfo).port}/`)).toMatch(
      /^relaxed x([2-9]|\d\d): 2x4, 8 numbers$/,
    );
    server.close();
    const files = [...asked].filter((file) => !file.endsWith('.html'));
    // The page's code with the package in it, the module, the script of its workers.
    expect(files.map((file) => extname(file)).sort()).toEqual(['.js', '.js', '.wasm']);
    const total = (compress: (bytes: Buffer) => Buffer) =>
      files.reduce((sum, file) => sum + compress(readFileSync(file)).length, 0);
    // README.md tells these.
    expect(total((bytes) => brotliCompressSync(bytes))).toBeLessThan(DOWNLOAD.brotli);
    expect(total((bytes) => gzipSync(bytes, { level: 9 }))).toBeLessThan(DOWNLOAD.gzip);
  });
});

test("in Vite's development server, without any configuration", async () => {
  const server = spawn(process.execPath, [bin('vite/bin/vite.js'), '--port', '0', '--host', 'localhost'], {
    cwd: work,
    env: { ...process.env, NO_COLOR: '1' },
  });
  try {
    const address = await new Promise<string>((found, failed) => {
      let output = '';
      server.stdout.on('data', (text) => {
        output += String(text);
        const url = /http:\/\/localhost:\d+\//.exec(output);
        if (url) found(url[0]);
      });
      server.on('exit', () => failed(new Error(output)));
    });
    expect(await titleOf(address)).toBe('relaxed x1: 2x4, 8 numbers');
  } finally {
    server.kill();
  }
});

const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** What a page has put into its title; what it complained of, if anything. */
async function titleOf(address: string): Promise<string> {
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic'],
  });
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      const resource = message.text().startsWith('Failed to load resource'); // told better below
      if (['error', 'warning'].includes(message.type()) && !resource) complaints.push(message.text());
    });
    page.on('response', (response) => {
      if (!response.ok() && !response.url().endsWith('favicon.ico'))
        complaints.push(`${response.status()} ${response.url()}`);
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(address);
    const ready = page.waitForFunction(() => document.title !== 'working', undefined, {
      timeout: PAGE_LIMIT,
    });
    await ready.catch(() => complaints.push('the title was never set'));
    return complaints.length > 0 ? complaints.join('\n') : await page.title();
  } finally {
    await browser.close();
  }
}

/** A server as strict as a careful host; `asked` gets the files that it was asked for. */
async function serve(
  folder: string,
  headers: Record<string, string>,
  asked = new Set<string>(),
): Promise<Server> {
  const types: Record<string, string> = {
    '.html': 'text/html',
    '.js': 'text/javascript',
    '.wasm': 'application/wasm',
  };
  const server = createServer((request, response) => {
    const file = join(folder, request.url === '/' ? 'index.html' : (request.url ?? ''));
    if (!existsSync(file)) {
      response.writeHead(request.url === '/favicon.ico' ? 204 : 404).end();
      return;
    }
    asked.add(file);
    response.writeHead(200, {
      'content-type': types[extname(file)] ?? 'application/octet-stream',
      'content-security-policy':
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'",
      ...headers,
    });
    response.end(readFileSync(file));
  });
  await new Promise<void>((done) => server.listen(0, 'localhost', done));
  return server;
}
