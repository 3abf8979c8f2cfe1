// Native libraries on the same machine, where they are installed: programs that scripts/bench.sh has compiled
// from tests/peers/native, and PyTorch through Python.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { outDir, peersDir } from './site.mjs';

const program = (name) => join(outDir, 'native', name);
const isSquare = (c) => c.kind === 'product';

/** Python that can import torch: Debian's own is in /usr/bin, whatever else is first on PATH. */
function torchPython() {
  const candidates = [process.env.TORCH_PYTHON, '/usr/bin/python3', 'python3'].filter(Boolean);
  return candidates.find(
    (python) => spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0,
  );
}

function gemm(id, title, name, env = {}) {
  return {
    id,
    title,
    isThere: () => existsSync(program(name)),
    can: (c, threads) => isSquare(c) && (threads === 1 || id.startsWith('openblas')),
    start: (c, threads) => ({
      command: program(name),
      args: [],
      env: { OPENBLAS_NUM_THREADS: String(threads), ...env },
    }),
  };
}

const pytorch = {
  id: 'pytorch',
  title: 'PyTorch, native',
  isThere: () => (pytorch.python = torchPython()) !== undefined,
  can: (c) => c.kind !== 'product',
  start: () => ({ command: pytorch.python, args: [join(peersDir, 'native', 'torch_mlp.py')], env: {} }),
};

const all = [
  gemm('eigen-sse', 'Eigen, native, SSE4.2', 'gemm_eigen_sse'),
  gemm('openblas-sse', 'OpenBLAS, native, held to SSE', 'gemm_openblas', { OPENBLAS_CORETYPE: 'Nehalem' }),
  gemm('eigen-native', 'Eigen, native, all of the processor', 'gemm_eigen_native'),
  gemm('openblas-native', 'OpenBLAS, native, all of the processor', 'gemm_openblas'),
  pytorch,
];

export const nativeTitles = Object.fromEntries(all.map(({ id, title }) => [id, title]));

/** Those that can run here. */
export const nativePeers = () => all.filter((peer) => peer.isThere());
