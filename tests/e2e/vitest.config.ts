// The built page in a real browser: `npm run test:e2e`. Needs build/page (npm run build:page).
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LIMITS } from '../limits.js';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: {
    name: 'e2e',
    include: ['*.test.ts'],
    ...LIMITS,
    // The pages measure, but no test asserts what: two browsers at a time.
    maxWorkers: 2,
  },
});
