// Random programs over the whole API, beside the reference of tests/reference. A failure is shrunk to a short program and
// printed with what repeats it: TT_FUZZ_SEED=... TT_FUZZ_PATH=... . TT_FUZZ_SECONDS runs longer.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { load, type LoadOptions } from 'tinytorch-wasm';
import { programs, run } from './program.js';

const settings: Record<string, string | undefined> = typeof process === 'undefined' ? {} : process.env;
const seconds = Number(settings['TT_FUZZ_SECONDS'] ?? 10);
const seed = Number(settings['TT_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const path = settings['TT_FUZZ_PATH'];

const builds: [string, LoadOptions][] = [
  ['the default build, 2 threads', { threads: 2 }],
  ['the default build, 4 threads', { threads: 4 }],
  ['the simd build, 3 threads', { variant: 'simd', threads: 3 }],
  ['the scalar build', { variant: 'scalar' }],
];

test.each(builds)(
  'random programs on %s',
  async (name, options) => {
    const tt = await load(options);
    let [count, commands] = [0, 0];
    const property = fc.property(programs, (program) => {
      commands += run(tt, program);
      ++count;
    });
    const details = fc.check(property, {
      seed,
      numRuns: path === undefined ? 1e7 : 1,
      ...(path !== undefined && { path }),
      ...(path === undefined && { interruptAfterTimeLimit: seconds * 1000 }),
      markInterruptAsFailure: false,
    });
    console.log(`programs on ${name}: ${count} programs, ${commands} commands, TT_FUZZ_SEED=${seed}`);
    tt.terminate();
    if (details.failed) {
      const replay = `TT_FUZZ_SEED=${seed} TT_FUZZ_PATH=${details.counterexamplePath}`;
      expect.fail(`${replay}\n${fc.stringify(details.counterexample)}\n${String(details.errorInstance)}`);
    }
    expect(count).toBeGreaterThan(path === undefined ? 10 : 0);
  },
  seconds * 1000 + 120_000,
);
