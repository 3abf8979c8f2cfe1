// scripts/train_mnist.mjs as it is called by hand and by the page's build, for a few batches.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { load } from 'tinytorch-wasm';

const script = fileURLToPath(new URL('../../../scripts/train_mnist.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'train-mnist-'));
afterAll(() => rmSync(folder, { recursive: true }));

function train(name: string, ...options: string[]): { said: string; file: Buffer } {
  const out = join(folder, name);
  const said = execFileSync(process.execPath, [script, '--out', out, '--epochs', '1', ...options], {
    encoding: 'utf8',
    cwd: folder,
  });
  return { said, file: readFileSync(out) };
}

test('a short run learns, and the same seed gives the same file', async () => {
  const first = train('a.safetensors', '--batches', '100', '--seed', '7');
  expect(Number(/test accuracy (\d+\.\d\d) %/.exec(first.said)?.[1])).toBeGreaterThan(80);
  expect(train('b.safetensors', '--batches', '100', '--seed', '7').file.equals(first.file)).toBe(true);
  expect(train('c.safetensors', '--batches', '2', '--seed', '8').file.equals(first.file)).toBe(false);

  const tt = await load({ variant: 'scalar' });
  const layers = [new tt.Dense(784, 256), new tt.ReLU(), new tt.Dense(256, 128), new tt.ReLU()];
  tt.loadModel(new tt.Sequential([...layers, new tt.Dense(128, 10)]), first.file);
});

test('--if-missing leaves a file alone, and wrong options are refused', () => {
  const { file } = train('d.safetensors', '--batches', '1');
  expect(train('d.safetensors', '--batches', '2', '--if-missing').file.equals(file)).toBe(true);
  const refused = spawnSync(process.execPath, [script, '--epochs', 'many'], { encoding: 'utf8' });
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain("--epochs takes a whole number from 1, not 'many'");
});
