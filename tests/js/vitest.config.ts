// The package's tests, against dist/ as it is published: in Node, and in a page and a worker of Chromium.

import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { LIMITS } from '../limits.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const chromium = process.env['CHROMIUM_PATH'] || '/usr/bin/chromium';

export default defineConfig({
  root,
  resolve: { alias: { 'tinytorch-wasm': `${root}dist/index.js` } },
  server: { fs: { allow: [root] } },
  test: {
    ...LIMITS,
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: ['tests/js/*.test.ts', 'tests/js/node/*.test.ts'],
          pool: 'forks',
          execArgv: ['--expose-gc'],
        },
      },
      {
        extends: true,
        test: {
          name: 'chromium',
          include: ['tests/js/*.test.ts', 'tests/js/browser/*.test.ts'],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                executablePath: chromium,
                args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--js-flags=--expose-gc'],
              },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
});
