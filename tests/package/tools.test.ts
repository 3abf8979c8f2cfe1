// The package in the tools that people use, each with its default configuration. The tools are in tests/package/tools;
// where they could not be installed, their tests are left out.

import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { ISOLATED, newProject, serve, startServer, titleOf } from './project.js';

const tools = fileURLToPath(new URL('./tools/node_modules', import.meta.url));
const tool = (name: string): string => join(tools, name);

const project = await newProject();
const { folder, run } = project;
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const node = process.execPath;

/** Loads the library, trains three steps and tells what came of it: in a page by its title. */
const program = (entry: string, load = `import { load } from '${entry}';`): string => `${load}
const tell = (text) => (typeof document === 'undefined' ? console.log(text) : (document.title = text));
async function main() {
  const tt = await load();
  tt.manualSeed(1);
  const model = new tt.Sequential([new tt.Dense(3, 8), new tt.Tanh(), new tt.Dense(8, 1)]);
  const optimizer = new tt.SGD(model.parameters(), { lr: 0.05 });
  const loss = new tt.MSELoss();
  const x = tt.Tensor.randn([32, 3]);
  const losses = [];
  for (let step = 0; step < 3; ++step) {
    const off = loss.forward(model.forward(x), x.sum({ dim: 1, keepdim: true }));
    losses.push(off.item());
    optimizer.zeroGrad();
    off.backward();
    optimizer.step();
  }
  const falls = losses[0] > losses[1] && losses[1] > losses[2];
  tell(\`\${tt.variant} x\${tt.threads > 1 ? 'n' : 1}: \${falls ? 'the loss falls' : losses}\`);
}
main().catch((error) => tell(String(error)));
`;
writeFileSync(join(folder, 'files.js'), program('tinytorch-wasm'));
writeFileSync(join(folder, 'embedded.js'), program('tinytorch-wasm/embedded'));
writeFileSync(join(folder, 'files.cjs'), program('', "const { load } = require('tinytorch-wasm');"));
writeFileSync(
  join(folder, 'embedded.cjs'),
  program('', "const { load } = require('tinytorch-wasm/embedded');"),
);

/** A folder with a page that has this script. */
function page(name: string, script: string, type = 'module'): string {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(
    join(folder, name, 'index.html'),
    `<!doctype html><title>working</title><script type="${type}" src="${script}"></script>`,
  );
  return join(folder, name);
}

async function titleFrom(
  site: string,
  headers: Record<string, string> = {},
  mayMiss = false,
): Promise<string> {
  const server = await serve(site, headers);
  try {
    return await titleOf(server.url, mayMiss);
  } finally {
    server.close();
  }
}

const ALONE = 'relaxed x1: the loss falls';
const THREADS = 'relaxed xn: the loss falls';

test.each(['files.js', 'files.cjs', 'embedded.js', 'embedded.cjs'])('Node, %s', async (file) => {
  expect(await run(node, file)).toMatch(/^(simd|relaxed) x[1n]: the loss falls\n$/);
});

test('a page without any tool', async () => {
  writeFileSync(join(folder, 'plain.js'), program('/node_modules/tinytorch-wasm/dist/index.js'));
  page('.', '/plain.js');
  expect(await titleFrom(folder, ISOLATED)).toBe(THREADS);
});

test('the package on another origin', async () => {
  const host = await serve(project.installed, {
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
  });
  const site = page('another-origin', './main.js');
  writeFileSync(join(site, 'main.js'), program(`${host.url}dist/index.js`));
  const { origin } = new URL(host.url);
  const policy =
    `default-src 'none'; script-src 'self' ${origin} 'wasm-unsafe-eval'; ` +
    `connect-src ${origin}; worker-src blob: ${origin}`;
  try {
    expect(await titleFrom(site, { ...ISOLATED, 'content-security-policy': policy })).toBe(THREADS);
  } finally {
    host.close();
  }
});

describe.skipIf(!existsSync(tools))('with tests/package/tools', () => {
  test('webpack, for production', async () => {
    await run(
      node,
      tool('webpack-cli/bin/cli.js'),
      '--mode',
      'production',
      '--entry',
      './files.js',
      '-o',
      'webpack',
    );
    const site = page('webpack', './main.js', 'text/javascript');
    expect(await titleFrom(site)).toBe(ALONE);
    expect(await titleFrom(site, ISOLATED)).toBe(THREADS);
  });

  describe.each(['vite5', 'vite6', 'vite7'])('%s', (vite) => {
    const cli = tool(`${vite}/bin/vite.js`);
    page('.', './files.js');

    test('build', async () => {
      await run(node, cli, 'build', '--base', './', '--outDir', vite);
      expect(await titleFrom(join(folder, vite), ISOLATED)).toBe(THREADS);
    });

    test('development', async () => {
      const server = await startServer(folder, cli, '--port', '0', '--host', 'localhost');
      try {
        expect(await titleOf(server.url)).toBe(ALONE);
      } finally {
        server.close();
      }
    });

    test('build with a worker', async () => {
      writeFileSync(
        join(folder, 'worker.js'),
        program('tinytorch-wasm').replace(
          "typeof document === 'undefined' ? console.log(text)",
          'true ? postMessage(text)',
        ),
      );
      writeFileSync(
        join(folder, 'owner.js'),
        `import Work from './worker.js?worker';
         new Work().onmessage = ({ data }) => (document.title = data);`,
      );
      page('with-worker', '../owner.js');
      await run(node, cli, 'build', 'with-worker', '--base', './', '--outDir', `../${vite}-worker`);
      expect(await titleFrom(join(folder, `${vite}-worker`), ISOLATED)).toBe(THREADS);
    });
  });

  test('esbuild, whose output lacks the files: the error says what to do', async () => {
    const esbuild = tool('esbuild/bin/esbuild');
    await run(esbuild, 'files.js', '--bundle', '--format=esm', '--outfile=esbuild/main.js');
    const told = await titleFrom(page('esbuild', './main.js'), {}, true);
    expect(told).toContain('tinytorch-relaxed.wasm answered 404');
    expect(told).toContain('copy node_modules/tinytorch-wasm/dist/tinytorch-*');
    await run('sh', '-c', 'cp node_modules/tinytorch-wasm/dist/tinytorch-* esbuild');
    expect(await titleFrom(join(folder, 'esbuild'), ISOLATED)).toBe(THREADS);
  });

  test.each(['esm', 'iife'])('esbuild, embedded, as %s', async (format) => {
    const esbuild = tool('esbuild/bin/esbuild');
    await run(
      esbuild,
      'embedded.js',
      '--bundle',
      `--format=${format}`,
      `--outfile=esbuild-${format}/main.js`,
    );
    const type = format === 'esm' ? 'module' : 'text/javascript';
    expect(await titleFrom(page(`esbuild-${format}`, './main.js', type))).toBe(ALONE);
  });

  test('Rollup, embedded', async () => {
    const plugin = tool('@rollup/plugin-node-resolve/dist/cjs/index.js');
    await run(
      node,
      tool('rollup/dist/bin/rollup'),
      'embedded.js',
      '-p',
      plugin,
      '-f',
      'es',
      '-o',
      'rollup/main.js',
    );
    expect(await titleFrom(page('rollup', './main.js'))).toBe(ALONE);
  });

  test.each(['node', 'jsdom'])('Jest, as CommonJS, in %s', async (environment) => {
    const suite = join(folder, `jest-${environment}`);
    mkdirSync(suite);
    writeFileSync(join(suite, 'package.json'), '{ "name": "suite" }');
    writeFileSync(
      join(suite, 'product.test.js'),
      `const { load } = require('tinytorch-wasm');
       const embedded = require('tinytorch-wasm/embedded');
       test('a product', async () => {
         for (const each of [load, embedded.load]) {
           const tt = await each();
           const x = tt.Tensor.ones([4, 5]);
           expect(x.matmul(x.transpose()).sum().item()).toBe(80);
           tt.terminate();
         }
       });`,
    );
    const jest = tool('jest/bin/jest.js');
    const chosen = environment === 'node' ? 'node' : tool('jest-environment-jsdom');
    const output = await run(node, jest, '--rootDir', suite, '--env', chosen, '--watchman=false');
    expect(output).toContain('1 passed');
  });

  test('the oldest TypeScript, without skipLibCheck', async () => {
    writeFileSync(
      join(folder, 'typescript52.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'ES2022',
          module: 'NodeNext',
          moduleResolution: 'NodeNext',
          lib: ['ES2022', 'DOM'],
          types: [],
          strict: true,
          skipLibCheck: false,
          noEmit: true,
        },
        files: ['oldest.ts'],
      }),
    );
    writeFileSync(
      join(folder, 'oldest.ts'),
      `import { load, type Tensor } from 'tinytorch-wasm';
       import { load as embedded } from 'tinytorch-wasm/embedded';
       export const tt = await load();
       export const x: Tensor = tt.Tensor.ones([2, 3]);
       export const file: Blob = new Blob([tt.writeSafetensors([['x', x]])]);
       export const other = embedded({ variant: 'simd' });`,
    );
    await run(node, tool('typescript52/bin/tsc'), '-p', 'typescript52.json');
  });
});
