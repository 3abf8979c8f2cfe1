// The package packed and installed, as a user's project has it, and what such a project is opened with.

import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { PAGE_LIMIT } from '../limits.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** A program of the repository's own packages. */
export const bin = (name: string): string => join(root, 'node_modules', name);

export interface Project {
  /** Its folder, with a copy of tests/package/consumer. */
  readonly folder: string;
  /** The package in it. */
  readonly installed: string;
  /** The archive that it was installed from. */
  readonly archive: string;
  /** Runs a program in the folder; gives its output, and its failure with the output in the text. */
  run(program: string, ...args: string[]): Promise<string>;
}

/** A new project that has installed the package. */
export async function newProject(): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), 'tinytorch-package-'));
  const run = async (program: string, ...args: string[]): Promise<string> => {
    try {
      const { stdout, stderr } = await promisify(execFile)(program, args, { cwd: folder });
      return stdout + stderr;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
    }
  };
  cpSync(fileURLToPath(new URL('./consumer', import.meta.url)), folder, { recursive: true });
  mkdirSync(join(folder, 'archive'));
  await run('npm', 'pack', root, '--ignore-scripts', '--pack-destination', 'archive');
  const archive = join(folder, 'archive', readdirSync(join(folder, 'archive'))[0] ?? '');
  await run('npm', 'install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', archive);
  return { folder, installed: join(folder, 'node_modules/tinytorch-wasm'), archive, run };
}

export const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** Starts a development server; gives the address that it prints. */
export async function startServer(cwd: string, program: string, ...args: string[]): Promise<Served> {
  const server = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
  });
  const url = await new Promise<string>((found, failed) => {
    let output = '';
    server.stdout.on('data', (text) => {
      output += String(text);
      const match = /http:\/\/localhost:\d+\//.exec(output);
      if (match) found(match[0]);
    });
    server.on('exit', () => failed(new Error(output)));
  });
  return { url, close: () => void server.kill() };
}

/** What a page has put into its title, or what it complained of. `mayMiss`: a file that is not there is no complaint. */
export async function titleOf(address: string, mayMiss = false): Promise<string> {
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
      if (!mayMiss && !response.ok() && !response.url().endsWith('favicon.ico'))
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

export interface Served {
  readonly url: string;
  close(): void;
}

/** A server as strict as a careful host; `asked` gets the files that it was asked for. */
export async function serve(
  folder: string,
  headers: Record<string, string>,
  asked = new Set<string>(),
): Promise<Served> {
  const types: Record<string, string> = {
    '.html': 'text/html',
    '.js': 'text/javascript',
    '.mjs': 'text/javascript',
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
  const { port } = server.address() as AddressInfo;
  return { url: `http://localhost:${port}/`, close: () => server.close() };
}
