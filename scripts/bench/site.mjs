// Puts together the folder that is served to the browsers: the page, the adapters, the package, the peers' files.
import { cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const root = join(import.meta.dirname, '..', '..');
export const peersDir = join(root, 'tests', 'peers');
export const outDir = join(root, 'build', 'bench');
const siteDir = join(outDir, 'site');

/** Files that a library fetches at run time, served as they are. */
const vendor = {
  'onnxruntime-web': 'onnxruntime-web/dist',
  litert: '@litertjs/core/wasm',
  tfjs: '@tensorflow/tfjs-backend-wasm/dist',
};

const importFromPeers = (path) => import(pathToFileURL(join(peersDir, path)).href);

/** Assembles the site and returns its folder. `peers`: ids of the libraries to bundle. */
export async function assembleSite(peers) {
  await rm(siteDir, { recursive: true, force: true });
  await cp(join(peersDir, 'page'), join(siteDir, 'page'), { recursive: true });
  if (existsSync(join(root, 'dist'))) await symlink(join(root, 'dist'), join(siteDir, 'dist'));
  if (peers.length > 0) {
    await mkdir(join(siteDir, 'vendor'));
    for (const [name, path] of Object.entries(vendor)) {
      await symlink(join(peersDir, 'node_modules', path), join(siteDir, 'vendor', name));
    }
    await bundleAdapters(peers);
  }
  return siteDir;
}

async function bundleAdapters(peers) {
  const { rolldown } = await importFromPeers('node_modules/rolldown/dist/index.mjs');
  const bundle = await rolldown({
    input: Object.fromEntries(peers.map((id) => [id, join(peersDir, 'page', 'adapters', `${id}.js`)])),
    external: [/^\/vendor\//],
    platform: 'browser',
    logLevel: 'silent',
  });
  await bundle.write({
    dir: join(siteDir, 'page', 'adapters'),
    format: 'esm',
    chunkFileNames: 'shared-[name]-[hash].js',
  });
  await bundle.close();
}

/** Writes the model that a contestant will fetch, where it needs one. */
export async function writeModel(adapter, c, form) {
  const kinds = { onnxruntime: ['onnx', 'onnxModel'], litert: ['tflite', 'tfliteModel'] };
  if (!(adapter in kinds)) return;
  const [kind, builder] = kinds[adapter];
  const path = join(siteDir, 'models', kind, form, `${c.id}.${kind}`);
  if (existsSync(path)) return;
  const builders = await importFromPeers(`models/${kind}.js`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, builders[builder](c, form));
}

/** Versions of the installed peers, from their package.json. */
export async function peerVersions(peers) {
  const { readFile } = await import('node:fs/promises');
  const version = async (name) =>
    JSON.parse(await readFile(join(peersDir, 'node_modules', name, 'package.json'), 'utf8')).version;
  return Object.fromEntries(
    await Promise.all(peers.map(async ({ id, package: name }) => [id, await version(name)])),
  );
}

/** Size in bytes of each wasm module of the package. */
export async function moduleFiles() {
  const dist = join(root, 'dist');
  if (!existsSync(dist)) return [];
  return (await readdir(dist, { recursive: true }))
    .filter((file) => file.endsWith('.wasm'))
    .map((file) => join(dist, file));
}
