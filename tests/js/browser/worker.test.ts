// The same package in a web worker.

import { expect, test } from 'vitest';

test('a worker loads the package and computes', async () => {
  const worker = new Worker(new URL('./compute_worker.ts', import.meta.url), { type: 'module' });
  const answer = await new Promise((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.terminate();
  expect(answer).toEqual({
    variant: 'relaxed',
    product: [
      [3, 3],
      [3, 3],
    ],
    error: 'ShapeError',
  });
});
