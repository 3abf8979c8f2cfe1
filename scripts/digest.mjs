// npm run digest: one computation in everything that is installed (tests/digest), and whether the bits are the same.
// Usage: node scripts/digest.mjs [--only NAME]... [--json FILE]
// Names: native, wasm, node, chromium, firefox, webkit. Needs dist/ (scripts/build.sh) for all but native and wasm;
// NODE_PATHS is a list of further Node programs, separated by colons.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from './bench/browsers.mjs';
import { serve } from './serve.mjs';

const root = join(import.meta.dirname, '..');
const THREADS = [1, 2, 3, 4];
/** Presets whose library the tests build anyway, and what compiles them. */
const NATIVE = { native: ['g++', ''], asan: ['clang++-19', ', with sanitizers'] };

const args = process.argv.slice(2);
const values = (name) => args.flatMap((arg, i) => (arg === name ? [args[i + 1]] : []));
const only = values('--only');
const wants = (name) => only.length === 0 || only.includes(name);

/** One row a computation: { engine, version, threads, lines }. */
const rows = [];

function add(engine, version, threads, lines) {
  const total = lines.at(-1).split(' ')[1];
  rows.push({ engine, version, threads, lines, total });
  console.log(`${engine} ${version}, ${threads} thread(s): ${total}`);
}

/** Says so where the engine gave fewer threads than were asked for. */
function note(engine, asked, actual) {
  if (actual !== asked) console.log(`${engine} gave ${actual} thread(s) instead of ${asked}`);
}

function run(program, programArgs, options) {
  return execFileSync(program, programArgs, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
}

function build(preset) {
  run('cmake', ['--preset', preset, '--log-level=NOTICE']);
  run('cmake', ['--build', `build/${preset}`, '--target', 'tinytorch_digest']);
  return `build/${preset}/tests/digest/tinytorch_digest`;
}

const exists = (program) => {
  try {
    return run('sh', ['-c', `command -v ${program}`]) !== '';
  } catch {
    return false;
  }
};

if (wants('native')) {
  for (const [preset, [compiler, how]] of Object.entries(NATIVE)) {
    if (!exists(compiler)) {
      console.log(`${compiler} is not installed: skipped`);
      continue;
    }
    const program = build(preset);
    const version = run(compiler, ['-dumpversion']).trim();
    for (const threads of THREADS)
      add(`native, ${compiler}${how}`, version, threads, run(program, [threads]).trim().split('\n'));
  }
}

if (wants('wasm')) {
  for (const [preset, counts] of Object.entries({ 'wasm-simd': [1], 'wasm-simd-mt': THREADS })) {
    const program = `${build(preset)}.cjs`;
    for (const threads of counts) {
      const lines = run(process.env.NODE24 || process.execPath, [program, threads])
        .trim()
        .split('\n');
      add(`C++ as ${preset}`, '', threads, lines);
    }
  }
}

if (wants('node')) {
  const nodes = new Set([
    'node',
    process.env.NODE24,
    process.execPath,
    ...(process.env.NODE_PATHS ?? '').split(':'),
  ]);
  const seen = new Set();
  for (const node of nodes) {
    if (!node) continue;
    const version = run(node, ['--version']).trim();
    if (seen.has(version)) continue;
    seen.add(version);
    for (const threads of THREADS) {
      const [actual, ...lines] = run(node, ['tests/digest/in_node.mjs', threads]).trim().split('\n');
      note('Node', threads, Number(actual));
      add('Node', version, Number(actual), lines);
    }
  }
}

const site = join(root, 'build', 'digest-site');
let server;
for (const name of ['chromium', 'firefox', 'webkit']) {
  if (!wants(name)) continue;
  const browser = await launch(name);
  if (!browser) {
    console.log(`${name} is not installed: skipped`);
    continue;
  }
  server ??= await serveSite();
  try {
    for (const threads of THREADS) {
      const page = await browser.open(`${server.url}page.html`);
      const { lines, threads: actual } = await page.call('digest', threads);
      note(name, threads, actual);
      add(name, browser.version, actual, lines);
      await page.close();
    }
  } finally {
    await browser.close();
  }
}
await server?.close();

async function serveSite() {
  rmSync(site, { recursive: true, force: true });
  mkdirSync(site, { recursive: true });
  symlinkSync(join(root, 'dist'), join(site, 'dist'));
  for (const file of ['page.html', 'digest.mjs'])
    copyFileSync(join(root, 'tests', 'digest', file), join(site, file));
  return serve(site);
}

// ---- The verdict ----

if (rows.length === 0) {
  console.error('digest: nothing ran');
  process.exit(1);
}
const [first] = rows;
const differing = rows.filter((row) => row.total !== first.total);
console.log(`\n| engine | version | threads | digest |\n| --- | --- | --- | --- |`);
const grouped = new Map();
for (const { engine, version, threads, total } of rows) {
  const key = [engine, version, total].join('|');
  if (!grouped.has(key)) grouped.set(key, { engine, version, total, threads: [] });
  if (!grouped.get(key).threads.includes(threads)) grouped.get(key).threads.push(threads);
}
for (const { engine, version, threads, total } of grouped.values())
  console.log(`| ${engine} | ${version} | ${threads.join(', ')} | \`${total}\` |`);
for (const [file] of values('--json').map((name) => [name]))
  writeFileSync(
    file,
    JSON.stringify(
      rows.map(({ lines, ...row }) => ({ ...row, lines: lines.length })),
      null,
      1,
    ),
  );

for (const row of differing) {
  const others = row.lines.filter((line, i) => line !== first.lines[i]);
  console.error(
    `\n${row.engine} ${row.version}, ${row.threads} thread(s): ${others.length} of ${row.lines.length} lines differ from ${first.engine} ${first.version}:`,
  );
  for (const line of others.slice(0, 40)) console.error(`  ${line}`);
}
console.log(
  `\n${rows.length} computations of ${first.lines.length} lines: ${differing.length === 0 ? 'the same bits everywhere' : `${differing.length} differ`}`,
);
process.exit(differing.length === 0 ? 0 : 1);
