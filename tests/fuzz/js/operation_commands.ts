// Commands that compute: elementwise operations, reductions, softmax and products.

import type { Tensor } from 'tinytorch-wasm';
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
import { at } from '../../reference/tensor.js';
import { apply, type Command, type Commands, isFloat, make, some } from './command.js';
import { fail, type Machine, type Pair, refuses } from './machine.js';
import { choose, rarely } from './values.js';

const unaryCommand: Command = (machine, [which, kind, out]) => {
  const a = some(machine, which, rarely(out, 16) ? undefined : isFloat);
  const name = choose(Object.keys(UNARY), kind) as UnaryName;
  apply(
    machine,
    { before: `${a.name}.${name}(`, operands: [a] },
    out,
    (options) => a.real[name](options),
    () => unary(name, a.ref),
  );
};

/** Whether the reference would take too long for what these broadcast to. */
function isTooLarge(a: reference.Shape, b: reference.Shape): boolean {
  const fits = !refuses(() => reference.broadcast(a, b));
  return fits && reference.sizeOf(reference.broadcast(a, b)) > 1e5;
}

const binaryCommand: Command = (machine, [which, other, kind, out, mode]) => {
  const a = some(machine, which, rarely(mode, 16) ? undefined : isFloat);
  const name = choose(Object.keys(BINARY), kind) as BinaryName;
  if (mode % 4 === 1) {
    // A number that is one of the elements makes equals.
    const element = name === 'maximum' ? a.ref.values()[other % Math.max(a.ref.size, 1)] : undefined;
    const number = element !== undefined && Number.isFinite(element) ? element : ((other % 17) - 8) / 4;
    const scalar = reference.full([], number, a.ref.dtype);
    apply(
      machine,
      { before: `${a.name}.${name}(${number}`, operands: [a] },
      out,
      (options) => a.real[name](number, options),
      () => binary(name, a.ref, scalar),
    );
    return;
  }
  const isFit = ({ ref }: Pair): boolean =>
    ref.dtype === a.ref.dtype && !refuses(() => reference.broadcast(a.ref.shape, ref.shape));
  const b = some(machine, other, rarely(mode, 8) ? undefined : isFit);
  if (isTooLarge(a.ref.shape, b.ref.shape)) return;
  apply(
    machine,
    { before: `${a.name}.${name}(${b.name}`, operands: [a, b] },
    out,
    (options) => a.real[name](b.real, options),
    () => binary(name, a.ref, b.ref),
  );
};

/** An axis of the tensor, or rarely one that it has not. */
function axisOf({ ref }: Pair, n: number): number {
  const ndim = Math.max(ref.shape.length, 1);
  return rarely(n, 32) ? ndim : (n % (2 * ndim)) - ndim;
}

const reduceCommand: Command = (machine, [which, kind, axis, out, flag]) => {
  const a = some(machine, which, rarely(flag, 16) ? undefined : isFloat);
  const name = choose(['sum', 'mean', 'max', 'argmax'] as const, kind);
  const dim = axis % 3 === 0 ? undefined : axisOf(a, axis);
  const keepdim = flag % 2 === 1;
  const given = { ...(dim !== undefined && { dim }), ...(keepdim && { keepdim }) };
  const options = Object.entries(given).map(([key, value]) => `${key}: ${value}`);
  const model = { sum: reduce.sum, mean: reduce.mean, max: reduce.max, argmax: reduce.argmax }[name];
  apply(
    machine,
    {
      before: `${a.name}.${name}(`,
      options: options.join(', '),
      operands: [a],
      isRecorded: name !== 'argmax',
    },
    out,
    (to) => a.real[name]({ ...given, ...to }),
    () => model(a.ref, dim, keepdim),
  );
};

const softmaxCommand: Command = (machine, [which, axis, kind, out, flag]) => {
  const isFinite = ({ ref }: Pair): boolean => ref.values().every(Number.isFinite);
  const a = some(machine, which, rarely(flag, 16) ? undefined : (pair) => isFloat(pair) && isFinite(pair));
  const dim = axisOf(a, axis);
  if (!isFinite(a) || a.ref.size * (a.ref.shape.at(dim) ?? 1) > 1e6) return;
  const name = kind % 2 ? 'softmax' : 'logSoftmax';
  apply(
    machine,
    { before: `${a.name}.${name}(${dim}`, operands: [a] },
    out,
    (to) => a.real[name](dim, to),
    () => reduce[name](a.ref, dim),
  );
};

/** Whether a text shows the numbers of a tensor, to four digits. */
function comparePrinted(text: string, ref: reference.Tensor): void {
  const note = ref.dtype === 'float32' ? '' : `dtype=${ref.dtype}`;
  if (!text.startsWith('tensor(') || !text.includes(note)) fail(`toString: ${text}`);
  if (ref.size === 0 || ref.size > 1000) return;
  const shown = text.slice(7).replace(/,\s*(dtype|requiresGrad)=.*/s, '');
  const numbers = Array.from(shown.matchAll(/-?(?:inf|nan|\d[\d.]*(?:e[+-]\d+)?)/g), ([each]) =>
    Number(each.replace('inf', 'Infinity').replace('nan', 'NaN')),
  );
  const off = ref.values().findIndex((value, i) => {
    const got = numbers[i] as number;
    return !Object.is(got, value) && !(Math.abs(got - value) <= 6e-5 * Math.max(1, Math.abs(value)));
  });
  if (numbers.length !== ref.size || off >= 0) fail(`toString, element ${off}: ${text}`);
}

/** The most multiply-adds of a product: more take the reference too long. */
const MOST_WORK = 3e5;

/** A right operand for a product with k: a vector, a matrix, one that is transposed, or one with leading axes. */
function rightOperand(machine: Machine, a: Pair, other: number, seed: number, mode: number): Pair {
  const { shape, dtype } = a.ref;
  const k = shape.at(-1) ?? 1;
  // Threads divide products of more than 131,072 multiply-adds.
  const few = 1 + (seed % (k > 99 ? 3 : 21));
  const many = choose([33, 64, 100], seed);
  const n = other % 3 !== 0 && a.ref.size * many <= MOST_WORK ? many : few;
  const fits = ({ ref }: Pair): boolean =>
    ref.dtype === dtype &&
    (ref.shape.at(-2) ?? ref.shape.at(-1)) === k &&
    !refuses(() => reference.broadcast(shape.slice(0, -2), ref.shape.slice(0, -2)));
  if (rarely(mode, 16)) return some(machine, other);
  switch (mode % 6) {
    case 1:
      return some(machine, other, fits);
    case 2:
      return make(machine, [k], dtype, seed);
    case 3: {
      const { name, real, ref } = make(machine, [n, k], dtype, seed);
      machine.note(`${machine.next()} = ${name}.transpose()`);
      return machine.add(real.transpose(), layers.transpose(ref));
    }
    case 4: {
      // Leading axes as those of a, or 1, or more of them.
      const leading = shape.slice(0, -2).map((size, i) => ((other >> i) % 2 ? 1 : size));
      return make(machine, [...(other % 3 === 0 ? [2] : []), ...leading, k, n], dtype, seed);
    }
    default:
      return make(machine, [k, n], dtype, seed);
  }
}

const matmulCommand: Command = (machine, [which, other, kernelNumber, out, seed, mode]) => {
  const a = some(
    machine,
    which,
    rarely(mode, 16) ? undefined : (pair) => isFloat(pair) && pair.ref.shape.length > 0,
  );
  const b = rightOperand(machine, a, other, seed, mode);
  const columns = b.ref.shape.length > 1 ? (b.ref.shape.at(-1) ?? 1) : 1;
  const batches = reference.sizeOf(b.ref.shape.slice(0, -2));
  if (a.ref.size * columns * batches > MOST_WORK) return;
  const kernel = kernelNumber % 3 === 2 ? choose(kernelNames(machine), kernelNumber >> 1) : 'auto';
  const isMethod = kernelNumber % 3 === 0;
  apply(
    machine,
    {
      before: isMethod ? `${a.name}.matmul(${b.name}` : `matmul(${a.name}, ${b.name}`,
      options: isMethod ? '' : `kernel: '${kernel}'`,
      operands: [a, b],
      isApart: true,
    },
    out,
    (to): Tensor =>
      isMethod ? a.real.matmul(b.real, to) : machine.tt.matmul(a.real, b.real, { kernel, ...to }),
    () => reduce.matmul(a.ref, b.ref),
  );
};

/** What a product may be forced to in this build. */
export function kernelNames({ tt }: Machine): string[] {
  return ['auto', ...tt.kernels().flatMap(({ name, available }) => (available ? name : []))];
}

const ask: Command = (machine, [which, other, tolerance]) => {
  const { tt } = machine;
  const { name, real, ref } = some(machine, which);
  const values = ref.values();
  const isSame = (x: number, y: number): boolean => Object.is(x + 0, y + 0);
  machine.note(`${name}.item(), toArray(), toString()`);
  if (ref.size === 1 && !isSame(real.item(), at(values, 0))) fail(`item: ${real.item()}`);
  if (real.ndim !== ref.shape.length || real.size !== ref.size) fail('ndim or size');
  comparePrinted(String(real), ref);
  const flattened = [real.toArray()].flat(9) as number[];
  if (flattened.length !== ref.size || !flattened.every((value, i) => isSame(value, at(values, i))))
    fail('toArray');
  if (JSON.stringify(real) !== JSON.stringify(real.toArray())) fail('toJSON');
  const b = some(machine, other, (pair) => !refuses(() => reference.broadcast(ref.shape, pair.ref.shape)));
  if (refuses(() => reference.broadcast(ref.shape, b.ref.shape)) || isTooLarge(ref.shape, b.ref.shape))
    return;
  const shape = reference.broadcast(ref.shape, b.ref.shape);
  const [x, y] = [ref, b.ref].map((each) => reference.expand(each, shape).values()) as [
    Float64Array,
    Float64Array,
  ];
  const distance = (p: number, q: number): number => (p === q ? 0 : Math.abs(p - q));
  const distances = [...x].map((p, i) => distance(p, at(y, i)));
  const most = distances.reduce((largest, each) => (Number.isNaN(each) ? each : Math.max(largest, each)), 0);
  machine.note(`maxAbsDiff(${name}, ${b.name}), allclose(${name}, ${b.name})`);
  const got = tt.maxAbsDiff(real, b.real);
  if (!Object.is(got, distances.some(Number.isNaN) ? NaN : most)) fail(`maxAbsDiff: ${got}, not ${most}`);
  const [rtol, atol] = [choose([1e-5, 0, 0.5], tolerance), choose([1e-8, 0, 1], tolerance >> 2)];
  const isClose = [...x].every((p, i) => {
    const q = at(y, i);
    return p === q || (Number.isFinite(q) && Math.abs(p - q) <= atol + rtol * Math.abs(q));
  });
  if (tt.allclose(real, b.real, { rtol, atol }) !== isClose)
    fail(`allclose(${rtol}, ${atol}) is not ${isClose}`);
};

export const operationCommands: Commands = {
  unary: { weight: 7, run: unaryCommand },
  binary: { weight: 9, run: binaryCommand },
  reduce: { weight: 6, run: reduceCommand },
  softmax: { weight: 3, run: softmaxCommand },
  matmul: { weight: 8, run: matmulCommand },
  ask: { weight: 2, run: ask },
};
