// The package's tests, against dist/ as it is published: in Node, and in a page and a worker of Chromium.

import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { LIMITS } from '../limits.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const chromium = process.env['CHROMIUM_PATH'] || '/usr/bin/chromium';

/** In Node and in Chromium. */
const everywhere = ['tests/js/*.test.ts', 'tests/fuzz/js/*.test.ts'];

/** Threads need a page that is cross-origin isolated. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

function inChromium(name: string, isolated: boolean, include: string[]): TestProjectInlineConfiguration {
  return {
    extends: true,
    server: { headers: isolated ? isolation : {} },
    test: {
      name,
      include,
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
  };
}

export default defineConfig({
  root,
  resolve: {
    alias: [
      { find: /^tinytorch-wasm$/, replacement: `${root}dist/index.js` },
      { find: /^tinytorch-wasm\/(\w+)$/, replacement: `${root}dist/$1.js` },
    ],
  },
  server: { fs: { allow: [root] } },
  test: {
    ...LIMITS,
    maxWorkers: 2, // Vitest leaves a core free; some tests wait more than they compute
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: [...everywhere, 'tests/js/node/*.test.ts'],
          pool: 'forks',
          execArgv: ['--expose-gc'],
        },
      },
      inChromium('chromium', true, [...everywhere, 'tests/js/browser/*.test.ts']),
      // A page without the two headers: one thread, and a coarser clock.
      inChromium('chromium-plain', false, [
        'tests/js/{load,threads,tensor,matmul,train}.test.ts',
        'tests/js/plain/*.test.ts',
      ]),
    ],
  },
});
