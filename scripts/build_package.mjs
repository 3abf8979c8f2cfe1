// Builds the npm package's files in dist/: for each entry one file of JavaScript for `import`, one for `require` and one of
// types, and the wasm modules beside them.
// Usage: node scripts/build_package.mjs [VARIANT...]   (after scripts/build.sh --wasm)
// With variants, the package has those alone, and says so to whoever loads another.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import { minifySync } from 'vite';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const types = join(root, 'build/package-types');
const VARIANTS = ['scalar', 'simd', 'relaxed', 'simd-mt', 'relaxed-mt'];
/** The package's entries, and their source files. */
const ENTRIES = { index: 'index', embedded: 'embedded', worker: 'worker_entry' };
/** What the entry `embedded` has inside. */
const EMBEDDED = ['simd', 'relaxed'];

const chosen = process.argv.length > 2 ? process.argv.slice(2) : VARIANTS;

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);

const files = {};
const embedded = {};
for (const variant of VARIANTS) {
  const name = `tinytorch-${variant}.wasm`;
  const wasm = chosen.includes(variant) ? built(variant, 'wasm') : Buffer.from('not built yet\n');
  if (chosen.includes(variant)) {
    files[variant] = { id: buildId(wasm, name), bytes: wasm.length };
    if (EMBEDDED.includes(variant)) embedded[variant] = gzipSync(wasm, { level: 9 }).toString('base64');
  }
  writeFileSync(join(dist, name), wasm);
}
/** The modules that web/src/module declares. */
const modules = {
  'files.js': `export const FILES = ${JSON.stringify(files)};`,
  'embedded.js': `export const EMBEDDED = ${JSON.stringify(embedded)};`,
  'tinytorch.js': glueOf((variant) => !variant.endsWith('-mt')),
  'tinytorch-mt.js': glueOf((variant) => variant.endsWith('-mt')),
};
writeFileSync(join(dist, 'tinytorch-mt.mjs'), modules['tinytorch-mt.js']);
for (const entry of Object.keys(ENTRIES))
  for (const format of ['esm', 'cjs'])
    await bundle(entry, ENTRIES[entry], format, `${entry}.${format === 'esm' ? 'js' : 'cjs'}`);
await bundle('worker', 'remote/server', 'esm', 'tinytorch-worker.mjs');
await bundleTypes();
printSizes();

/**
 * Emscripten's JavaScript is the same for all builds with threads, and for all without: the package has each once. It is
 * minified here, because bundlers leave the script of the workers as it is.
 */
function glueOf(isOfThem) {
  const [first, ...others] = chosen.filter(isOfThem);
  if (!first) return 'export default () => Promise.reject(new Error("this package was built without it"));';
  const glue = built(first, 'js');
  for (const other of others)
    if (!built(other, 'js').equals(glue)) fail(`the glue of ${other} is not that of ${first}`);
  const { code, errors } = minifySync(`${first}.js`, glue.toString(), { module: true });
  if (errors.length > 0) fail(`the glue of ${first}: ${errors[0].message}`);
  return code;
}

/** An entry with all that it imports, as one file. */
async function bundle(entry, source, format, file) {
  // Embedded modules have no address, and `require` knows the file's name in place of its address.
  const address = entry === 'embedded' ? "''" : 'tinytorchAddress';
  const hasOwnAddress = format === 'esm' && entry !== 'embedded';
  const build = await rolldown({
    input: join(root, `web/src/${source}.ts`),
    plugins: [
      {
        name: 'modules',
        resolveId: (id) => (id.startsWith('./module/') ? `\0${id.slice('./module/'.length)}` : undefined),
        load: (id) => (id.startsWith('\0') ? modules[id.slice(1)] : undefined),
      },
    ],
    ...(!hasOwnAddress && { transform: { define: { 'import.meta.url': address } } }),
    onLog: (level, log) => {
      if (level !== 'debug') fail(`${entry}: ${log.message}`);
    },
  });
  await build.write({
    dir: dist,
    format,
    entryFileNames: file,
    codeSplitting: false,
    sourcemap: true,
    ...(format === 'cjs' &&
      entry !== 'embedded' && {
        intro: `const ${address} = require('node:url').pathToFileURL(__filename).href;`,
      }),
  });
}

/** The public types alone: what is marked as internal, and what only that uses, is left out. */
async function bundleTypes() {
  rmSync(types, { recursive: true, force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  try {
    execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
  } catch {
    fail('tsc found errors');
  }
  for (const [entry, source] of Object.entries(ENTRIES)) {
    const build = await rollup({ input: join(types, `${source}.d.ts`), plugins: [dts()] });
    await build.write({ file: join(dist, `${entry}.d.ts`) });
    // From web/src/dispose.ts, where the bundler leaves it out.
    const text = `/// <reference lib="esnext.disposable" />\n${readFileSync(join(dist, `${entry}.d.ts`), 'utf8')}`;
    for (const ending of ['ts', 'cts']) writeFileSync(join(dist, `${entry}.d.${ending}`), text);
  }
}

/** The content of the section that the linker writes for --build-id: its name, a length, the bytes of the id. */
function buildId(wasm, name) {
  const section = Buffer.from('\x08build_id');
  const at = wasm.indexOf(section) + section.length;
  if (at < section.length || wasm.indexOf(section, at) >= 0) fail(`${name} has no build id, or several`);
  const length = wasm[at];
  return wasm.subarray(at + 1, at + 1 + length).toString('hex');
}

function built(variant, suffix) {
  // Linked under one name (cpp/bindings/CMakeLists.txt).
  const path = `build/wasm-${variant}/module/tinytorch-simd${variant.endsWith('-mt') ? '-mt' : ''}.${suffix}`;
  if (!existsSync(join(root, path))) fail(`${path} is missing: run scripts/build.sh --wasm ${variant}`);
  return readFileSync(join(root, path));
}

function printSizes() {
  console.log('dist/'.padEnd(44) + 'raw'.padStart(9) + 'gzip'.padStart(9));
  for (const name of readdirSync(dist).sort()) {
    if (!/\.(m?js|cjs|wasm)$/.test(name)) continue;
    const bytes = readFileSync(join(dist, name));
    printSize(name, { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length });
  }
}

function printSize(name, { raw, gzip }) {
  console.log(name.padEnd(44) + String(raw).padStart(9) + String(gzip).padStart(9));
}

function fail(message) {
  console.error(`build_package: ${message}`);
  process.exit(1);
}
