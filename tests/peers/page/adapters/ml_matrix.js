// ml-matrix: plain JavaScript, float64 throughout (a float32 case is computed in float64, and compared as such).
import { Matrix } from 'ml-matrix';
import { layers } from '../cases.js';
import { networkInput, networkWeights, productData } from '../data.js';

export const load = () => ({});

const matrix = (data, [rows, columns]) => Matrix.from1DArray(rows, columns, data);

export function prepare(c) {
  const compute = c.kind === 'forward' ? forward(c) : product(c);
  return { run: () => void compute(), verify: () => Float64Array.from(compute().to1DArray()) };
}

function product(c) {
  const { a, aShape, b, bShape } = productData(c);
  const ma = matrix(a, aShape);
  const mb = matrix(b, bShape);
  return () => (c.transA ? ma.transpose() : ma).mmul(c.transB ? mb.transpose() : mb);
}

function forward(c) {
  const net = networkWeights().map((l) => ({
    weight: matrix(l.weight, [l.inputs, l.outputs]),
    bias: Array.from(l.bias),
  }));
  const x = matrix(networkInput(c.batch), [c.batch, layers[0]]);
  return () =>
    net.reduce((h, { weight, bias }, i) => {
      const y = h.mmul(weight).addRowVector(bias);
      return i < net.length - 1 ? y.apply((row, col) => y.get(row, col) < 0 && y.set(row, col, 0)) : y;
    }, x);
}
