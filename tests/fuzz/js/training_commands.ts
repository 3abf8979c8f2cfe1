// Commands on losses, optimisers and trainers.

import type { Optimizer, Trainer } from 'tinytorch-wasm';
import * as autograd from '../../reference/autograd.js';
import { unary } from '../../reference/elementwise.js';
import * as layers from '../../reference/layers.js';
import * as reference from '../../reference/tensor.js';
import { at, isFloating } from '../../reference/tensor.js';
import * as training from '../../reference/training.js';
import { type Command, type Commands, make, some } from './command.js';
import {
  fail,
  isNear,
  type Machine,
  type ModulePair,
  type OptimizerPair,
  type Pair,
  refuses,
} from './machine.js';
import { rowsOf } from './data_commands.js';
import { hasParameters, someModule } from './make_layer.js';
import { choose, rarely } from './values.js';

const isTame = ({ ref }: { ref: reference.Tensor }): boolean =>
  isFloating(ref.dtype) && ref.values().every((value) => Math.abs(value) < 1e3);

const crossEntropy: Command = (machine, [which, seed, mode]) => {
  const { tt } = machine;
  const reduction = mode % 2 ? 'mean' : 'sum';
  const isMatrix = ({ ref }: Pair): boolean => ref.shape.length === 2 && ref.shape[1] !== 0;
  const x = some(machine, which, (pair) => isTame(pair) && isMatrix(pair));
  if (!isTame(x)) return;
  const [n, classes] = [x.ref.shape[0] ?? 0, x.ref.shape[1] ?? 1];
  // Labels in a column of a table: a view.
  const values = Array.from({ length: n }, (_, i) => (seed + i * (1 + (seed % 3))) % Math.max(classes, 1));
  const table = new tt.Tensor(
    Int32Array.from({ length: 2 * n }, (_, i) => (i % 2 ? 1000 : at(values, i / 2))),
    {
      shape: [n, 2],
    },
  );
  const column = table.slice(1, 0, 1);
  const labels = column.reshape([n]);
  const text = `[${values.join()}] as a column`;
  machine.note(
    `${machine.next()} = new CrossEntropyLoss({ reduction: '${reduction}' }).forward(${x.name}, ${text})`,
  );
  const made = machine.both(
    () => new tt.CrossEntropyLoss({ reduction }).forward(x.real, labels),
    () => layers.crossEntropy(x.ref, reference.make(values, [n], 'int32'), reduction),
  );
  for (const each of [table, column, labels]) each.dispose();
  if (made) machine.add(made.real, made.ref);
};

const mse: Command = (machine, [which, other, mode]) => {
  const { tt } = machine;
  const reduction = mode % 2 ? 'mean' : 'sum';
  const x = some(machine, which, isTame);
  const isAlike = (pair: Pair): boolean => pair.ref.shape.join() === x.ref.shape.join();
  const target = some(machine, other, (pair) => isAlike(pair) && isTame(pair));
  if (!isTame(x) || !isTame(target)) return;
  machine.note(
    `${machine.next()} = new MSELoss({ reduction: '${reduction}' }).forward(${x.name}, ${target.name})`,
  );
  const made = machine.both(
    () => new tt.MSELoss({ reduction }).forward(x.real, target.real),
    () => layers.mseLoss(x.ref, target.ref, reduction),
  );
  if (made) machine.add(made.real, made.ref);
};

const binaryCrossEntropy: Command = (machine, [which, , mode]) => {
  const { tt } = machine;
  const reduction = mode % 2 ? 'mean' : 'sum';
  const logits = some(machine, which, isTame);
  if (!isTame(logits)) return;
  machine.note(`${machine.next()} = ${logits.name}.sigmoid()`);
  const p = machine.add(logits.real.sigmoid(), unary('sigmoid', logits.ref));
  const target = make(machine, p.ref.shape, p.ref.dtype, 9);
  const text = `new BinaryCrossEntropyLoss({ reduction: '${reduction}' })`;
  machine.note(`${machine.next()} = ${text}.forward(${p.name}, ${target.name})`);
  const made = machine.both(
    () => new tt.BinaryCrossEntropyLoss({ reduction }).forward(p.real, target.real),
    () => layers.binaryCrossEntropy(p.ref, target.ref, reduction),
  );
  if (made) machine.add(made.real, made.ref);
};

/** An optimiser of a layer's parameters, mostly, and of a tensor, now and then. */
const optimizer: Command = (machine, [which, kind, a, b]) => {
  const { tt } = machine;
  const module = someModule(machine, which, hasParameters);
  const isLeaf = ({ ref }: Pair): boolean => ref.leaf !== undefined && (ref.isDense || rarely(a, 16));
  const own = b % 2 === 1 ? machine.pick(a, isLeaf) : undefined;
  const reals = [...module.real.parameters(), ...(own ? [own.real] : [])];
  const refs = [...module.ref.parameters.values(), ...(own ? [own.ref] : [])];
  const lr = choose([0.125, 0.01, 1], a);
  const weightDecay = choose([0, 0.01, 0.1], b);
  const momentum = choose([0, 0.9, 0.5], a);
  const nesterov = momentum > 0 && rarely(b, 4);
  const sgdOptions = { lr, momentum, dampening: nesterov ? 0 : choose([0, 0.5], b), weightDecay, nesterov };
  const betas = choose([[0.9, 0.999] as const, [0.5, 0.9] as const], b);
  const adamOptions = { lr, betas, eps: 1e-8, weightDecay };
  const name = choose(['SGD', 'Adam', 'AdamW'] as const, kind);
  const parameters = `[...${module.name}.parameters()${own ? `, ${own.name}` : ''}]`;
  const options = name === 'SGD' ? sgdOptions : adamOptions;
  machine.note(`${machine.next('o')} = new ${name}(${parameters}, ${JSON.stringify(options)})`);
  const made = machine.both(
    (): Optimizer => (name === 'SGD' ? new tt.SGD(reals, sgdOptions) : new tt[name](reals, adamOptions)),
    () =>
      name === 'SGD'
        ? training.sgd(refs, lr, sgdOptions)
        : training.adam(refs, lr, adamOptions, name === 'AdamW'),
  );
  if (made) machine.addOptimizer(made.real, made.ref);
};

const step: Command = (machine, [which, kind, rate]) => {
  const pair = machine.optimizers[which % Math.max(machine.optimizers.length, 1)];
  if (!pair) return;
  const { name, real, ref } = pair;
  if (kind % 6 === 4) {
    machine.note(`${name}.zeroGrad()`);
    real.zeroGrad();
    ref.zeroGrad();
  } else if (kind % 6 === 5) {
    ref.rate = choose([0.5, 0.001, 0], rate);
    machine.note(`${name}.learningRate = ${ref.rate}`);
    real.learningRate = ref.rate;
    if (real.learningRate !== ref.rate) fail('learningRate');
  } else {
    machine.note(`${name}.step()`);
    real.step();
    ref.step();
    if (real.steps !== ref.steps) fail(`${name}: ${real.steps} steps, not ${ref.steps}`);
  }
};

/** A data set for a model: features, labels for it, and the reference of both. */
function dataFor(
  machine: Machine,
  { real, ref, dtype = 'float32', features = 3 }: ModulePair,
  n: number,
  seed: number,
) {
  const x = make(machine, [n, features], dtype, seed % 9);
  const isGiven = !refuses(() => autograd.noGrad(() => ref.forward(x.ref)));
  const y = isGiven ? autograd.noGrad(() => ref.forward(x.ref)) : undefined;
  if (!y || !isTame({ ref: y }) || y.shape.length !== 2 || real.isDisposed) return undefined;
  return { x, out: at(y.shape, 1) };
}

/** An epoch with a trainer, batch by batch. */
const train: Command = (machine, [which, other, seed, batch, mode, kind]) => {
  const { tt } = machine;
  const model = someModule(machine, which, (pair) => hasParameters(pair) && pair.features !== undefined);
  if (machine.optimizers.length === 0 || rarely(other, 4))
    optimizer(machine, [which, kind, other, mode, 0, 0]);
  const by = machine.optimizers[other % Math.max(machine.optimizers.length, 1)];
  const n = 1 + (seed % 7);
  const data = dataFor(machine, model, n, seed);
  if (!by || !data) return;
  const { x, out } = data;
  const isMse = kind % 2 === 1;
  const classes = Array.from({ length: n }, (_, i) => (seed + 2 * i) % out);
  const target = isMse ? make(machine, [n, out], x.ref.dtype, (seed + 1) % 9) : undefined;
  const labels = target?.real ?? new tt.Tensor(Int32Array.from(classes));
  const options = { batchSize: 1 + (batch % 4), shuffle: mode % 2 === 1, dropLast: rarely(mode, 8), seed };
  const loss = isMse ? ('mse' as const) : ('cross_entropy' as const);
  const settings = { loss, accumulate: 1 + (mode % 3), clipNorm: rarely(mode, 5) ? 0.5 : 0 };
  machine.note(
    `new Trainer(${model.name}, { optimizer: ${by.name}, data: new DataLoader({ features: ${x.name}, ` +
      `labels: ${target?.name ?? `[${classes.join()}]`} }, ${JSON.stringify(options)}), ...${JSON.stringify(settings)} })`,
  );
  const loader = new tt.DataLoader({ features: x.real, labels }, options);
  const batches = Array.from({ length: loader.length }, (_, i) => [...loader.indices(i)]);
  if (batches.length > 0) {
    const trainer = new tt.Trainer(model.real, { optimizer: by.real, data: loader, ...settings });
    const middle = seed % batches.length;
    let checkpoint: Uint8Array | undefined;
    for (const [i, rows] of batches.entries()) {
      if (i === middle && rarely(other, 3)) checkpoint = trainer.checkpoint();
      machine.note(`trainer.step(), with the samples ${rows.join()}`);
      const first = i - (i % settings.accumulate);
      const group = batches.slice(first, first + settings.accumulate).flat().length;
      const done = machine.both(
        () => trainer.step(),
        () => {
          if (i === first) by.ref.zeroGrad();
          const y = model.ref.forward(rowsOf(x.ref, rows));
          const result = target
            ? layers.mseLoss(y, rowsOf(target.ref, rows), 'mean')
            : layers.crossEntropy(
                y,
                reference.make(
                  rows.map((row) => at(classes, row)),
                  [rows.length],
                  'int32',
                ),
                'mean',
              );
          autograd.backward(result, reference.full([], rows.length / group, result.dtype), false);
          if ((i + 1) % settings.accumulate === 0 || i + 1 === batches.length) {
            if (settings.clipNorm > 0) training.clipGradNorm(by.ref.parameters, settings.clipNorm);
            // The step begins with the library's gradients, which are still there.
            const bases = by.ref.parameters.map((each) => each.base);
            const isKept = ({ leaf }: reference.Tensor): boolean =>
              leaf?.grad !== undefined && !bases.includes(leaf.grad.base);
            machine.verifyGradients((each) => by.ref.parameters.includes(each) && isKept(each));
            by.ref.step();
          }
          return result;
        },
      );
      if (!done) {
        checkpoint = undefined;
        break;
      }
      const [want, error] = [at(done.ref.values(), 0), at(done.ref.errors(), 0)];
      if (!isNear(done.real.loss, want, error, done.ref.dtype))
        fail(`loss ${done.real.loss}, not ${want} within ${error}`);
      machine.verify();
    }
    // Only what the optimiser changes is in the checkpoint.
    const isWhole = [...model.ref.parameters.values()].every((each) => by.ref.parameters.includes(each));
    if (checkpoint && isWhole) resume(machine, trainer, checkpoint, batches.length - middle, by);
    trainer.dispose();
  }
  loader.dispose();
  if (!target) labels.dispose();
};

/** Goes back to a checkpoint, and does the steps after it again: all is as it was, to the bit. */
function resume(
  machine: Machine,
  trainer: Trainer,
  checkpoint: Uint8Array,
  steps: number,
  by: OptimizerPair,
): void {
  machine.note(`trainer.restore(checkpoint), and the last ${steps} steps again`);
  trainer.restore(checkpoint);
  for (let i = 0; i < steps; ++i) trainer.step();
  for (const { base } of by.ref.parameters) ++base.version;
}

export const trainingCommands: Commands = {
  crossEntropy: { weight: 2, run: crossEntropy },
  mse: { weight: 2, run: mse },
  binaryCrossEntropy: { weight: 2, run: binaryCrossEntropy },
  optimizer: { weight: 2, run: optimizer },
  step: { weight: 5, run: step },
  train: { weight: 2, run: train },
};
