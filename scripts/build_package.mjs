// Builds the npm package's files in dist/: the TypeScript compiled, the wasm modules beside it.
// Usage: node scripts/build_package.mjs   (after scripts/build.sh --wasm)

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const limit = 120 * 1000; // a wasm module is at most 120 KB
const variants = ['scalar', 'simd', 'relaxed', 'simd-mt', 'relaxed-mt'];

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, 'module'), { recursive: true });

for (const variant of variants) {
  for (const suffix of ['js', 'wasm']) {
    const name = `tinytorch-${variant}.${suffix}`;
    const built = join(root, `build/wasm-${variant}/module`, name);
    if (!existsSync(built)) fail(`${built} is missing: run scripts/build.sh --wasm ${variant}`);
    const copy = join(dist, 'module', name);
    if (suffix === 'js' && variant.endsWith('-mt'))
      writeFileSync(copy, renamable(readFileSync(built, 'utf8'), name));
    else cpSync(built, copy);
  }
}

try {
  execFileSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')],
    {
      stdio: 'inherit',
    },
  );
} catch {
  fail('tsc found errors');
}

let scripts = { raw: 0, gzip: 0 };
console.log('dist/'.padEnd(34) + 'raw'.padStart(9) + 'gzip'.padStart(9));
for (const name of readdirSync(dist, { recursive: true }).map(String).sort()) {
  if (!/\.(js|wasm)$/.test(name)) continue;
  const bytes = readFileSync(join(dist, name));
  const size = { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
  if (!name.startsWith('module')) {
    scripts = { raw: scripts.raw + size.raw, gzip: scripts.gzip + size.gzip };
    continue;
  }
  const over = name.endsWith('.wasm') && size.raw > limit;
  print(name, size, over ? `  more than ${limit}` : '');
}
print("the package's own JavaScript", scripts);

// The glue starts its workers from its own file, by a fixed name; but bundlers put a hash into file names.
function renamable(glue, name) {
  const workerAddress = /new URL\((['"])tinytorch-[a-z-]+\.js\1,\s*import\.meta\.url\)/g;
  if ([...glue.matchAll(workerAddress)].length !== 1) fail(`${name} names itself in an unknown way`);
  return glue.replace(workerAddress, 'new URL(import.meta.url)');
}

function print(name, { raw, gzip }, note = '') {
  console.log(name.padEnd(34) + String(raw).padStart(9) + String(gzip).padStart(9) + note);
}

function fail(message) {
  console.error(`build_package: ${message}`);
  process.exit(1);
}
