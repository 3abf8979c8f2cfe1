// A program is a list of commands with their numbers. fast-check makes programs and shrinks those that fail.

import fc from 'fast-check';
import type { TinyTorch } from 'tinytorch-wasm';
import * as autograd from '../../reference/autograd.js';
import { Difference, fail, Machine } from './machine.js';
import { modelCommands } from './model_commands.js';
import { type Numbers, tensorCommands } from './tensor_commands.js';

const COMMANDS = { ...tensorCommands, ...modelCommands };

export interface Step {
  /** A command, or a block (`tidy`, `noGrad`) around the next `numbers[0] % 4 + 1` ones. */
  readonly does: string;
  readonly numbers: Numbers;
}
export type Program = readonly Step[];

const number = fc.nat(255);
const step: fc.Arbitrary<Step> = fc.record({
  does: fc.oneof(
    ...Object.entries(COMMANDS).map(([name, { weight }]) => ({ weight, arbitrary: fc.constant(name) })),
    { weight: 2, arbitrary: fc.constant('tidy') },
    { weight: 3, arbitrary: fc.constant('noGrad') },
  ),
  numbers: fc.tuple(number, number, number, number, number, number),
});
export const programs: fc.Arbitrary<Program> = fc.array(step, { minLength: 1, maxLength: 40, size: 'max' });

/** The most tensors that are alive at once; the oldest go first. */
const MOST = 14;

function failureOf(work: () => void): Error | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Runs a program; throws at the first difference between library and reference. Gives the number of commands. */
export function run(tt: TinyTorch, program: Program): number {
  const before = tt.memory();
  const machine = new Machine(tt);
  const failure = failureOf(() => {
    runSteps(machine, program);
    machine.verify();
  });
  if (machine.mostThreads > 1) tt.setThreads(machine.mostThreads);
  const atTheEnd = failureOf(() => machine.disposeAll());
  const error = failure ?? atTheEnd;
  if (error) {
    const text = error instanceof Difference ? error.message : String(error.stack);
    throw new Error(`${text}\nafter\n${machine.log.join('\n')}`, { cause: error });
  }
  const after = tt.memory();
  if (after.bytes !== before.bytes || after.tensors !== before.tensors) {
    throw new Error(
      `left behind: ${after.bytes - before.bytes} bytes, ${after.tensors - before.tensors} tensors\nafter\n${machine.log.join('\n')}`,
    );
  }
  return program.length;
}

function runSteps(machine: Machine, steps: Program): void {
  for (let i = 0; i < steps.length; ++i) {
    const { does, numbers } = steps[i] as Step;
    if (does === 'tidy' || does === 'noGrad') {
      const inside = steps.slice(i + 1, i + 2 + (numbers[0] % 4));
      i += inside.length;
      machine.note(`${does} {`);
      if (does === 'tidy') runTidy(machine, inside, numbers[1]);
      else machine.tt.noGrad(() => autograd.noGrad(() => runSteps(machine, inside)));
      machine.note('}');
    } else {
      (COMMANDS[does] as (typeof COMMANDS)[string]).run(machine, numbers);
    }
    machine.forgetDisposed();
    machine.limit(MOST);
    if (i % 8 === 7) machine.verify();
  }
}

/** What the block made is disposed of, except what it returns. */
function runTidy(machine: Machine, inside: Program, keep: number): void {
  const before = new Set<object>(machine.everything());
  const kept = machine.tt.tidy(() => {
    runSteps(machine, inside);
    const made = machine.pool.filter(({ real, isParameter }) => !before.has(real) && !isParameter);
    return { first: made.slice(0, keep % 3).map(({ real }) => real) };
  });
  const isKept = new Set<object>(kept.first);
  for (const real of machine.everything()) {
    const lives = before.has(real) || isKept.has(real) || machine.ownsParameter(real, before);
    if (real.isDisposed === lives) fail(`after tidy a value is ${lives ? 'disposed of' : 'alive'}`);
  }
  machine.forgetDisposed();
}
