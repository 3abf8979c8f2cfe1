// numpy-ts: NumPy's interface over small wasm kernels, one thread, float32 and float64.
// Forms: `kept` multiplies arrays that stay in its memory; `copy` copies a transposed view first, which its kernels
// take at full speed.
import * as np from 'numpy-ts';
import { networkInput, networkWeights, productData } from '../data.js';
import { layers } from '../cases.js';

export function load() {
  np.configureWasm({ maxMemory: 512 * 1024 * 1024 });
  return { version: np.__version__ };
}

const array = (data, shape, dtype) => np.array(data, dtype).reshape(...shape);

export function prepare(c, form) {
  const compute = c.kind === 'forward' ? forward(c) : product(c, form);
  return {
    run: () => compute().dispose(),
    verify: () => compute().data.slice(),
  };
}

function product(c, form) {
  const { a, aShape, b, bShape } = productData(c);
  const stored = [array(a, aShape, c.dtype), array(b, bShape, c.dtype)];
  const ta = c.transA ? stored[0].T : stored[0];
  const tb = c.transB ? stored[1].T : stored[1];
  if (form === 'kept') return () => np.matmul(ta, tb);
  return () => {
    const copies = [];
    const contiguous = (view) => copies[copies.push(np.ascontiguousarray(view)) - 1];
    const y = np.matmul(c.transA ? contiguous(ta) : ta, c.transB ? contiguous(tb) : tb);
    for (const copy of copies) copy.dispose();
    return y;
  };
}

function forward(c) {
  const net = networkWeights().map((l) => ({
    weight: array(l.weight, [l.inputs, l.outputs], 'float32'),
    bias: array(l.bias, [l.outputs], 'float32'),
  }));
  const x = array(networkInput(c.batch), [c.batch, layers[0]], 'float32');
  const zero = array(new Float32Array(1), [1], 'float32');
  return () => {
    let h = x;
    net.forEach(({ weight, bias }, i) => {
      const parts = [np.matmul(h, weight)];
      parts.push(np.add(parts[0], bias));
      if (i < net.length - 1) parts.push(np.maximum(parts[1], zero));
      if (h !== x) h.dispose();
      h = parts.pop();
      for (const part of parts) part.dispose();
    });
    return h;
  };
}
