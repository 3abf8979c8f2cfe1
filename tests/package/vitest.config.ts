// The package as users get it: packed, installed, bundled, loaded. Needs dist/ (npm run build:package).

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LIMITS } from '../limits.js';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: { name: 'package', include: ['*.test.ts'], ...LIMITS, maxWorkers: 2 },
});
