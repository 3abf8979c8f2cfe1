// A program is a list of commands with their numbers. fast-check makes programs and shrinks those that fail.

import fc from 'fast-check';
import type { TinyTorch } from 'tinytorch-wasm';
import * as autograd from '../../reference/autograd.js';
import type { Commands, Numbers } from './command.js';
import { dataCommands } from './data_commands.js';
import { gradientCommands } from './gradient_commands.js';
import { layerCommands } from './layer_commands.js';
import { Difference, fail, Machine, type Resource } from './machine.js';
import { memoryCommands } from './memory_commands.js';
import { mistakes } from './mistakes.js';
import { operationCommands } from './operation_commands.js';
import { trainingCommands } from './training_commands.js';

const COMMANDS: Commands = {
  ...memoryCommands,
  ...operationCommands,
  ...gradientCommands,
  ...layerCommands,
  ...trainingCommands,
  ...dataCommands,
  ...mistakes,
};

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
  const error = failure ?? failureOf(() => machine.disposeAll());
  if (failure) failureOf(() => machine.disposeAll());
  if (error) throw new Error(`${textOf(error)}\nafter\n${machine.log.join('\n')}`, { cause: error });
  const after = tt.memory();
  if (after.bytes !== before.bytes || after.tensors !== before.tensors) {
    throw new Error(
      `left behind: ${after.bytes - before.bytes} bytes, ${after.tensors - before.tensors} tensors\nafter\n${machine.log.join('\n')}`,
    );
  }
  return program.length;
}

function textOf(error: Error): string {
  return error instanceof Difference ? error.message : String(error.stack);
}

function runSteps(machine: Machine, steps: Program): void {
  for (let i = 0; i < steps.length; ++i) {
    const { does, numbers } = steps[i] as Step;
    if (does === 'tidy' || does === 'noGrad') {
      const inside = steps.slice(i + 1, i + 2 + (numbers[0] % 4));
      i += inside.length;
      machine.block(does, () => {
        if (does === 'tidy') runTidy(machine, inside, numbers[1]);
        else machine.tt.noGrad(() => autograd.noGrad(() => runSteps(machine, inside)));
      });
    } else {
      (COMMANDS[does] as Commands[string]).run(machine, numbers);
    }
    machine.forgetDisposed();
    machine.limit(MOST);
    machine.verify();
  }
}

/** What the block made is disposed of, except what it returns. */
function runTidy(machine: Machine, inside: Program, keep: number): void {
  const before = new Set<object>(machine.everything());
  const kept = machine.tt.tidy(() => {
    runSteps(machine, inside);
    const made = machine.pool.filter(({ real, owner }) => !before.has(real) && !owner);
    const first = made.slice(0, keep % 3);
    machine.note(`return [${first.map(({ name }) => name).join(', ')}]`);
    return { first: first.map(({ real }) => real) };
  });
  const isKept = new Set<object>(kept.first);
  const ending = machine.endingAfter(before);
  const check = (name: string, { isDisposed }: Resource, lives: boolean): void => {
    if (isDisposed === lives) fail(`after tidy ${name} is ${lives ? 'disposed of' : 'alive'}`);
  };
  for (const { name, real } of machine.optimizers) check(name, real, before.has(real));
  for (const pair of machine.modules) check(pair.name, pair.real, !ending.has(pair));
  for (const { name, real, owner } of machine.pool) {
    check(name, real, owner ? !ending.has(owner) : before.has(real) || isKept.has(real));
  }
  machine.forgetDisposed();
}
