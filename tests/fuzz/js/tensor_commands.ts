// Commands on tensors: each takes a few small numbers and does the same with the library and with the reference.

import type { Tensor } from 'tinytorch-wasm';
import * as autograd from '../../reference/autograd.js';
import {
  binary,
  BINARY,
  type BinaryName,
  unary,
  UNARY,
  type UnaryName,
} from '../../reference/elementwise.js';
import * as layers from '../../reference/layers.js';
import * as reduce from '../../reference/reduce.js';
import * as reference from '../../reference/tensor.js';
import { at, isFloating } from '../../reference/tensor.js';
import { fail, Machine, type Pair, refuses } from './machine.js';
import { choose, dtypeOf, DTYPES, floatingOf, numbers, shapeOf } from './values.js';

export type Numbers = readonly [number, number, number, number, number, number];
export type Command = (machine: Machine, n: Numbers) => void;

/** A tensor of these numbers, made the plain way. */
export function make(machine: Machine, shape: reference.Shape, dtype: reference.DType, seed: number): Pair {
  const values = numbers(seed, shape, dtype);
  const real = new machine.tt.Tensor(Float64Array.from(values), { shape, dtype });
  return machine.add(real, reference.make(values, shape, dtype));
}

export function some(machine: Machine, n: number, fits?: (pair: Pair) => boolean): Pair {
  return machine.pick(n, fits) ?? make(machine, shapeOf(n), floatingOf(n), n);
}

const isFloat = ({ ref }: Pair): boolean => isFloating(ref.dtype);

const create: Command = (machine, [kind, shapeNumber, dtypeNumber, seed, flag, more]) => {
  const { Tensor } = machine.tt;
  const shape = shapeOf(shapeNumber);
  const dtype = dtypeOf(dtypeNumber);
  const value = at(numbers(seed, [1], isFloating(dtype) ? 'float32' : dtype), 0);
  const requiresGrad = isFloating(dtype) && flag % 3 === 0;
  const filled = (real: Tensor, number: number): Pair =>
    machine.add(real, reference.full(shape, number, dtype));
  const makers: (() => Pair)[] = [
    () => make(machine, shape, dtype, seed),
    () => {
      const ref = reference.make(numbers(seed, shape, dtype), shape, dtype);
      const real = new Tensor(nested([...ref.values()], shape), { dtype });
      // Nested arrays cannot tell what stands behind an axis of size 0.
      return shape.includes(0)
        ? machine.add(real, reference.make([], real.shape, dtype))
        : machine.add(real, ref);
    },
    () => filled(Tensor.zeros(shape, { dtype }), 0),
    () => filled(Tensor.ones(shape, { dtype }), 1),
    () => filled(Tensor.full(shape, value, { dtype }), value),
    () => {
      const [rows, columns] = [shapeNumber % 5, more % 5];
      const values = reference.indices([rows, columns]).map(([i, j]) => (i === j ? 1 : 0));
      return machine.add(
        Tensor.eye(rows, columns, { dtype }),
        reference.make(values, [rows, columns], dtype),
      );
    },
    () => {
      const [start, step, count] = [
        isFloating(dtype) ? (seed % 9) / 2 : seed % 9,
        1 + (more % 3),
        shapeNumber % 12,
      ];
      const values = Array.from({ length: count }, (_, i) => start + i * step);
      const real = Tensor.arange(start, start + count * step, step, { dtype });
      return machine.add(real, reference.make(values, [count], dtype));
    },
    () => random(machine, shape, floatingOf(dtypeNumber), flag % 2 === 0),
  ];
  const pair = choose(makers, kind)();
  machine.note(`make ${machine.name(pair)}, kind ${kind % makers.length}, numbers ${seed}`);
  if (requiresGrad && isFloat(pair)) setRequiresGrad(machine, pair, true);
};

function nested(values: number[], shape: reference.Shape): never {
  if (shape.length === 0) return at(values, 0) as never;
  const step = reference.sizeOf(shape.slice(1));
  const rows = Array.from({ length: at(shape, 0) }, (_, i) => values.slice(i * step, (i + 1) * step));
  return rows.map((row) => nested(row, shape.slice(1))) as never;
}

/** Random numbers are taken over as they come. */
function random(machine: Machine, shape: reference.Shape, dtype: reference.DType, isUniform: boolean): Pair {
  const real = machine.tt.Tensor[isUniform ? 'rand' : 'randn'](shape, { dtype });
  const values: number[] = [...real.data()];
  const most = isUniform ? 1 : 40;
  if (!values.every((value) => Math.abs(value) < most && (!isUniform || value >= 0))) fail('random numbers');
  return machine.add(real, reference.make(values, shape, dtype));
}

const view: Command = (machine, [which, kind, a, b, c, d]) => {
  const { real, ref } = some(machine, which);
  const { shape } = ref;
  const ndim = shape.length;
  const axis = (n: number): number => (ndim === 0 ? n % 2 : (n % (2 * ndim)) - ndim);
  const shapes = [
    [-1],
    [ref.size],
    [1, ref.size],
    [ref.size, 1],
    [...shape, 1],
    [1, ...shape],
    [...shape].reverse(),
  ];
  const halves = ref.size % 2 === 0 && ref.size > 0 ? [2, -1] : [a % 7, -1];
  const wanted = choose([...shapes, halves, [a % 4, b % 4]], c);
  const place = (n: number): number => (n % 13) - 6;
  const [start, stop, step] = [place(b), d % 4 === 0 ? undefined : place(c) + 4, 1 + (d % 3)];
  const expanded = [
    ...(a % 2 ? [1 + (b % 3)] : []),
    ...shape.map((size) => (size === 1 && c % 2 ? d % 4 : size)),
  ];
  const doers: [string, () => Tensor, () => reference.Tensor][] = [
    [`reshape(${wanted.join()})`, () => real.reshape(wanted), () => layers.reshape(ref, wanted)],
    [
      `transpose(${axis(a)},${axis(b)})`,
      () => real.transpose(axis(a), axis(b)),
      () => layers.transpose(ref, axis(a), axis(b)),
    ],
    [
      `slice(${axis(a)},${start},${stop},${step})`,
      () => real.slice(axis(a), start, stop, step),
      () => layers.slice(ref, axis(a), start, stop, step),
    ],
    [`expand(${expanded.join()})`, () => real.expand(expanded), () => layers.expand(ref, expanded)],
  ];
  const [name, library, model] = choose(doers, kind);
  machine.note(`${machine.name({ real, ref })} ${name}`);
  const made = machine.both(library, model);
  if (made) machine.add(made.real, made.ref);
};

/** What is written into a recorded result is not recorded, so it must be refused. */
function refuseWriting(to: reference.Tensor): void {
  if (autograd.isRecording() && to.node) throw new reference.Refused('writing into a recorded result');
}

const write: Command = (machine, [which, kind, source, seed, flag]) => {
  const to = some(machine, which, ({ ref }) => flag % 8 === 0 || !ref.node);
  const { real, ref } = to;
  const values = numbers(seed, ref.shape, ref.dtype);
  const from = some(
    machine,
    source,
    (pair) => flag % 4 === 0 || !refuses(() => reference.expand(pair.ref, ref.shape)),
  );
  const doers: [string, () => Tensor, () => void][] = [
    [
      'copyFrom(tensor)',
      () => real.copyFrom(from.real),
      () => {
        refuseWriting(ref);
        if (autograd.isRecording() && from.ref.requiresGrad)
          throw new reference.Refused('copyFrom: recorded');
        reference.copyFrom(ref, from.ref);
      },
    ],
    [
      'copyFrom(numbers)',
      () => real.copyFrom(flag % 2 ? values : Float64Array.from(values)),
      () => {
        refuseWriting(ref);
        if (!ref.isDense) throw new reference.Refused('copyFrom: not row-major');
        reference.copyFrom(ref, reference.make(values, ref.shape, ref.dtype));
      },
    ],
    [
      'fill',
      () => real.fill(values[0] ?? 0),
      () => {
        refuseWriting(ref);
        reference.fill(ref, values[0] ?? 0);
      },
    ],
  ];
  const [name, library, model] = choose(doers, kind);
  machine.note(`${machine.name(to)} ${name}, numbers ${seed}, source ${machine.name(from)}`);
  machine.both(library, model, ref.repeats || ref === from.ref);
};

/** Where a result goes: a new tensor, mostly, or `out`: any that fits, an operand too, or a view of a larger one. */
function outFor(machine: Machine, result: reference.Tensor, n: number): Pair | undefined {
  if (n % 4 !== 0 || result.shape.length > 6) return undefined;
  const fits = ({ ref }: Pair): boolean =>
    ref.dtype === result.dtype && ref.shape.join() === result.shape.join() && !ref.repeats;
  const found = machine.pick(n >> 2, (pair) => fits(pair) && (n % 64 === 0 || !pair.ref.node));
  if (found && n % 8 === 0) return found;
  const wide = [...result.shape, 2];
  const { real, ref } = make(machine, wide, result.dtype, n);
  const column = machine.add(real.slice(-1, 1), layers.slice(ref, -1, 1));
  return machine.add(column.real.reshape(result.shape), layers.reshape(column.ref, result.shape));
}

/** An operation that makes a new tensor or writes into `out`. */
export function apply(
  machine: Machine,
  name: string,
  operands: readonly Pair[],
  n: number,
  library: (out: { out?: Tensor }) => Tensor,
  model: () => reference.Tensor,
): void {
  let out: Pair | undefined;
  if (!refuses(() => autograd.noGrad(model))) out = outFor(machine, autograd.noGrad(model), n);
  machine.note(
    `${name} of ${operands.map((each) => machine.name(each)).join(', ')}${out ? ` into ${machine.name(out)}` : ''}`,
  );
  if (!out) {
    const made = machine.both(() => library({}), model);
    if (made) settle(machine, machine.add(made.real, made.ref));
    return;
  }
  const to = out.ref;
  const isKept =
    !name.startsWith('argmax') && autograd.isRecording() && operands.some(({ ref }) => ref.requiresGrad);
  const shares = name.startsWith('matmul') && operands.some(({ ref }) => ref.base === to.base);
  const done = machine.both(
    () => library({ out: out.real }),
    () => {
      refuseWriting(to);
      if (isKept) throw new reference.Refused('out: the result would be recorded');
      const result = model();
      to.write(result.values(), result.errors());
    },
    shares,
  );
  if (done && done.real !== out.real) fail('did not return out');
  if (done) machine.compare(out, 'out');
}

/** Numbers that have grown out of hand are disposed of after the comparison. */
function settle(machine: Machine, pair: Pair): void {
  const isWild = pair.ref.values().some((value) => !(Math.abs(value) < 1e12));
  if (!isWild || !isFloat(pair) || machine.log.length % 4 === 0) return;
  pair.real.dispose();
  machine.bury(pair);
}

const unaryCommand: Command = (machine, [which, kind, out]) => {
  const a = some(machine, which, out % 16 === 0 ? undefined : isFloat);
  const name = choose(Object.keys(UNARY), kind) as UnaryName;
  apply(
    machine,
    name,
    [a],
    out,
    (options) => a.real[name](options),
    () => unary(name, a.ref),
  );
};

const binaryCommand: Command = (machine, [which, other, kind, out, mode]) => {
  const a = some(machine, which, mode % 16 === 0 ? undefined : isFloat);
  const name = choose(Object.keys(BINARY), kind) as BinaryName;
  if (mode % 4 === 1) {
    const number = ((other % 17) - 8) / 4;
    const scalar = reference.full([], number, a.ref.dtype);
    const does = `${name}(${number})`;
    apply(
      machine,
      does,
      [a],
      out,
      (options) => a.real[name](number, options),
      () => binary(name, a.ref, scalar),
    );
    return;
  }
  const isFit = ({ ref }: Pair): boolean =>
    ref.dtype === a.ref.dtype && !refuses(() => reference.broadcast(a.ref.shape, ref.shape));
  const b = some(machine, other, mode % 8 === 0 ? undefined : isFit);
  if (reference.sizeOf(a.ref.shape) * reference.sizeOf(b.ref.shape) > 1e6) return;
  apply(
    machine,
    name,
    [a, b],
    out,
    (options) => a.real[name](b.real, options),
    () => binary(name, a.ref, b.ref),
  );
};

const reduceCommand: Command = (machine, [which, kind, axis, out, flag]) => {
  const a = some(machine, which, flag % 16 === 0 ? undefined : isFloat);
  const ndim = a.ref.shape.length;
  const name = choose(['sum', 'mean', 'max', 'argmax'] as const, kind);
  const dim = axis % 3 === 0 ? undefined : (axis % (2 * Math.max(ndim, 1))) - Math.max(ndim, 1);
  const keepdim = flag % 2 === 1;
  const options = { ...(dim !== undefined && { dim }), keepdim };
  const model = { sum: reduce.sum, mean: reduce.mean, max: reduce.max, argmax: reduce.argmax }[name];
  const library = (to: object): Tensor => a.real[name]({ ...options, ...to });
  apply(machine, `${name}(${dim},${keepdim})`, [a], out, library, () => model(a.ref, dim, keepdim));
};

const softmaxCommand: Command = (machine, [which, axis, kind, out, flag]) => {
  const a = some(
    machine,
    which,
    flag % 16 === 0 ? undefined : ({ ref }) => isFloating(ref.dtype) && ref.values().every(Number.isFinite),
  );
  const ndim = a.ref.shape.length;
  const dim = (axis % (2 * Math.max(ndim, 1))) - Math.max(ndim, 1);
  if (!a.ref.values().every(Number.isFinite)) return;
  const name = kind % 2 ? 'softmax' : 'logSoftmax';
  apply(
    machine,
    `${name}(${dim})`,
    [a],
    out,
    (to) => a.real[name](dim, to),
    () => reduce[name](a.ref, dim),
  );
};

const matmulCommand: Command = (machine, [which, other, kernelNumber, out, seed, mode]) => {
  const a = some(
    machine,
    which,
    mode % 16 === 0 ? undefined : (pair) => isFloat(pair) && pair.ref.shape.length > 0,
  );
  const k = a.ref.shape.at(-1) ?? 1;
  const fits = ({ ref }: Pair): boolean =>
    ref.dtype === a.ref.dtype &&
    (ref.shape.at(-2) ?? ref.shape.at(-1)) === k &&
    !refuses(() => reference.broadcast(a.ref.shape.slice(0, -2), ref.shape.slice(0, -2)));
  const b =
    mode % 16 === 0
      ? some(machine, other)
      : mode % 3 === 0
        ? some(machine, other, fits)
        : make(machine, mode % 7 === 1 ? [k] : [k, 1 + (seed % (k > 99 ? 3 : 21))], a.ref.dtype, seed);
  if (a.ref.size * b.ref.size > 3e5) return;
  const kernels = ['auto', ...machine.tt.kernels().flatMap(({ name, available }) => (available ? name : []))];
  const kernel = kernelNumber % 2 ? 'auto' : choose(kernels, kernelNumber >> 1);
  const library = (to: object): Tensor =>
    kernelNumber % 4 === 1 ? a.real.matmul(b.real, to) : machine.tt.matmul(a.real, b.real, { kernel, ...to });
  apply(machine, `matmul ${kernel}`, [a, b], out, library, () => reduce.matmul(a.ref, b.ref));
};

const copy: Command = (machine, [which, kind, dtypeNumber]) => {
  const { real, ref } = some(machine, which);
  const dtype = choose(DTYPES, dtypeNumber);
  const doers: [string, () => Tensor, () => reference.Tensor][] = [
    ['clone', () => real.clone(), () => layers.clone(ref)],
    ['detach', () => real.detach(), () => reference.detach(ref)],
    [`to(${dtype})`, () => real.to(dtype), () => layers.to(ref, dtype)],
  ];
  const [name, library, model] = choose(doers, kind);
  machine.note(`${machine.name({ real, ref })} ${name}`);
  const made = machine.both(library, model);
  if (made) machine.add(made.real, made.ref);
};

export function setRequiresGrad(machine: Machine, { real, ref }: Pair, value: boolean): void {
  machine.note(`requiresGrad = ${value} for ${machine.name({ real, ref })}`);
  machine.both(
    () => (real.requiresGrad = value),
    () => {
      if (ref.node || (value && !isFloating(ref.dtype))) throw new reference.Refused('requiresGrad');
      ref.leaf = value ? (ref.leaf ?? { grad: undefined }) : undefined;
    },
  );
}

const toggle: Command = (machine, [which, value]) =>
  setRequiresGrad(machine, some(machine, which), value % 3 !== 0);

const backward: Command = (machine, [which, seed, flag, other]) => {
  const root = some(machine, which, flag % 16 === 0 ? undefined : ({ ref }) => ref.requiresGrad);
  const { real, ref } = root;
  const isGiven = ref.size !== 1 ? flag % 9 !== 8 : flag % 3 === 0;
  const own = isGiven && flag % 8 === 1 ? machine.pick(other) : undefined;
  const gradient = isGiven ? (own ?? make(machine, ref.shape, ref.dtype, seed % 11)) : undefined;
  const retainGraph = flag % 4 === 0;
  const mayRefuse = autograd.mayRefuse(ref);
  machine.note(
    `backward of ${machine.name(root)}, retainGraph ${retainGraph}, gradient ${gradient ? machine.name(gradient) : 'none'}`,
  );
  const done = machine.both(
    () => real.backward({ retainGraph, ...(gradient && { gradient: gradient.real }) }),
    () => autograd.backward(ref, gradient?.ref, retainGraph),
    mayRefuse,
  );
  if (!done) autograd.refused(ref);
  machine.verify();
};

const gradient: Command = (machine, [which, kind, seed]) => {
  const pair = some(machine, which, ({ ref }) => ref.leaf !== undefined);
  const { real, ref } = pair;
  machine.note(`grad of ${machine.name(pair)}, kind ${kind % 3}`);
  if (kind % 3 === 0) {
    const got = real.grad;
    if ((got === undefined) !== (ref.leaf?.grad === undefined)) fail('gradient');
    if (got && ref.leaf?.grad) machine.add(got, ref.leaf.grad);
    return;
  }
  const given =
    kind % 3 === 1
      ? some(machine, seed, (each) => seed % 8 === 0 || each.ref.shape.join() === ref.shape.join())
      : undefined;
  machine.both(
    () => (real.grad = given?.real),
    () => {
      const g = given?.ref;
      if (!g && !ref.requiresGrad) return;
      if (!ref.leaf) throw new reference.Refused('grad: no leaf');
      if (g && (g.dtype !== ref.dtype || g.shape.join() !== ref.shape.join())) {
        throw new reference.Refused('grad: does not fit');
      }
      // Shared, without its history, where it is dense and not the tensor's own memory.
      const isOwn = g && (!g.isDense || reference.mayOverlap(g, ref));
      ref.leaf.grad = g && (isOwn ? reference.make(g.values(), g.shape, g.dtype) : reference.detach(g));
    },
  );
};

const dispose: Command = (machine, [which]) => {
  const pair = machine.pick(which, ({ isParameter }) => !isParameter);
  if (!pair) return;
  machine.note(`dispose ${machine.name(pair)}`);
  pair.real.dispose();
  pair.real.dispose();
  machine.bury(pair);
};

const useDisposed: Command = (machine, [which, kind, other]) => {
  const dead = machine.buried[which % machine.buried.length];
  if (!dead) return;
  const { real } = some(machine, other);
  const uses: (() => unknown)[] = [
    () => dead.add(1),
    () => real.add(dead),
    () => dead.data(),
    () => dead.fill(1),
    () => real.copyFrom(dead),
    () => dead.shape,
    () => real.add(real, { out: dead }),
    () => dead.matmul(real),
    () => machine.tt.matmul(real, dead),
    () => dead.backward(),
    () => dead.grad,
    () => (dead.requiresGrad = true),
    () => dead.sum(),
    () => dead.reshape([-1]),
    () => real.backward({ gradient: dead }),
  ];
  machine.note(`use ${kind % uses.length} of a disposed tensor`);
  try {
    choose(uses, kind)();
  } catch (error) {
    if ((error as { code?: unknown }).code === 'disposed') return;
    fail(`a disposed tensor: ${String(error)}`);
  }
  fail('a disposed tensor was used');
};

const ask: Command = (machine, [which, other]) => {
  const a = some(machine, which);
  if (a.ref.size === 1 && !Object.is(a.real.item() + 0, at(a.ref.values(), 0) + 0))
    fail(`item: ${a.real.item()}`);
  if (a.real.ndim !== a.ref.shape.length || a.real.size !== a.ref.size) fail('ndim or size');
  const flatten = [a.real.toArray()].flat(9) as number[];
  if (!flatten.every((value, i) => Object.is(value + 0, at(a.ref.values(), i) + 0))) fail('toArray');
  const b = some(
    machine,
    other,
    ({ ref }) => ref.shape.join() === a.ref.shape.join() && ref.dtype === a.ref.dtype,
  );
  if (b.ref.shape.join() !== a.ref.shape.join() || !a.ref.size) return;
  const [x, y] = [a.ref.values(), b.ref.values()];
  const most = Math.max(...x.map((value, i) => Math.abs(value - at(y, i))));
  if (Number.isFinite(most) && machine.tt.maxAbsDiff(a.real, b.real) !== most) fail('maxAbsDiff');
};

const wrong: Command = (machine, [which, other, kind]) => {
  const { tt } = machine;
  const { real, ref } = some(machine, which);
  const b = some(machine, other).real;
  const ndim = ref.shape.length;
  const uses: (() => unknown)[] = [
    () => real.reshape([ref.size + 1]),
    () => real.reshape([-1, -1]),
    () => real.transpose(ndim, 0),
    () => real.slice(-ndim - 1, 0, 1),
    () => real.slice(0, 0, 1, 0),
    () => (ndim ? real.expand(ref.shape.slice(1)) : real.transpose()),
    () => real.add(b.to(ref.dtype === 'float32' ? 'float64' : 'float32')),
    () => real.to('int32').exp(),
    () => real.to('uint8').matmul(b),
    () => real.sum({ dim: ndim + 1 }),
    () => real.softmax(ndim + 3),
    () => real.copyFrom(new Float32Array(ref.size + 1)),
    () => real.to('float16' as never),
    () => tt.Tensor.zeros([-1]),
    () => tt.Tensor.full([2, 2 ** 40], 1),
    () => tt.Tensor.arange(0, 4, 0),
    () => new tt.Tensor([[1, 2], [3]]),
    () => new tt.Tensor([1.5], { dtype: 'int32' }),
    () => real.add(real, { out: real.reshape([...ref.shape, 1]) }),
    () => tt.matmul(real, b, { kernel: 'fastest' }),
    () => (real.to('int32').requiresGrad = true),
    () => real.add(null as never),
    () => new tt.SGD([real.to('int32')], { lr: 0.1 }),
    () => new tt.Dense(2, -1),
  ];
  machine.note(`wrong use ${kind % uses.length} of ${machine.name({ real, ref })}`);
  let error: unknown;
  tt.tidy(() => {
    try {
      choose(uses, kind)();
    } catch (thrown) {
      error = thrown;
    }
  });
  if (error === undefined) fail('a wrong use was accepted');
  machine.requireTyped(error);
  machine.verify();
};

export const tensorCommands: Readonly<Record<string, { weight: number; run: Command }>> = {
  create: { weight: 8, run: create },
  view: { weight: 9, run: view },
  write: { weight: 7, run: write },
  unary: { weight: 7, run: unaryCommand },
  binary: { weight: 9, run: binaryCommand },
  reduce: { weight: 6, run: reduceCommand },
  softmax: { weight: 3, run: softmaxCommand },
  matmul: { weight: 8, run: matmulCommand },
  copy: { weight: 4, run: copy },
  toggle: { weight: 4, run: toggle },
  backward: { weight: 6, run: backward },
  gradient: { weight: 3, run: gradient },
  dispose: { weight: 5, run: dispose },
  useDisposed: { weight: 1, run: useDisposed },
  ask: { weight: 1, run: ask },
  wrong: { weight: 2, run: wrong },
};
