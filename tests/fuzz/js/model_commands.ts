// Commands on layers, losses, optimisers and files, and blocks of commands.

import type { DType, Module, Tensor } from 'tinytorch-wasm';
import * as autograd from '../../reference/autograd.js';
import { unary } from '../../reference/elementwise.js';
import * as layers from '../../reference/layers.js';
import * as reference from '../../reference/tensor.js';
import { isFloating } from '../../reference/tensor.js';
import * as training from '../../reference/training.js';
import { fail, Machine, type ModulePair, type Pair } from './machine.js';
import { type Command, make, some } from './tensor_commands.js';
import { choose, floatingOf, numbers } from './values.js';

const FEATURES = [1, 2, 3, 4, 5, 8, 13, 17, 33];

function addModule(
  machine: Machine,
  real: Module,
  ref: layers.Layer,
  dtype?: DType,
  features?: number,
): ModulePair {
  const pair = { real, ref, dtype, features };
  machine.modules.push(pair);
  machine.note(`module ${real.name}`);
  return pair;
}

/** A layer of the kind that `kind` picks; its random weights are taken over as they come. */
function makeModule(machine: Machine, kind: number, a: number, b: number): ModulePair {
  const { tt } = machine;
  const dtype = floatingOf(a);
  const [inputs, outputs] = [choose(FEATURES, a), choose(FEATURES, b)];
  const makers: (() => ModulePair)[] = [
    () => makeDense(machine, inputs, outputs, dtype, b % 4 !== 0),
    () => addModule(machine, new tt.ReLU(), layers.activation('relu')),
    () => addModule(machine, new tt.Sigmoid(), layers.activation('sigmoid')),
    () => addModule(machine, new tt.Tanh(), layers.activation('tanh')),
    () => addModule(machine, new tt.GELU(), layers.activation('gelu')),
    () => addModule(machine, new tt.Softmax(), layers.softmaxLayer(-1)),
    () => addModule(machine, new tt.Dropout(0), layers.identity()),
    () => {
      const ref = layers.layerNormLayer(inputs, 1e-5, dtype);
      for (const parameter of ref.parameters.values()) parameter.leaf = { grad: undefined };
      return addModule(machine, new tt.LayerNorm(inputs, { dtype }), ref, dtype, inputs);
    },
    () => addModule(machine, new tt.Flatten(), layers.flatten()),
    () => makeSequential(machine, a, b),
    () => makeDense(machine, inputs, outputs, dtype, true),
  ];
  return choose(makers, kind)();
}

function makeDense(
  machine: Machine,
  inputs: number,
  outputs: number,
  dtype: DType,
  bias: boolean,
): ModulePair {
  const real = new machine.tt.Dense(inputs, outputs, { dtype, bias });
  const taken = (tensor: Tensor): reference.Tensor => {
    const values: number[] = [...tensor.data()];
    if (!values.every((value) => Math.abs(value) <= 1 / Math.sqrt(inputs))) fail('Dense: initial values');
    const copy = reference.make(values, tensor.shape, dtype);
    copy.leaf = { grad: undefined };
    return copy;
  };
  const ref = layers.dense(taken(real.weight), real.bias && taken(real.bias));
  return addModule(machine, real, ref, dtype, inputs);
}

/** Of layers that are there and of new ones, which others may share, or that stand in it twice. */
function makeSequential(machine: Machine, a: number, b: number): ModulePair {
  const parts: ModulePair[] = [];
  const dtype = floatingOf(a);
  let features = choose(FEATURES, b);
  const first = features;
  for (let i = 0; i < 1 + (a % 4); ++i) {
    const old =
      (a >> i) % 5 === 0 ? machine.modules[(b >> i) % Math.max(machine.modules.length, 1)] : undefined;
    if (old && (old.features === undefined || (old.features === features && old.dtype === dtype))) {
      parts.push(old);
      features = outFeatures(old, features);
      continue;
    }
    if (i % 2 === 0) {
      const outputs = choose(FEATURES, a + i);
      parts.push(makeDense(machine, features, outputs, dtype, true));
      features = outputs;
    } else {
      parts.push(makeModule(machine, choose([1, 2, 3, 4, 1, 6], a + b + i), a, b));
    }
  }
  const real = new machine.tt.Sequential(parts.map((part) => part.real));
  return addModule(machine, real, layers.sequential(parts.map((part) => part.ref)), dtype, first);
}

function outFeatures({ real }: ModulePair, inputs: number): number {
  return real.summary([1, inputs]).layers.at(-1)?.outputShape.at(-1) ?? inputs;
}

function someModule(
  machine: Machine,
  which: number,
  fits: (pair: ModulePair) => boolean = () => true,
): ModulePair {
  const found = machine.modules.filter(fits);
  return found[which % found.length] ?? makeModule(machine, which % 3 === 0 ? 9 : 0, which, which >> 3);
}

const create: Command = (machine, [kind, a, b]) => void makeModule(machine, kind, a, b);

const forward: Command = (machine, [which, input, seed, , mode]) => {
  const pair = someModule(machine, which);
  const dtype = pair.dtype ?? 'float32';
  const fits = ({ ref }: Pair): boolean =>
    (pair.dtype ? ref.dtype === dtype : isFloating(ref.dtype)) &&
    ref.shape.length > 0 &&
    ref.size < 3000 &&
    (pair.features === undefined || ref.shape.at(-1) === pair.features) &&
    ref.values().every((value) => Math.abs(value) < 1e4);
  const rows = choose([[1], [2], [3], [5], [2, 3], [4, 1], [0], [17]], seed);
  const x = mode % 3 === 0 ? machine.pick(input, fits) : undefined;
  const given = x ?? make(machine, [...rows, pair.features ?? 3], dtype, seed % 11);
  if (mode % 5 === 0) pair.real.train();
  if (mode % 5 === 1) pair.real.eval();
  machine.note(`forward of ${pair.real.name} on ${machine.name(given)}`);
  const made = machine.both(
    () => pair.real.forward(given.real),
    () => pair.ref.forward(given.ref),
  );
  // Layers that do nothing may hand on their input itself.
  if (made && made.ref === given.ref) machine.compare({ real: made.real, ref: given.ref });
  if (made && made.ref === given.ref) return made.real.dispose();
  if (made) machine.add(made.real, made.ref);
};

const forwardOut: Command = (machine, [which, , seed]) => {
  const pair = someModule(machine, which);
  const rows = choose([[1], [2], [3], [5], [2, 3], [4, 1]], seed);
  const given = make(machine, [...rows, pair.features ?? 3], pair.dtype ?? 'float32', seed % 11);
  machine.tt.noGrad(() =>
    autograd.noGrad(() => {
      const result = pair.ref.forward(given.ref);
      if (result === given.ref) return;
      const into = make(machine, result.shape, result.dtype, seed);
      machine.note(`forward of ${pair.real.name} on ${machine.name(given)} into ${machine.name(into)}`);
      const done = machine.both(
        () => pair.real.forward(given.real, { out: into.real }),
        () => into.ref.write(result.values(), result.errors()),
      );
      if (done) machine.compare(into, 'out of forward');
    }),
  );
};

const parameter: Command = (machine, [which, kind, seed, flag]) => {
  const { real, ref } = someModule(machine, which, (pair) => pair.ref.parameters.size > 0);
  const names = [...ref.parameters.keys()];
  if (names.length === 0) return;
  const name = choose(names, kind);
  const pair: Pair = {
    real: real.namedParameters().get(name) as Tensor,
    ref: ref.parameters.get(name) as reference.Tensor,
    isParameter: true,
  };
  if (!pair.real) fail(`no parameter ${name}`);
  if (flag % 3 === 0 && machine.pool.every((other) => other.real !== pair.real)) {
    machine.note(`parameter ${name} joins`);
    machine.pool.push(pair);
    return;
  }
  const values = numbers(seed % 11, pair.ref.shape, pair.ref.dtype);
  machine.note(`parameter ${name} of ${real.name} is overwritten`);
  autograd.noGrad(() =>
    machine.tt.noGrad(() =>
      machine.both(
        () => pair.real.copyFrom(values),
        () => pair.ref.write(values),
      ),
    ),
  );
};

const disposeModule: Command = (machine, [which]) => {
  const pair = machine.modules[which % Math.max(machine.modules.length, 1)];
  if (!pair) return;
  machine.note(`dispose ${pair.real.name}`);
  pair.real.dispose();
  machine.forgetDisposed();
};

const kernel: Command = (machine, [which, kind]) => {
  const names = ['auto', ...machine.tt.kernels().flatMap(({ name, available }) => (available ? name : []))];
  machine.note(`kernel ${choose(names, kind)}`);
  someModule(machine, which).real.setKernel(choose(names, kind));
};

/** A model is saved, overwritten and loaded: all is as it was. */
const file: Command = (machine, [which, seed]) => {
  const { real, ref } = someModule(machine, which, (pair) => pair.ref.parameters.size > 0);
  machine.note(`save, overwrite and load ${real.name}`);
  const bytes = machine.tt.saveModel(real, [['note', 'ü']]);
  autograd.noGrad(() =>
    machine.tt.noGrad(() => {
      for (const tensor of real.parameters()) tensor.fill(seed % 7);
      machine.tt.loadModel(real, bytes);
    }),
  );
  for (const tensor of ref.parameters.values()) ++tensor.base.version;
  machine.verify();
};

const loss: Command = (machine, [which, kind, seed, mode, other]) => {
  const { tt } = machine;
  const reduction = mode % 2 ? ('mean' as const) : ('sum' as const);
  const isTame = ({ ref }: Pair): boolean =>
    isFloating(ref.dtype) && ref.values().every((value) => Math.abs(value) < 1e3);
  if (kind % 3 === 0) {
    const x = some(
      machine,
      which,
      (pair) => isTame(pair) && pair.ref.shape.length === 2 && pair.ref.shape[1] !== 0,
    );
    if (!isTame(x)) return;
    const [n, classes] = [x.ref.shape[0] ?? 0, x.ref.shape[1] ?? 1];
    const values = Array.from({ length: 2 * n }, (_, i) =>
      i % 2 ? 1000 : (seed + i * (1 + (seed % 3))) % classes,
    );
    const table = new tt.Tensor(Int32Array.from(values), { shape: [n, 2] });
    const column = table.slice(1, 0, 1);
    const labels = column.reshape([n]);
    machine.note(`crossEntropy ${reduction} of ${machine.name(x)}, labels ${seed} in a column`);
    const ref = reference.make(
      values.filter((_, i) => i % 2 === 0),
      [n],
      'int32',
    );
    const made = machine.both(
      () => new tt.CrossEntropyLoss({ reduction }).forward(x.real, labels),
      () => layers.crossEntropy(x.ref, ref, reduction),
    );
    for (const each of [table, column, labels]) each.dispose();
    if (made) machine.add(made.real, made.ref);
    return;
  }
  if (kind % 3 === 1) {
    const x = some(machine, which, isTame);
    const target = some(
      machine,
      other,
      (pair) => pair.ref.shape.join() === x.ref.shape.join() && isTame(pair),
    );
    if (!isTame(x) || !isTame(target)) return;
    machine.note(`mseLoss ${reduction} of ${machine.name(x)}, ${machine.name(target)}`);
    const made = machine.both(
      () => new tt.MSELoss({ reduction }).forward(x.real, target.real),
      () => layers.mseLoss(x.ref, target.ref, reduction),
    );
    if (made) machine.add(made.real, made.ref);
    return;
  }
  const logits = some(machine, which, isTame);
  if (!isTame(logits)) return;
  const p = machine.add(logits.real.sigmoid(), unary('sigmoid', logits.ref));
  const target = make(machine, p.ref.shape, p.ref.dtype, 9);
  machine.note(`binaryCrossEntropy ${reduction} of ${machine.name(p)}`);
  const made = machine.both(
    () => new tt.BinaryCrossEntropyLoss({ reduction }).forward(p.real, target.real),
    () => layers.binaryCrossEntropy(p.ref, target.ref, reduction),
  );
  if (made) machine.add(made.real, made.ref);
};

const optimizer: Command = (machine, [which, kind, a, b]) => {
  const { tt } = machine;
  const { real, ref } = someModule(machine, which, (pair) => pair.ref.parameters.size > 0);
  const own = some(machine, a, (pair) => pair.ref.leaf !== undefined && pair.ref.isDense);
  const isOwn = own.ref.leaf !== undefined && own.ref.isDense && b % 2 === 0;
  const reals = [...real.parameters(), ...(isOwn ? [own.real] : [])];
  const refs = [...ref.parameters.values(), ...(isOwn ? [own.ref] : [])];
  const lr = choose([0.125, 0.01, 1], a);
  const weightDecay = choose([0, 0.01, 0.1], b);
  const momentum = choose([0, 0.9, 0.5], a);
  const nesterov = momentum > 0 && b % 4 === 0;
  const sgdOptions = { momentum, dampening: nesterov ? 0 : choose([0, 0.5], b), weightDecay, nesterov };
  const betas = choose(
    [
      [0.9, 0.999],
      [0.5, 0.9],
    ] as const,
    b,
  );
  const adamOptions = { betas, eps: 1e-8, weightDecay };
  machine.note(
    `optimizer ${kind % 3} of ${real.name}${isOwn ? ` and ${machine.name(own)}` : ''} ${JSON.stringify({ lr, ...sgdOptions, betas })}`,
  );
  const model = (): training.Optimizer =>
    kind % 3 === 0
      ? training.sgd(refs, lr, sgdOptions)
      : training.adam(refs, lr, adamOptions, kind % 3 === 2);
  const made = machine.both(
    () =>
      kind % 3 === 0
        ? new tt.SGD(reals, { lr, ...sgdOptions })
        : new tt[kind % 3 === 1 ? 'Adam' : 'AdamW'](reals, { lr, ...adamOptions }),
    model,
  );
  if (made) machine.optimizers.push(made);
};

const step: Command = (machine, [which, kind, rate]) => {
  const pair = machine.optimizers[which % Math.max(machine.optimizers.length, 1)];
  if (!pair) return;
  const { real, ref } = pair;
  machine.note(`optimizer does ${kind % 6}`);
  if (kind % 6 === 4) {
    real.zeroGrad();
    ref.zeroGrad();
  } else if (kind % 6 === 5) {
    real.learningRate = ref.rate = choose([0.5, 0.001, 0], rate);
  } else {
    real.step();
    ref.step();
  }
  machine.verify();
};

const clip: Command = (machine, [which, other, limit]) => {
  const pairs = [which, other].flatMap(
    (n) => machine.pick(n, ({ ref }) => ref.leaf?.grad !== undefined) ?? [],
  );
  const maxNorm = choose([1, 0.5, 100], limit);
  const isTame = pairs.every(({ ref }) => ref.leaf?.grad?.values().every((value) => Math.abs(value) < 1e9));
  if (!isTame || new Set(pairs).size < pairs.length) return;
  machine.note(`clipGradNorm of ${pairs.map((pair) => machine.name(pair)).join(', ')} to ${maxNorm}`);
  const norm = machine.tt.clipGradNorm(
    pairs.map((pair) => pair.real),
    maxNorm,
  );
  const want = training.clipGradNorm(
    pairs.map((pair) => pair.ref),
    maxNorm,
  );
  if (!(Math.abs(norm - want) <= 1e-5 * want)) fail(`clipGradNorm: ${norm}, not ${want}`);
  machine.verify();
};

const threads: Command = (machine, [count]) => {
  const wanted = 1 + (count % machine.mostThreads);
  machine.note(`threads ${wanted}`);
  machine.tt.setThreads(wanted);
};

const schedule: Command = (machine, [a, b, c]) => {
  const [t, length] = [a % 20, 1 + (b % 12)];
  const cosine = machine.tt.cosineSchedule(0.5, 0.01 * (c % 3), t, length);
  const near = (x: number, y: number): boolean => Math.abs(x - y) <= 1e-14;
  if (!near(cosine, training.cosineSchedule(0.5, 0.01 * (c % 3), t, length)))
    fail(`cosineSchedule: ${cosine}`);
  if (!near(machine.tt.stepSchedule(1, 0.5, t, length), training.stepSchedule(1, 0.5, t, length)))
    fail('stepSchedule');
};

export const modelCommands: Readonly<Record<string, { weight: number; run: Command }>> = {
  module: { weight: 3, run: create },
  forward: { weight: 6, run: forward },
  forwardOut: { weight: 2, run: forwardOut },
  parameter: { weight: 3, run: parameter },
  disposeModule: { weight: 1, run: disposeModule },
  kernel: { weight: 1, run: kernel },
  file: { weight: 1, run: file },
  loss: { weight: 5, run: loss },
  optimizer: { weight: 2, run: optimizer },
  step: { weight: 5, run: step },
  clip: { weight: 1, run: clip },
  threads: { weight: 2, run: threads },
  schedule: { weight: 1, run: schedule },
};
