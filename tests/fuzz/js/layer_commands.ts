// Commands on layers.

import type { Tensor } from 'tinytorch-wasm';
import * as autograd from '../../reference/autograd.js';
import * as layers from '../../reference/layers.js';
import * as reference from '../../reference/tensor.js';
import { at, isFloating } from '../../reference/tensor.js';
import { type Command, type Commands, make, some, written } from './command.js';
import { fail, type Pair } from './machine.js';
import { hasParameters, makeModule, someModule } from './make_layer.js';
import { kernelNames } from './operation_commands.js';
import { choose, numbers, rarely } from './values.js';

const create: Command = (machine, [kind, a, b]) => void makeModule(machine, kind, a, b);

const ROWS = [[2], [1], [3], [5], [2, 3], [4, 1], [17], [150], [0]];

const forward: Command = (machine, [which, input, seed, mode]) => {
  const pair = someModule(machine, which);
  const dtype = pair.dtype ?? 'float32';
  const fits = ({ ref }: Pair): boolean =>
    (pair.dtype ? ref.dtype === dtype : isFloating(ref.dtype)) &&
    ref.shape.length > 0 &&
    ref.size < 3000 &&
    (pair.features === undefined || ref.shape.at(-1) === pair.features) &&
    ref.values().every((value) => Math.abs(value) < 1e4);
  const x = mode % 3 === 2 ? machine.pick(input, fits) : undefined;
  const given = x ?? make(machine, [...choose(ROWS, seed), pair.features ?? 3], dtype, seed % 11);
  if (rarely(mode, 5)) {
    machine.note(`${pair.name}.${seed % 2 ? 'eval' : 'train'}()`);
    pair.real[seed % 2 ? 'eval' : 'train']();
  }
  machine.note(`${machine.next()} = ${pair.name}.forward(${given.name})`);
  const made = machine.both(
    () => pair.real.forward(given.real),
    () => pair.ref.forward(given.ref),
  );
  if (!made) return;
  if (made.ref !== given.ref) return void machine.add(made.real, made.ref);
  // Layers that do nothing may hand on their input itself.
  machine.compare({ real: made.real, ref: given.ref });
  machine.remark('its input itself; disposed of at once');
  if (made.real !== given.real) made.real.dispose();
};

const forwardOut: Command = (machine, [which, , seed]) => {
  // A `forward` of one's own is called with x alone.
  const pair = someModule(
    machine,
    which,
    ({ real }) => !Object.hasOwn(Object.getPrototypeOf(real), 'forward'),
  );
  const rows = choose(ROWS.slice(0, -1), seed);
  const given = make(machine, [...rows, pair.features ?? 3], pair.dtype ?? 'float32', seed % 11);
  machine.tt.noGrad(() =>
    autograd.noGrad(() => {
      const result = pair.ref.forward(given.ref);
      if (result === given.ref) return;
      const into = make(machine, result.shape, result.dtype, seed);
      machine.note(`noGrad(() => ${pair.name}.forward(${given.name}, { out: ${into.name} }))`);
      const done = machine.both(
        () => pair.real.forward(given.real, { out: into.real }),
        () => into.ref.write(result.values(), result.errors()),
      );
      if (done) machine.compare(into, into.name);
    }),
  );
};

/** What it drops is known by the seed: the same seed drops the same of ones. */
const dropout: Command = (machine, [which, seed, part]) => {
  const { tt } = machine;
  const x = some(
    machine,
    which,
    (pair) => isFloating(pair.ref.dtype) && pair.ref.values().every((value) => Math.abs(value) < 1e6),
  );
  if (!isFloating(x.ref.dtype) || !x.ref.values().every((value) => Math.abs(value) < 1e6)) return;
  const p = choose([0.5, 0.25, 0, 1], part);
  machine.note(`manualSeed(${seed}); ${machine.next()} = new Dropout(${p}).forward(${x.name})`);
  const layer = new tt.Dropout(p);
  const run = (to: Tensor): Tensor => {
    tt.manualSeed(seed);
    return layer.forward(to);
  };
  const ones = tt.Tensor.ones(x.ref.shape, { dtype: x.ref.dtype });
  const kept = run(ones);
  const factors: number[] = [...kept.data()];
  const factor = p === 1 ? 0 : 1 / (1 - p);
  const isKept = (each: number): boolean => Math.abs(each - factor) <= 1e-6;
  if (!factors.every((each) => isKept(each) || (each === 0 && p > 0)))
    fail('dropout: neither 0 nor 1 / (1 - p)');
  for (const each of [kept, ones]) each.dispose();
  const made = machine.both(
    () => run(x.real),
    () => (p === 0 ? x.ref : layers.dropout(x.ref, factors)),
  );
  layer.dispose();
  if (made && made.ref !== x.ref) machine.add(made.real, made.ref);
  else if (made && made.real !== x.real) made.real.dispose();
};

const parameter: Command = (machine, [which, kind, seed, flag]) => {
  const module = someModule(machine, which, hasParameters);
  const names = [...module.ref.parameters.keys()];
  if (names.length === 0) return;
  const name = choose(names, kind);
  const real = module.real.namedParameters().get(name);
  const ref = module.ref.parameters.get(name) as reference.Tensor;
  if (!real) return fail(`no parameter ${name}`);
  const text = `${module.name}.namedParameters().get('${name}')`;
  if (flag % 3 === 2 && machine.pool.every((other) => other.real !== real)) {
    machine.note(`${machine.next()} = ${text}`);
    machine.add(real, ref, module);
    return;
  }
  const inNoGrad = (library: () => unknown, model: () => void): void =>
    autograd.noGrad(() => machine.tt.noGrad(() => void machine.both(library, model)));
  if (flag % 3 === 1 && ref.shape.length === 2) {
    const how = choose(
      ['kaiming_uniform', 'kaiming_normal', 'xavier_uniform', 'xavier_normal'] as const,
      seed,
    );
    machine.note(`noGrad(() => initialize(${text}, '${how}'))`);
    inNoGrad(
      () => machine.tt.initialize(real, how),
      () => {
        // The random numbers are taken over as they come: 10 deviations are more than there ever are.
        const values: number[] = [...real.data()];
        if (!values.every((value) => Math.abs(value) <= 10 * Math.sqrt(2 / at(ref.shape, 0))))
          fail('initialize');
        ref.write(values);
      },
    );
    return;
  }
  const values = numbers(seed % 11, ref.shape, ref.dtype);
  machine.note(`noGrad(() => ${text}.copyFrom(${written(values, seed % 11)}))`);
  inNoGrad(
    () => real.copyFrom(values),
    () => ref.write(values),
  );
};

/** What a model tells about itself. */
const inspect: Command = (machine, [which]) => {
  const { name, real, ref } = someModule(machine, which, hasParameters);
  machine.note(`${name}.gradientStats(), ${name}.parameters()`);
  const size = (tensors: Iterable<{ size: number }>): number =>
    [...tensors].reduce((sum, each) => sum + each.size, 0);
  if (size(real.parameters()) !== size(ref.parameters.values())) fail('parameters: sizes');
  const rows = real.gradientStats();
  if (rows.map((row) => row.name).join() !== [...ref.parameters.keys()].join()) fail('gradientStats: names');
  [...ref.parameters.values()].forEach(({ leaf }, i) => {
    const row = rows[i] as (typeof rows)[number];
    const gradient = leaf?.grad?.values();
    if (!gradient) {
      if (row.warning !== 'no gradient') fail(`gradientStats: ${JSON.stringify(row)} without a gradient`);
      return;
    }
    const largest = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (!(largest < 1e12)) return;
    const near = (got: number, want: number): boolean =>
      Math.abs(got - want) <= 1e-9 * (largest * gradient.length + 1);
    const sum = gradient.reduce((total, value) => total + value, 0);
    const zeros = gradient.filter((value) => value === 0).length / gradient.length;
    const isRight =
      row.largest === largest &&
      near(row.mean, sum / gradient.length) &&
      near(row.norm, Math.hypot(...gradient)) &&
      near(row.zeros, zeros);
    if (!isRight) fail(`gradientStats: ${JSON.stringify(row)}`);
  });
};

const disposeModule: Command = (machine, [which]) => {
  const pair = machine.modules[which % Math.max(machine.modules.length, 1)];
  if (!pair) return;
  machine.disposeModule(pair);
};

const kernel: Command = (machine, [which, kind]) => {
  const { name, real } = someModule(machine, which);
  const word = choose(kernelNames(machine), kind);
  machine.note(`${name}.setKernel('${word}')`);
  real.setKernel(word);
};

export const layerCommands: Commands = {
  module: { weight: 3, run: create },
  forward: { weight: 6, run: forward },
  forwardOut: { weight: 2, run: forwardOut },
  dropout: { weight: 1, run: dropout },
  parameter: { weight: 3, run: parameter },
  inspect: { weight: 1, run: inspect },
  disposeModule: { weight: 1, run: disposeModule },
  kernel: { weight: 1, run: kernel },
};
