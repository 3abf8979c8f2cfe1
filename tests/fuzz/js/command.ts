// What all commands share. A command takes a few small numbers, and does the same with the library and with the reference.

import type { Tensor } from 'tinytorch-wasm';
import * as autograd from '../../reference/autograd.js';
import * as layers from '../../reference/layers.js';
import * as reference from '../../reference/tensor.js';
import { isFloating } from '../../reference/tensor.js';
import { fail, Machine, type Pair, refuses } from './machine.js';
import { floatingOf, numbers, rarely, shapeOf } from './values.js';

export type Numbers = readonly [number, number, number, number, number, number];
export type Command = (machine: Machine, n: Numbers) => void;
export type Commands = Readonly<Record<string, { weight: number; run: Command }>>;

/** Numbers of up to so many elements are written out in the log; of more, how they are made. */
const SHORT = 12;

/** The numbers as the log shows them. */
export function written(values: ArrayLike<number>, seed: number): string {
  if (values.length > SHORT) return `numbers(${seed})`;
  return `[${Array.from(values, (value) => (Object.is(value, -0) ? '-0' : String(value))).join(', ')}]`;
}

/** A tensor of these numbers, made the plain way. */
export function make(machine: Machine, shape: reference.Shape, dtype: reference.DType, seed: number): Pair {
  const values = numbers(seed, shape, dtype);
  machine.note(
    `${machine.next()} = new Tensor(${written(values, seed)}, { shape: [${shape.join()}], dtype: '${dtype}' })`,
  );
  const real = new machine.tt.Tensor(Float64Array.from(values), { shape, dtype });
  return machine.add(real, reference.make(values, shape, dtype));
}

/** One that fits, mostly one with a gradient if there is any; a new tensor where none fits. */
export function some(machine: Machine, n: number, fits: (pair: Pair) => boolean = () => true): Pair {
  const recorded = n & 96 ? machine.pick(n, (pair) => pair.ref.requiresGrad && fits(pair)) : undefined;
  return recorded ?? machine.pick(n, fits) ?? make(machine, shapeOf(n), floatingOf(n), n);
}

export const isFloat = ({ ref }: Pair): boolean => isFloating(ref.dtype);

/** What is written into a recorded result is not recorded, so it must be refused. */
export function refuseWriting(to: reference.Tensor): void {
  if (autograd.isRecording() && to.node) throw new reference.Refused('writing into a recorded result');
}

export function setRequiresGrad(machine: Machine, { name, real, ref }: Pair, value: boolean): void {
  machine.note(`${name}.requiresGrad = ${value}`);
  machine.both(
    () => (real.requiresGrad = value),
    () => {
      if (ref.node || (value && !isFloating(ref.dtype))) throw new reference.Refused('requiresGrad');
      ref.leaf = value ? (ref.leaf ?? { grad: undefined }) : undefined;
    },
  );
}

/** `backward()` of a tensor, with numbers of `seed` or a tensor that there is as its gradient. */
export function goBack(
  machine: Machine,
  { name, real, ref }: Pair,
  seed: number,
  flag: number,
  own?: Pair,
): void {
  const isGiven = ref.size !== 1 ? !rarely(flag, 9) : flag % 3 === 2;
  const gradient = isGiven ? (own ?? make(machine, ref.shape, ref.dtype, seed % 11)) : undefined;
  const retainGraph = flag % 4 === 3;
  const options = [
    ...(gradient ? [`gradient: ${gradient.name}`] : []),
    ...(retainGraph ? ['retainGraph: true'] : []),
  ].join(', ');
  machine.note(`${name}.backward(${options && `{ ${options} }`})`);
  const done = machine.both(
    () => real.backward({ retainGraph, ...(gradient && { gradient: gradient.real }) }),
    () => autograd.backward(ref, gradient?.ref, retainGraph),
    autograd.mayRefuse(ref),
  );
  if (!done) autograd.refused(ref);
}

/** An `out` for a result: any that fits, an operand too, or a view of a larger one. */
function outFor(machine: Machine, result: reference.Tensor, n: number): Pair | undefined {
  if (result.shape.length > 6) return undefined;
  const fits = ({ ref }: Pair): boolean =>
    ref.dtype === result.dtype && ref.shape.join() === result.shape.join() && !ref.repeats;
  const found = machine.pick(n >> 2, (pair) => fits(pair) && (rarely(n, 64) || !pair.ref.node));
  if (found && rarely(n, 8)) return found;
  const wide = make(machine, [...result.shape, 2], result.dtype, n);
  machine.note(`${machine.next()} = ${wide.name}.slice(-1, 1)`);
  const column = machine.add(wide.real.slice(-1, 1), layers.slice(wide.ref, -1, 1));
  machine.note(`${machine.next()} = ${column.name}.reshape([${result.shape.join()}])`);
  return machine.add(column.real.reshape(result.shape), layers.reshape(column.ref, result.shape));
}

/** `a.sum({ dim: 0, out: t3 })`, in two parts: the option that may come last is between them. */
export interface Call {
  readonly before: string;
  /** Options that come before `out`. */
  readonly options?: string;
  readonly operands: readonly Pair[];
  readonly isRecorded?: boolean;
  /** Whether `out` may share no memory with an operand. */
  readonly isApart?: boolean;
}

/** An operation that makes a new tensor or writes into `out`. */
export function apply(
  machine: Machine,
  { before, options = '', operands, isRecorded = true, isApart = false }: Call,
  n: number,
  library: (out: { out?: Tensor }) => Tensor,
  model: () => reference.Tensor,
): void {
  const wantsOut = rarely(n, 4) && !refuses(() => autograd.noGrad(model));
  const out = wantsOut ? outFor(machine, autograd.noGrad(model), n) : undefined;
  const last = [...(options ? [options] : []), ...(out ? [`out: ${out.name}`] : [])].join(', ');
  const call = `${before}${last && !before.endsWith('(') ? ', ' : ''}${last && `{ ${last} }`})`;
  machine.note(out ? call : `${machine.next()} = ${call}`);
  if (!out) {
    const made = machine.both(() => library({}), model);
    if (!made) return;
    const pair = machine.add(made.real, made.ref);
    if (made.ref.node && n % 8 !== 0) goBack(machine, pair, n >> 4, n >> 3);
    settle(machine, pair);
    return;
  }
  const to = out.ref;
  const isKept = isRecorded && autograd.isRecording() && operands.some(({ ref }) => ref.requiresGrad);
  const shares = isApart && operands.some(({ ref }) => ref.base === to.base);
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
  if (done) machine.compare(out, out.name);
}

/** Numbers that have grown out of hand are disposed of after the comparison. */
function settle(machine: Machine, pair: Pair): void {
  const isWild = pair.ref.values().some((value) => !(Math.abs(value) < 1e12));
  if (!isWild || !isFloat(pair) || rarely(machine.log.length, 4)) return;
  machine.note(`${pair.name}.dispose()`);
  pair.real.dispose();
  machine.bury(pair);
}
