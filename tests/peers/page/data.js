// The numbers that go in. The same seed gives the same data in the page, in the runner (which builds the
// peers' models) and in the native programs' driver.
import { layers } from './cases.js';

/** mulberry32: a small seeded generator; uniform in [-scale, scale). */
export function uniform(seed, count, scale = 1, ArrayType = Float32Array) {
  const out = new ArrayType(count);
  let state = seed >>> 0;
  for (let i = 0; i < count; ++i) {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    out[i] = (((t ^ (t >>> 14)) >>> 0) / 2147483648 - 1) * scale;
  }
  return out;
}

/** A and B of a product as they are stored: a transposed operand has its two sizes swapped. */
export function productData(c) {
  const ArrayType = c.dtype === 'float64' ? Float64Array : Float32Array;
  return {
    a: uniform(1, c.m * c.k, 1, ArrayType),
    aShape: c.transA ? [c.k, c.m] : [c.m, c.k],
    b: uniform(2, c.k * c.n, 1, ArrayType),
    bShape: c.transB ? [c.n, c.k] : [c.k, c.n],
  };
}

/** Weights [in, out] and biases of the network, Kaiming-uniform so that activations keep their size. */
export function networkWeights() {
  return layers.slice(1).map((out, i) => {
    const inputs = layers[i];
    return {
      inputs,
      outputs: out,
      weight: uniform(10 + i, inputs * out, Math.sqrt(6 / inputs)),
      bias: uniform(20 + i, out, 0.1),
    };
  });
}

export function networkInput(batch) {
  return uniform(30, batch * layers[0]).map(Math.abs);
}

/** Several batches of a training run: images in [0, 1) and labels. */
export function trainingBatches(batch, count = 8) {
  const classes = layers.at(-1);
  return Array.from({ length: count }, (_, i) => ({
    x: uniform(100 + i, batch * layers[0]).map(Math.abs),
    labels: Int32Array.from(uniform(200 + i, batch), (v) =>
      Math.min(classes - 1, Math.floor(((v + 1) / 2) * classes)),
    ),
  }));
}

export const trainingOptions = {
  sgd: { lr: 0.01 },
  adam: { lr: 0.001, beta1: 0.9, beta2: 0.999, eps: 1e-8 },
};
