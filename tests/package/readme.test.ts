// The programs of README.md run as they stand, in the oldest Node that is supported.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { newProject, root } from './project.js';

const { folder, run } = await newProject();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const programs = Array.from(
  readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```js\n(.*?)^```$/gms),
  ([, program]) => program as string,
);

test('there are three', () => expect(programs).toHaveLength(3));

test.each(programs.map((program, i) => [i, program] as const))('program %i', async (i, program) => {
  writeFileSync(join(folder, `readme${i}.mjs`), program);
  const output = await run(process.execPath, `readme${i}.mjs`);
  expect(output).toContain(['true\n', ' bytes\n', '[ 64, 10 ] 640\n'][i]);
  expect(output).not.toMatch(/warn|error/i);
});
