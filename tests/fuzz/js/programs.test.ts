// Random programs over the whole API, beside the reference of tests/reference.
//
// A failure is shrunk to a short program and printed with what repeats it: VITE_SEED=... VITE_PATH=... and the build.
// VITE_SEED=random and VITE_PROGRAMS=... hunt: as many other programs on each build.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { build, type Build, builds } from '../../js/builds.js';
import { programs, run } from './program.js';

const settings = (import.meta as unknown as { env: Record<string, string | undefined> }).env;
const asked = settings['VITE_SEED'] ?? '1';
const start = asked === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(asked);
const path = settings['VITE_PATH'];

/** Most on the builds with threads: the first is what users get. */
const usual = (name: Build): number => (name === 'default' || name === 'simd-mt' ? 120 : 40);
const numberOf = (name: Build): number => Number(settings['VITE_PROGRAMS'] ?? usual(name));

/** After so many programs the page has its turn. */
const TURN = 20;

test.each(builds())('random programs, build %s', { timeout: 24 * 3_600_000 }, async (name) => {
  if (asked === 'random') console.log(`VITE_SEED=${start}`);
  const tt = await build(name);
  const seed = start + builds().indexOf(name); // each build has programs of its own
  let count = 0;
  const property = fc.asyncProperty(programs, async (program) => {
    if (++count % TURN === 0) await new Promise((resolve) => setTimeout(resolve));
    run(tt, program);
  });
  const details = await fc.check(property, {
    seed,
    numRuns: path === undefined ? numberOf(name) : 1,
    ...(path !== undefined && { path }),
  });
  if (!details.failed) return;
  const { counterexamplePath, errorInstance } = details;
  expect.fail(
    `VITE_SEED=${start} VITE_PATH=${counterexamplePath} and -t 'build ${name}' repeat it\n${(errorInstance as Error).message}`,
  );
});
