// Error texts that show a part of what the caller has given.

import { expect, test } from 'vitest';
import { build } from './builds.js';

const tt = await build('default');
const { Tensor: T } = tt;

/** For arguments that TypeScript would refuse. */
const wrong = (value: unknown): never => value as never;

test('texts of the caller are cut between two characters', () => {
  using x = T.ones([2, 2]);
  for (let shift = 0; shift < 4; ++shift) {
    const text = 'a'.repeat(shift) + '😀'.repeat(100);
    const calls = [
      () => x.softmax(wrong(text)),
      () => x.sum(wrong({ [text]: 1 })),
      () => tt.matmul(x, x, { kernel: wrong(text) }),
      () => new T(wrong(text)),
    ];
    for (const call of calls) {
      expect(call).toThrow('😀');
      // Half a pair is shown as an escape, or as the character for what is none.
      expect(call).not.toThrow(/\\ud83d|\p{Surrogate}|\uFFFD/u);
    }
  }
});
