// Builds the npm package's files in dist/: the TypeScript compiled, the wasm modules beside it.
// Usage: node scripts/build_package.mjs [VARIANT...]   (after scripts/build.sh --wasm)
// With variants, the package has those alone, and says so to whoever loads another.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { minifySync } from 'vite';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const VARIANTS = ['scalar', 'simd', 'relaxed', 'simd-mt', 'relaxed-mt'];

const chosen = process.argv.length > 2 ? process.argv.slice(2) : VARIANTS;

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, 'module'), { recursive: true });

const files = {};
for (const variant of VARIANTS) {
  const name = `tinytorch-${variant}.wasm`;
  const wasm = chosen.includes(variant) ? built(variant, 'wasm') : Buffer.from('not built yet\n');
  if (chosen.includes(variant)) files[variant] = { id: buildId(wasm, name), bytes: wasm.length };
  writeModule(name, wasm);
}
writeGlue('tinytorch.js', 'tinytorch-mt.js', (variant) => !variant.endsWith('-mt'));
writeGlue('tinytorch-mt.js', 'tinytorch.js', (variant) => variant.endsWith('-mt'));
writeModule('files.js', `export const FILES = ${JSON.stringify(files, undefined, 2)};\n`);
compileTypeScript();
printSizes();

/**
 * Emscripten's JavaScript is the same for all builds with threads, and for all without: the package has each once. It is
 * minified here, because bundlers leave the script of the workers as it is.
 */
function writeGlue(name, instead, isOfThem) {
  const [first, ...others] = chosen.filter(isOfThem);
  if (!first) return writeModule(name, `export { default } from './${instead}';\n`); // of a partial package
  const glue = built(first, 'js');
  for (const other of others)
    if (!built(other, 'js').equals(glue)) fail(`the glue of ${other} is not that of ${first}`);
  const { code, errors } = minifySync(name, glue.toString(), { module: true });
  if (errors.length > 0) fail(`${name}: ${errors[0].message}`);
  writeModule(name, code);
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

function writeModule(name, content) {
  writeFileSync(join(dist, 'module', name), content);
}

function compileTypeScript() {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  try {
    execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
  } catch {
    fail('tsc found errors');
  }
}

function printSizes() {
  console.log('dist/'.padEnd(44) + 'raw'.padStart(9) + 'gzip'.padStart(9));
  const own = { raw: 0, gzip: 0 };
  for (const name of readdirSync(dist, { recursive: true }).map(String).sort()) {
    if (!/\.(js|wasm)$/.test(name)) continue;
    const bytes = readFileSync(join(dist, name));
    const size = { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
    if (name.startsWith('module/')) printSize(name, size);
    else for (const key of Object.keys(own)) own[key] += size[key];
  }
  printSize("the package's own JavaScript", own);
}

function printSize(name, { raw, gzip }) {
  console.log(name.padEnd(44) + String(raw).padStart(9) + String(gzip).padStart(9));
}

function fail(message) {
  console.error(`build_package: ${message}`);
  process.exit(1);
}
