import { expect, test } from 'vitest';

test('this page is cross-origin isolated, so that threads are tested', () => {
  expect(crossOriginIsolated).toBe(true);
});
