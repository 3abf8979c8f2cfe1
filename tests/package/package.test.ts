// npm pack, install into an empty project, type-check, run in Node, bundle with Vite, open in Chromium.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bin, ISOLATED, newProject, serve, startServer, titleOf } from './project.js';

/** The most that a first visit may download, in bytes: JavaScript and WebAssembly of the build with threads. */
const DOWNLOAD = { brotli: 170_000, gzip: 213_000 };

const { folder: work, installed, archive, run } = await newProject();
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe('what is in it', () => {
  test('the compiled code, its types, the modules and the papers, and nothing else', () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
    for (const wanted of [
      'dist/index.js',
      'dist/index.cjs',
      'dist/index.d.ts',
      'dist/index.d.cts',
      'dist/embedded.js',
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'THIRD_PARTY_NOTICES.md',
    ]) {
      expect(files).toContain(wanted);
    }
    const strangers = files.filter(
      (file) =>
        !/^(dist\/[^/]*\.([cm]?js|[cm]?js\.map|d\.c?ts|wasm)|LICENSE|README\.md|CHANGELOG\.md|THIRD_PARTY_NOTICES\.md|package\.json)$/.test(
          file,
        ),
    );
    expect(strangers).toEqual([]);
  });

  test('no code is made at run time', () => {
    for (const name of readdirSync(join(installed, 'dist')).filter((file) => /\.[cm]?js$/.test(file))) {
      expect(readFileSync(join(installed, 'dist', name), 'utf8')).not.toMatch(
        /\bnew Function\b|(?<!\.)\beval\((?!\))/,
      );
    }
  });

  test('publint has nothing to say', async () => {
    expect(await run(process.execPath, bin('publint/src/cli.js'), archive, '--strict')).toContain('All good');
  });

  test('attw finds its types from every kind of import', async () => {
    const attw = bin('@arethetypeswrong/cli/dist/index.js');
    // The form is named: left to itself attw draws a table or a list by the width of the terminal.
    // The oldest way of TypeScript to find modules knows no entries but the first.
    const options = ['--profile', 'node16', '--no-emoji', '--format', 'ascii'];
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
      readdirSync(join(installed, 'dist'))
        .filter((name) => name.endsWith('.wasm'))
        .sort(),
    );
  });

  test('it runs in Chromium under a strict Content-Security-Policy', async () => {
    const server = await serve(join(work, 'dist'), {});
    expect(await titleOf(server.url)).toBe('relaxed x1: 2x4, 8 numbers');
    server.close();
  });

  test('with threads, where the page is cross-origin isolated: few and small downloads', async () => {
    const asked = new Set<string>();
    const server = await serve(join(work, 'dist'), ISOLATED, asked);
    expect(await titleOf(server.url)).toMatch(/^relaxed x([2-9]|\d\d): 2x4, 8 numbers$/);
    server.close();
    const files = [...asked].filter((file) => !file.endsWith('.html'));
    // The page's code with the package in it, the module, the script of its workers.
    expect(files.map((file) => extname(file)).sort()).toEqual(['.js', '.mjs', '.wasm']);
    const total = (compress: (bytes: Buffer) => Buffer) =>
      files.reduce((sum, file) => sum + compress(readFileSync(file)).length, 0);
    // README.md tells these.
    expect(total((bytes) => brotliCompressSync(bytes))).toBeLessThan(DOWNLOAD.brotli);
    expect(total((bytes) => gzipSync(bytes, { level: 9 }))).toBeLessThan(DOWNLOAD.gzip);
  });
});

test("in Vite's development server, without any configuration", async () => {
  const server = await startServer(work, bin('vite/bin/vite.js'), '--port', '0', '--host', 'localhost');
  try {
    expect(await titleOf(server.url)).toBe('relaxed x1: 2x4, 8 numbers');
  } finally {
    server.close();
  }
});
