// Commands that make tensors, share their memory, write into it, copy it and give it back.

import type { Tensor } from 'tinytorch-wasm';
import * as autograd from '../../reference/autograd.js';
import * as layers from '../../reference/layers.js';
import * as reference from '../../reference/tensor.js';
import { at, isFloating } from '../../reference/tensor.js';
import {
  type Command,
  type Commands,
  goBack,
  isFloat,
  make,
  refuseWriting,
  setRequiresGrad,
  some,
  written,
} from './command.js';
import { fail, type Machine, type Pair, refuses } from './machine.js';
import { choose, dtypeOf, DTYPES, floatingOf, numbers, rarely, shapeOf } from './values.js';

const create: Command = (machine, [kind, shapeNumber, dtypeNumber, seed, flag, more]) => {
  const { Tensor } = machine.tt;
  const shape = shapeOf(shapeNumber);
  const dtype = dtypeOf(dtypeNumber);
  const list = `[${shape.join()}]`;
  const value = at(numbers(seed, [1], isFloating(dtype) ? 'float32' : dtype), 0);
  const full = (text: string, make: () => Tensor, number: number): Pair => {
    machine.note(`${machine.next()} = Tensor.${text}, { dtype: '${dtype}' })`);
    return machine.add(make(), reference.full(shape, number, dtype));
  };
  const makers: (() => Pair)[] = [
    () => make(machine, shape, dtype, seed),
    () => fromNested(machine, shape, dtype, seed, isFloating(dtype) && flag % 2 === 1),
    () => full(`zeros(${list}`, () => Tensor.zeros(shape, { dtype }), 0),
    () => full(`ones(${list}`, () => Tensor.ones(shape, { dtype }), 1),
    () => full(`full(${list}, ${value}`, () => Tensor.full(shape, value, { dtype }), value),
    () => {
      const rows = shapeNumber % 5;
      const columns = rarely(more, 5) ? rows : more % 5;
      machine.note(`${machine.next()} = Tensor.eye(${rows}, ${columns}, { dtype: '${dtype}' })`);
      const real = rarely(more, 5)
        ? Tensor.eye(rows, undefined, { dtype })
        : Tensor.eye(rows, columns, { dtype });
      const values = reference.indices([rows, columns]).map(([i, j]) => (i === j ? 1 : 0));
      return machine.add(real, reference.make(values, [rows, columns], dtype));
    },
    () => arange(machine, dtype, seed, shapeNumber % 12, more),
    () => random(machine, shape, floatingOf(dtypeNumber), more, flag % 2 === 0),
  ];
  const pair = choose(makers, kind)();
  if (isFloat(pair) && flag % 3 !== 0) setRequiresGrad(machine, pair, true);
};

function arange(machine: Machine, dtype: reference.DType, seed: number, count: number, more: number): Pair {
  const step = choose([1, 2, 3, -1], more);
  const least = isFloating(dtype) ? (seed % 9) / 2 : seed % 9;
  const start = step < 0 ? least + count : least;
  const stop = start + count * step;
  machine.note(`${machine.next()} = Tensor.arange(${start}, ${stop}, ${step}, { dtype: '${dtype}' })`);
  const values = Array.from({ length: count }, (_, i) => start + i * step);
  const real = machine.tt.Tensor.arange(start, stop, step, { dtype });
  return machine.add(real, reference.make(values, [count], dtype));
}

function fromNested(
  machine: Machine,
  shape: reference.Shape,
  dtype: reference.DType,
  seed: number,
  requiresGrad: boolean,
): Pair {
  const ref = reference.make(numbers(seed, shape, dtype), shape, dtype);
  const nested = nest([...ref.values()], shape);
  const options = { dtype, requiresGrad };
  const shown = ref.size > 12 ? `nested(numbers(${seed}), [${shape.join()}])` : JSON.stringify(nested);
  machine.note(
    `${machine.next()} = Tensor.from(${shown}, { dtype: '${dtype}', requiresGrad: ${requiresGrad} })`,
  );
  const real = machine.tt.Tensor.from(nested as never, options);
  // Nested arrays cannot tell what is behind an axis of size 0.
  const made = shape.includes(0) ? reference.make([], real.shape, dtype) : ref;
  if (requiresGrad) made.leaf = { grad: undefined };
  return machine.add(real, made);
}

function nest(values: number[], shape: reference.Shape): unknown {
  if (shape.length === 0) return at(values, 0);
  const step = reference.sizeOf(shape.slice(1));
  const rows = Array.from({ length: at(shape, 0) }, (_, i) => values.slice(i * step, (i + 1) * step));
  return rows.map((row) => nest(row, shape.slice(1)));
}

/** Random numbers are taken over as they come; the same seed gives them again. */
function random(
  machine: Machine,
  shape: reference.Shape,
  dtype: reference.DType,
  seed: number,
  isUniform: boolean,
): Pair {
  const { tt } = machine;
  const name = isUniform ? 'rand' : 'randn';
  const draw = (): Tensor => {
    tt.manualSeed(seed);
    return tt.Tensor[name](shape, { dtype });
  };
  machine.note(
    `manualSeed(${seed}); ${machine.next()} = Tensor.${name}([${shape.join()}], { dtype: '${dtype}' })`,
  );
  const [real, again] = [draw(), draw()];
  const values: number[] = [...real.data()];
  const most = isUniform ? 1 : 40;
  if (!values.every((value) => Math.abs(value) < most && (!isUniform || value >= 0))) fail('random numbers');
  const repeated = again.data();
  if (!values.every((value, i) => value === repeated[i])) fail('the same seed gives other random numbers');
  again.dispose();
  return machine.add(real, reference.make(values, shape, dtype));
}

const view: Command = (machine, [which, kind, a, b, c, d]) => {
  const { name, real, ref } = some(machine, which);
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
    shape.filter((size) => size !== 1),
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
    [`reshape([${wanted.join()}])`, () => real.reshape(wanted), () => layers.reshape(ref, wanted)],
    [
      `transpose(${axis(a)}, ${axis(b)})`,
      () => real.transpose(axis(a), axis(b)),
      () => layers.transpose(ref, axis(a), axis(b)),
    ],
    [
      `slice(${axis(a)}, ${start}, ${stop}, ${step})`,
      () => real.slice(axis(a), start, stop, step),
      () => layers.slice(ref, axis(a), start, stop, step),
    ],
    [`expand([${expanded.join()}])`, () => real.expand(expanded), () => layers.expand(ref, expanded)],
    ['transpose()', () => real.transpose(), () => layers.transpose(ref)],
  ];
  const [text, library, model] = choose(doers, kind);
  machine.note(`${machine.next()} = ${name}.${text}`);
  const made = machine.both(library, model);
  if (!made) return;
  const pair = machine.add(made.real, made.ref);
  if (made.ref.node && d % 4 === 3) goBack(machine, pair, b, c);
};

const write: Command = (machine, [which, kind, source, seed, flag]) => {
  const { name, real, ref } = some(machine, which, (pair) => rarely(flag, 8) || !pair.ref.node);
  const values = numbers(seed, ref.shape, ref.dtype);
  const first = values[0] ?? 0;
  const writeNumbers = (text: string, source: Float64Array | number[]): void => {
    machine.note(`${name}.copyFrom(${text})`);
    machine.both(
      () => real.copyFrom(source),
      () => {
        refuseWriting(ref);
        if (!ref.isDense) throw new reference.Refused('copyFrom: not row-major');
        reference.copyFrom(ref, reference.make(values, ref.shape, ref.dtype));
      },
      ref.repeats,
    );
  };
  const doers: (() => void)[] = [
    () => {
      machine.note(`${name}.fill(${first})`);
      machine.both(
        () => real.fill(first),
        () => {
          refuseWriting(ref);
          reference.fill(ref, first);
        },
        ref.repeats,
      );
    },
    () =>
      flag % 2
        ? writeNumbers(written(values, seed), values)
        : writeNumbers(`Float64Array.from(${written(values, seed)})`, Float64Array.from(values)),
    () => {
      const from = some(
        machine,
        source,
        (pair) => rarely(flag, 4) || !refuses(() => reference.expand(pair.ref, ref.shape)),
      );
      machine.note(`${name}.copyFrom(${from.name})`);
      machine.both(
        () => real.copyFrom(from.real),
        () => {
          refuseWriting(ref);
          if (autograd.isRecording() && from.ref.requiresGrad)
            throw new reference.Refused('copyFrom: recorded');
          reference.copyFrom(ref, from.ref);
        },
        ref.repeats || ref === from.ref,
      );
    },
  ];
  choose(doers, kind)();
  machine.compare({ real, ref }, name);
};

const copy: Command = (machine, [which, kind, dtypeNumber]) => {
  const { name, real, ref } = some(machine, which);
  const dtype = choose(DTYPES, dtypeNumber);
  const doers: [string, () => Tensor, () => reference.Tensor][] = [
    ['clone()', () => real.clone(), () => layers.clone(ref)],
    ['detach()', () => real.detach(), () => reference.detach(ref)],
    [`to('${dtype}')`, () => real.to(dtype), () => layers.to(ref, dtype)],
  ];
  const [text, library, model] = choose(doers, kind);
  machine.note(`${machine.next()} = ${name}.${text}`);
  const made = machine.both(library, model);
  if (made) machine.add(made.real, made.ref);
};

const dispose: Command = (machine, [which, twice]) => {
  const pair = machine.pick(which, ({ owner }) => !owner);
  if (!pair) return;
  machine.note(`${pair.name}.dispose()${twice % 2 ? ', twice' : ''}`);
  pair.real.dispose();
  if (twice % 2) pair.real[Symbol.dispose]();
  machine.bury(pair);
};

export const memoryCommands: Commands = {
  create: { weight: 8, run: create },
  view: { weight: 9, run: view },
  write: { weight: 7, run: write },
  copy: { weight: 4, run: copy },
  dispose: { weight: 5, run: dispose },
};
