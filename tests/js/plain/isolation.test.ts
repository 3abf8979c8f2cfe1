import { expect, test } from 'vitest';

test('this page is not cross-origin isolated', () => {
  expect(crossOriginIsolated).toBe(false);
});
