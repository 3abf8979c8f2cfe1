// Commands on data sets and files, and on what changes no values.

import type { Tensor } from 'tinytorch-wasm';
import * as autograd from '../../reference/autograd.js';
import * as reference from '../../reference/tensor.js';
import * as training from '../../reference/training.js';
import { type Command, type Commands, some } from './command.js';
import { fail } from './machine.js';
import { hasParameters, someModule } from './make_layer.js';
import { choose } from './values.js';

/** A copy of some rows. */
export function rowsOf(table: reference.Tensor, rows: readonly number[]): reference.Tensor {
  const width = reference.sizeOf(table.shape.slice(1));
  const values = table.values();
  const taken = rows.flatMap((row) => [...values.subarray(row * width, (row + 1) * width)]);
  return reference.make(taken, [rows.length, ...table.shape.slice(1)], table.dtype);
}

/** Each batch has the rows that it names; all batches together have each row once, or drop what is left over. */
const loader: Command = (machine, [which, labelSeed, batch, mode]) => {
  const { tt } = machine;
  const x = some(
    machine,
    which,
    ({ ref }) => ref.shape.length > 0 && ref.dtype !== 'int32' && ref.size < 10000,
  );
  const n = x.ref.shape[0];
  if (!n || x.ref.dtype === 'int32') return;
  const labels = new tt.Tensor(Int32Array.from({ length: n }, (_, i) => labelSeed + i));
  const [batchSize, shuffle, dropLast] = [1 + (batch % 5), mode % 2 === 1, mode % 3 === 2];
  const [mean, deviation] = [choose([0, 0.5], mode), choose([1, 0.25], mode)];
  const options = { batchSize, shuffle, dropLast, seed: labelSeed };
  machine.note(
    `new DataLoader({ features: ${x.name}, mean: ${mean}, deviation: ${deviation} }, ${JSON.stringify(options)})`,
  );
  const made = new tt.DataLoader({ features: x.real, labels, mean, deviation }, options);
  made.setEpoch(batch);
  const seen: number[] = [];
  let i = 0;
  for (const { features, labels: taken } of made) {
    const rows = [...made.indices(i++)];
    seen.push(...rows);
    let want = rowsOf(x.ref, rows);
    if (x.ref.dtype === 'uint8') {
      const values = want.values().map((value) => (value / 255 - mean) / deviation);
      want = reference.make(values, want.shape, 'float32');
      want.write(
        values,
        values.map(() => 1e-6),
      );
    }
    machine.compare({ real: features, ref: want }, `batch ${i - 1}`);
    if ([...taken.data<'int32'>()].join() !== rows.map((row) => labelSeed + row).join())
      fail('labels of a batch');
  }
  const count = dropLast ? n - (n % batchSize) : n;
  if (seen.length !== count || new Set(seen).size !== count) fail(`batches have the samples ${seen.join()}`);
  if (!shuffle && seen.some((row, place) => row !== place)) fail('batches are not in order');
  made.dispose();
  labels.dispose();
};

/** A model is saved, overwritten and loaded: all is as it was. */
const modelFile: Command = (machine, [which, seed]) => {
  const { name, real, ref } = someModule(machine, which, hasParameters);
  machine.note(`noGrad(() => { file = saveModel(${name}); fill its parameters; loadModel(${name}, file) })`);
  const bytes = machine.tt.saveModel(real, [['note', 'ü']]);
  autograd.noGrad(() =>
    machine.tt.noGrad(() => {
      for (const tensor of real.parameters()) tensor.fill(seed % 7);
      machine.tt.loadModel(real, bytes);
    }),
  );
  for (const tensor of ref.parameters.values()) ++tensor.base.version;
};

/** Tensors in a file come back with the same elements, and without a history. */
const tensorFile: Command = (machine, [which, count]) => {
  const pairs = machine.pool.slice(which % Math.max(machine.pool.length, 1)).slice(0, 1 + (count % 3));
  machine.note(`readSafetensors(writeSafetensors([${pairs.map(({ name }) => name).join(', ')}]))`);
  const named = pairs.map(({ name, real }): [string, Tensor] => [name, real]);
  const { tensors, metadata } = machine.tt.readSafetensors(machine.tt.writeSafetensors(named, [['a', 'ä']]));
  if ([...tensors.keys()].join() !== named.map(([name]) => name).join() || metadata.get('a') !== 'ä')
    fail('names of a file');
  for (const { name, ref } of pairs) {
    machine.note(`${machine.next()} = ${name} out of the file`);
    machine.add(tensors.get(name) as Tensor, reference.make(ref.values(), ref.shape, ref.dtype));
  }
};

const threads: Command = (machine, [count, pool]) => {
  const wanted = 1 + (count % machine.mostThreads);
  machine.note(`setThreads(${wanted})${pool % 4 === 3 ? '; releasePooledMemory()' : ''}`);
  machine.tt.setThreads(wanted);
  if (pool % 4 === 3) machine.tt.releasePooledMemory();
};

const schedule: Command = (machine, [a, b, c]) => {
  const [t, length] = [a % 20, 1 + (b % 12)];
  const cosine = machine.tt.cosineSchedule(0.5, 0.01 * (c % 3), t, length);
  const near = (x: number, y: number): boolean => Math.abs(x - y) <= 1e-14;
  machine.note(`cosineSchedule, stepSchedule of ${t}, ${length}`);
  if (!near(cosine, training.cosineSchedule(0.5, 0.01 * (c % 3), t, length)))
    fail(`cosineSchedule: ${cosine}`);
  if (!near(machine.tt.stepSchedule(1, 0.5, t, length), training.stepSchedule(1, 0.5, t, length)))
    fail('stepSchedule');
};

export const dataCommands: Commands = {
  loader: { weight: 1, run: loader },
  modelFile: { weight: 1, run: modelFile },
  tensorFile: { weight: 1, run: tensorFile },
  threads: { weight: 2, run: threads },
  schedule: { weight: 1, run: schedule },
};
