// What each library can be asked to do. Read by the runner, so nothing here loads a library.

const trans = (c) => c.kind === 'product' && (c.transA || c.transB);

/** id -> title, npm package, and the forms it is driven in for a case and a number of threads ([] = cannot). */
export const peers = {
  onnxruntime: {
    title: 'onnxruntime-web',
    package: 'onnxruntime-web',
    forms(c) {
      if (c.kind === 'train') return [];
      if (c.kind === 'forward') return ['constant'];
      // In a training step neither operand of a gradient is constant.
      return trans(c) ? ['dynamic'] : ['constant', 'dynamic'];
    },
  },
  litert: {
    title: 'LiteRT.js',
    package: '@litertjs/core',
    forms(c) {
      if (c.kind === 'train' || c.dtype === 'float64') return [];
      if (c.kind === 'forward') return ['constant'];
      if (c.transA) return ['transpose'];
      return c.transB ? ['dynamic', 'fc-dynamic'] : ['constant', 'dynamic'];
    },
  },
  tfjs: {
    title: 'tfjs (wasm)',
    package: '@tensorflow/tfjs-backend-wasm',
    forms(c) {
      if (c.dtype === 'float64') return [];
      if (c.kind !== 'product') return ['kept'];
      return trans(c) ? ['kept', 'transpose'] : ['kept', 'new-b'];
    },
  },
  jax: {
    title: 'jax-js (wasm)',
    package: '@jax-js/jax',
    // Asynchronous calls use every processor: they count for "all threads" only.
    forms: (c, threads) => (threads > 1 ? ['async'] : ['sync']),
  },
  numpy_ts: {
    title: 'numpy-ts',
    package: 'numpy-ts',
    forms(c, threads) {
      if (threads > 1 || c.kind === 'train') return [];
      return trans(c) ? ['kept', 'copy'] : ['kept'];
    },
  },
  ml_matrix: {
    title: 'ml-matrix',
    package: 'ml-matrix',
    // float64 JavaScript, some twenty times slower: beyond 512 it would only cost time.
    forms: (c, threads) => (threads > 1 || c.kind === 'train' || c.flops > 3e8 ? [] : ['kept']),
  },
};
