// Cuts a linked wasm module into files of at most 140 KB, as a step of its link (cpp/bindings/CMakeLists.txt).
// Usage: node scripts/split_module.mjs MODULE.js EMSCRIPTEN_ROOT OBJECT...
//
// A function goes where its source file goes (parts below). Binaryen's wasm-split does the cutting: the first file
// keeps the memory, the data and the function table, and calls into another part through a table that the part fills
// when it is instantiated (web/src/instantiate.ts). The module must have been linked with its functions' names.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { withCustomSection, withEntriesOfMainTable } from './wasm_tables.mjs';

/**
 * Where each source file's functions go; the longest prefix counts. What is not named stays in the first file, the core:
 * threads, the profiler, what measures the machine, what large tensors alone spend time in, the C and C++ libraries.
 */
const PARTS = {
  // All that a call of a small product or layer runs through, because calls between files cost some nanoseconds.
  'bindings/bridge': 'operations',
  'bindings/embind.': 'operations',
  'src/matmul/': 'operations',
  'src/matmul/peak_probe': 'core',
  'src/matmul/tuning': 'core',
  'src/nn/activations': 'operations',
  'src/nn/dense': 'operations',
  'src/nn/kept_panels': 'operations',
  'src/nn/module': 'operations',
  'src/nn/sequential': 'operations',
  'src/tensor/': 'operations',
  'src/tensor/argmax': 'core',
  'src/tensor/compare': 'core',
  'src/tensor/copy': 'core',
  'src/tensor/pow': 'core',
  'src/tensor/random': 'core',
  'src/tensor/reduce': 'core',
  'src/tensor/softmax': 'core',
  // Files, the other layers, and the recording of operations, which layers do unless they are told not to.
  'bindings/embind_nn': 'models',
  'bindings/embind_files': 'models',
  'src/autograd/': 'models',
  'src/io/': 'models',
  'src/nn/': 'models',
  // What only training needs.
  'bindings/embind_train': 'training',
  'src/autograd/losses': 'training',
  'src/train/': 'training',
  // The rungs below the best one, which is named in partOf.
  'src/matmul/kernels/': 'ladder',
  'src/matmul/kernels/threaded': 'operations',
};
const KERNELS_BY_SPEED = ['relaxed', 'simd', 'packed'];

/** What the five builds use between them, and reference types for the empty entries of the parts' tables. */
const FEATURES = (
  'simd relaxed-simd threads bulk-memory exception-handling mutable-globals sign-ext nontrapping-float-to-int ' +
  'reference-types'
).split(' ');

const [script, emscripten, ...objects] = process.argv.slice(2);
const wasm = script.replace(/\.js$/, '.wasm');
const base = wasm.replace(/\.wasm$/, '');
const best = KERNELS_BY_SPEED.find((name) => objects.some((o) => o.includes(`src/matmul/kernels/${name}.`)));

const id = createHash('sha256').update(readFileSync(wasm)).digest('hex').slice(0, 16);
const split = divide(symbols(wasm), partsOfSymbols());
const manifest = `${base}.parts`;
const sections = [...split].map(([part, names]) => [part, ...names].join('\n'));
writeFileSync(manifest, sections.join('\n\n') + '\n');
const first = `${base}.first.wasm`;
run(tool('BINARYEN_ROOT', 'wasm-split'), [
  ...['--multi-split', wasm, `--manifest=${manifest}`, `--out-prefix=${base}.`, '-o', first],
  ...FEATURES.map((feature) => `--enable-${feature}`),
]);
renameSync(first, wasm);
rmSync(manifest);
for (const part of split.keys()) {
  const file = `${base}.${part}.wasm`;
  writeFileSync(file, withEntriesOfMainTable(readFileSync(wasm), readFileSync(file)));
}
for (const part of ['core', ...split.keys()]) {
  const file = part === 'core' ? wasm : `${base}.${part}.wasm`;
  writeFileSync(file, withCustomSection(readFileSync(file), 'tinytorch-build', `${id} ${part}`));
}
appendFileSync(
  script,
  `\n// Every file of this build carries it; load() compares them.\nexport const buildId = '${id}';\n`,
);
if (objects.some((o) => o.includes('src/parallel/pool.'))) startPartsInWorkers();

/** Each symbol that the objects define, and the parts whose files define it: an inline function may have several. */
function partsOfSymbols() {
  const parts = new Map();
  for (const line of symbols('--print-file-name', ...objects)) {
    const [object, symbol] = line.split(': ');
    if (!parts.has(symbol)) parts.set(symbol, new Set());
    parts.get(symbol).add(partOf(object));
  }
  return parts;
}

function partOf(object) {
  const source = object.replace(/CMakeFiles\/[^/]*\.dir\/(\.\/)?/, '');
  if (object.includes(`src/matmul/kernels/${best}.`)) return 'operations';
  const prefixes = Object.keys(PARTS).filter((prefix) => source.includes(prefix));
  return PARTS[prefixes.sort((a, b) => b.length - a.length)[0]] ?? 'core';
}

/**
 * The functions of each part but the core. An inline function that several parts have goes where it is needed and
 * called most; what runs before the parts are there is in the core.
 */
function divide(names, parts) {
  const split = new Map();
  for (const name of names) {
    const owners = [...(parts.get(name) ?? ['core'])];
    const part = owners.length === 1 ? owners[0] : owners.includes('operations') ? 'operations' : 'core';
    if (part === 'core' || name.startsWith('_GLOBAL__sub_I_')) continue;
    if (!split.has(part)) split.set(part, []);
    split.get(part).push(name);
  }
  return split;
}

/**
 * Emscripten starts a worker with one module. Here it is sent all of them in its place (web/src/instantiate.ts), and
 * starts them.
 */
function startPartsInWorkers() {
  const start = 'new WebAssembly.Instance(module,getWasmImports())';
  const glue = readFileSync(script, 'utf8');
  if (glue.split(start).length !== 2) fail(`${basename(script)} starts its workers in an unknown way`);
  writeFileSync(
    script,
    glue.replace(
      start,
      'new WebAssembly.Instance(module.core,getWasmImports());' +
        'for(const part of module.rest)new WebAssembly.Instance(part,{"":instance.exports})',
    ),
  );
}

function symbols(...args) {
  return run(tool('LLVM_ROOT', 'llvm-nm'), ['--defined-only', '--format=just-symbols', ...args]).split('\n');
}

/** A program of LLVM or Binaryen, where Emscripten has them. */
function tool(root, name) {
  return join(run(join(emscripten, 'em-config'), [root]).trim(), root === 'BINARYEN_ROOT' ? 'bin' : '', name);
}

function run(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  } catch (error) {
    return fail(error.message);
  }
}

function fail(message) {
  console.error(`split_module: ${message}`);
  process.exit(1);
}
