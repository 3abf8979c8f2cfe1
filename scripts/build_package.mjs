// Builds the npm package's files in dist/: the TypeScript compiled, the wasm modules beside it.
// Usage: node scripts/build_package.mjs [VARIANT...]   (after scripts/build.sh --wasm)
// With variants, the package has those alone; the files of the others say so to whoever loads them.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const limit = 140 * 1000; // each .wasm is at most 140 KB
const variants = ['scalar', 'simd', 'relaxed', 'simd-mt', 'relaxed-mt'];
const parts = ['operations', 'models', 'training', 'ladder']; // beside the core (web/src/builds.ts)

const chosen = process.argv.slice(2);

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, 'module'), { recursive: true });

for (const variant of variants) {
  for (const suffix of ['js', 'wasm', ...parts.map((part) => `${part}.wasm`)]) {
    const name = `tinytorch-${variant}.${suffix}`;
    const copy = join(dist, 'module', name);
    if (chosen.length && !chosen.includes(variant)) {
      const text = `the ${variant} build is not there yet: reload the page in a few minutes`;
      writeFileSync(
        copy,
        suffix === 'js' ? `export default () => Promise.reject(new Error('${text}'));\n` : text,
      );
      continue;
    }
    const built = join(root, `build/wasm-${variant}/module`, name);
    if (!existsSync(built)) fail(`${built} is missing: run scripts/build.sh --wasm ${variant}`);
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

const sizes = new Map();
console.log('dist/'.padEnd(44) + 'raw'.padStart(9) + 'gzip'.padStart(9));
for (const name of readdirSync(dist, { recursive: true }).map(String).sort()) {
  if (!/\.(js|wasm)$/.test(name)) continue;
  const bytes = readFileSync(join(dist, name));
  const size = { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
  const [, build] = /^module\/tinytorch-([a-z-]+)\..*wasm$/.exec(name) ?? [];
  if (build) add(`tinytorch-${build}, all .wasm`, size);
  if (!name.startsWith('module')) {
    add("the package's own JavaScript", size);
    continue;
  }
  print(name, size);
  if (build && size.raw > limit)
    fail(`${name} has ${size.raw} bytes, more than ${limit}: see split_module.mjs`);
}
for (const [name, size] of sizes) print(name, size);

function add(sum, { raw, gzip }) {
  const before = sizes.get(sum) ?? { raw: 0, gzip: 0 };
  sizes.set(sum, { raw: before.raw + raw, gzip: before.gzip + gzip });
}

// The glue starts its workers from its own file, by a fixed name; but bundlers put a hash into file names.
function renamable(glue, name) {
  const workerAddress = /new URL\((['"])tinytorch-[a-z-]+\.js\1,\s*import\.meta\.url\)/g;
  if ([...glue.matchAll(workerAddress)].length !== 1) fail(`${name} names itself in an unknown way`);
  return glue.replace(workerAddress, 'new URL(import.meta.url)');
}

function print(name, { raw, gzip }) {
  console.log(name.padEnd(44) + String(raw).padStart(9) + String(gzip).padStart(9));
}

function fail(message) {
  console.error(`build_package: ${message}`);
  process.exit(1);
}
