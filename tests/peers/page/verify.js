// Every result is compared with a float64 reference before anything is timed.
//
// The tolerance is the textbook bound of a dot product, |computed - exact| <= gamma_k * |A||B| with
// gamma_k = k u / (1 - k u), not a chosen constant.
import { layers } from './cases.js';
import {
  networkInput,
  networkWeights,
  productData,
  trainingBatches,
  trainingOptions,
  uniform,
} from './data.js';

const unitRoundoff = { float32: 2 ** -24, float64: 2 ** -53 };

function gamma(k, dtype) {
  const ku = k * unitRoundoff[dtype];
  return ku / (1 - ku);
}

/** Rows that are compared one element at a time; the rest is covered by Freivalds' check below. */
function sampledRows(c) {
  const affordable = Math.max(4, Math.floor(5e7 / (c.k * c.n)));
  if (affordable >= c.m) return Array.from({ length: c.m }, (_, i) => i);
  const rows = new Set([0, c.m - 1]);
  for (let i = 0; rows.size < affordable; ++i) rows.add(Math.floor((i * c.m) / affordable));
  return [...rows];
}

function verifyProduct(c, result) {
  const { a, b } = productData(c);
  if (result.length !== c.m * c.n) throw new Error(`result has ${result.length} elements, not ${c.m * c.n}`);
  const at = (i, p) => (c.transA ? a[p * c.m + i] : a[i * c.k + p]);
  const [bRow, bCol] = c.transB ? [1, c.k] : [c.n, 1];
  const exact = new Float64Array(c.n);
  const size = new Float64Array(c.n);
  let worst = 0;
  for (const i of sampledRows(c)) {
    exact.fill(0);
    size.fill(0);
    for (let p = 0; p < c.k; ++p) {
      const x = at(i, p);
      for (let j = 0, q = p * bRow; j < c.n; ++j, q += bCol) {
        const product = x * b[q];
        exact[j] += product;
        size[j] += Math.abs(product);
      }
    }
    for (let j = 0; j < c.n; ++j) {
      worst = Math.max(worst, Math.abs(result[i * c.n + j] - exact[j]) / (gamma(c.k, c.dtype) * size[j]));
    }
  }
  return Math.max(worst, freivalds(c, a, b, result));
}

/** Freivalds' check, over all of C at O(n^2): C.v against A.(B.v) for a random v, in float64. */
function freivalds(c, a, b, result) {
  const v = uniform(77, c.n, 1, Float64Array);
  const bv = new Float64Array(c.k);
  const bvSize = new Float64Array(c.k);
  for (let p = 0; p < c.k; ++p) {
    for (let j = 0; j < c.n; ++j) {
      const product = (c.transB ? b[j * c.k + p] : b[p * c.n + j]) * v[j];
      bv[p] += product;
      bvSize[p] += Math.abs(product);
    }
  }
  let worst = 0;
  for (let i = 0; i < c.m; ++i) {
    let left = 0;
    let right = 0;
    let size = 0;
    for (let j = 0; j < c.n; ++j) left += result[i * c.n + j] * v[j];
    for (let p = 0; p < c.k; ++p) {
      const x = c.transA ? a[p * c.m + i] : a[i * c.k + p];
      right += x * bv[p];
      size += Math.abs(x) * bvSize[p];
    }
    worst = Math.max(worst, Math.abs(left - right) / (gamma(c.k + c.n, c.dtype) * size));
  }
  return worst;
}

/** y = x.W + b in float64 with a running bound on the float32 error: |x||W| gamma plus what came in. */
function denseWithBound(rows, x, xBound, layer) {
  const { inputs, outputs, weight, bias } = layer;
  const y = new Float64Array(rows * outputs);
  const bound = new Float64Array(rows * outputs);
  const g = gamma(inputs + 1, 'float32');
  for (let i = 0; i < rows; ++i) {
    for (let j = 0; j < outputs; ++j) {
      y[i * outputs + j] = bias[j];
      bound[i * outputs + j] = g * Math.abs(bias[j]);
    }
    for (let p = 0; p < inputs; ++p) {
      const value = x[i * inputs + p];
      const carried = g * Math.abs(value) + (1 + g) * xBound[i * inputs + p];
      for (let j = 0; j < outputs; ++j) {
        const w = weight[p * outputs + j];
        y[i * outputs + j] += value * w;
        bound[i * outputs + j] += carried * Math.abs(w);
      }
    }
  }
  return { y, bound };
}

function verifyForward(c, result) {
  const rows = Math.min(c.batch, 64);
  if (result.length !== c.batch * layers.at(-1)) throw new Error(`result has ${result.length} elements`);
  let x = Float64Array.from(networkInput(c.batch).subarray(0, rows * layers[0]));
  let bound = new Float64Array(x.length);
  networkWeights().forEach((layer, i, all) => {
    ({ y: x, bound } = denseWithBound(rows, x, bound, layer));
    if (i < all.length - 1) x = x.map((v) => Math.max(v, 0)); // ReLU never widens an error
  });
  return x.reduce((worst, v, i) => Math.max(worst, Math.abs(result[i] - v) / bound[i]), 0);
}

/**
 * How far a loss may be from the float64 one, relatively. Rounding leaves about 1e-6; an Adam that keeps its
 * 1 - beta^t in float32, as tfjs does, is off by 1.6e-4 after four steps.
 */
const lossTolerance = 1e-3;

/** The losses of the first training steps in float64. */
export function referenceLosses(c, steps) {
  const net = networkWeights().map((l) => ({
    ...l,
    weight: Float64Array.from(l.weight),
    bias: Float64Array.from(l.bias),
    m: [new Float64Array(l.weight.length), new Float64Array(l.outputs)],
    v: [new Float64Array(l.weight.length), new Float64Array(l.outputs)],
  }));
  const batches = trainingBatches(c.batch);
  return Array.from({ length: steps }, (_, step) =>
    referenceStep(c, net, batches[step % batches.length], step + 1),
  );
}

function referenceStep(c, net, { x, labels }, step) {
  const rows = c.batch;
  const inputs = [Float64Array.from(x)];
  net.forEach((layer, i) => {
    const { y } = denseWithBound(rows, inputs[i], new Float64Array(inputs[i].length), layer);
    inputs.push(i < net.length - 1 ? y.map((v) => Math.max(v, 0)) : y);
  });

  // Softmax cross-entropy: dY = (softmax(y) - onehot) / rows.
  const classes = net.at(-1).outputs;
  let dy = new Float64Array(rows * classes);
  let loss = 0;
  for (let i = 0; i < rows; ++i) {
    const row = inputs.at(-1).subarray(i * classes, (i + 1) * classes);
    const top = row.reduce((p, q) => Math.max(p, q));
    const total = row.reduce((sum, v) => sum + Math.exp(v - top), 0);
    loss += (top + Math.log(total) - row[labels[i]]) / rows;
    row.forEach(
      (v, j) => (dy[i * classes + j] = (Math.exp(v - top) / total - (j === labels[i] ? 1 : 0)) / rows),
    );
  }

  for (let l = net.length - 1; l >= 0; --l) {
    const { inputs: nIn, outputs: nOut, weight, bias } = net[l];
    const h = inputs[l];
    const dw = new Float64Array(nIn * nOut);
    const db = new Float64Array(nOut);
    const dx = new Float64Array(rows * nIn);
    for (let i = 0; i < rows; ++i) {
      for (let j = 0; j < nOut; ++j) db[j] += dy[i * nOut + j];
      for (let p = 0; p < nIn; ++p) {
        let sum = 0;
        for (let j = 0; j < nOut; ++j) {
          dw[p * nOut + j] += h[i * nIn + p] * dy[i * nOut + j];
          sum += dy[i * nOut + j] * weight[p * nOut + j];
        }
        dx[i * nIn + p] = l > 0 && h[i * nIn + p] <= 0 ? 0 : sum;
      }
    }
    update(c.optimizer, weight, dw, net[l].m[0], net[l].v[0], step);
    update(c.optimizer, bias, db, net[l].m[1], net[l].v[1], step);
    dy = dx;
  }
  return loss;
}

function update(optimizer, value, gradient, m, v, step) {
  const { lr, beta1, beta2, eps } = trainingOptions[optimizer];
  for (let i = 0; i < value.length; ++i) {
    if (optimizer === 'sgd') {
      value[i] -= lr * gradient[i];
      continue;
    }
    m[i] = beta1 * m[i] + (1 - beta1) * gradient[i];
    v[i] = beta2 * v[i] + (1 - beta2) * gradient[i] ** 2;
    value[i] -= (lr * (m[i] / (1 - beta1 ** step))) / (Math.sqrt(v[i] / (1 - beta2 ** step)) + eps);
  }
}

export const verifiedSteps = 4;

function verifyTraining(c, losses) {
  const exact = referenceLosses(c, verifiedSteps);
  return exact.reduce((worst, loss, i) => Math.max(worst, Math.abs(losses[i] / loss - 1) / lossTolerance), 0);
}

/** The largest error as a share of what is allowed; at most 1 for a correct result, NaN never passes. */
export function errorShare(c, result) {
  const share = { product: verifyProduct, forward: verifyForward, train: verifyTraining }[c.kind](c, result);
  // Math.max drops no NaN, but a short or wrongly typed result must not pass either.
  return Number.isFinite(share) ? share : Infinity;
}
