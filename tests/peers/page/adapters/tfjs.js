// TensorFlow.js, the wasm backend.
// Forms: `kept` multiplies tensors that stay in its memory; `new-b` uploads B for each call, as its published
// figures do; `transpose` makes a transposed copy first (its product with a transposed operand is slow).
import * as tf from '@tensorflow/tfjs-core';
import { getThreadsCount, setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { layers } from '../cases.js';
import { networkInput, networkWeights, productData, trainingBatches, trainingOptions } from '../data.js';
import { verifiedSteps } from '../verify.js';

export async function load({ threads }) {
  // It runs on half of hardwareConcurrency at most, silently: on two processors that would be one thread.
  Object.defineProperty(navigator, 'hardwareConcurrency', { get: () => 2 * threads });
  setWasmPaths('/vendor/tfjs/');
  setThreadsCount(threads);
  await tf.setBackend('wasm');
  await tf.ready();
  const inUse = threads > 1 ? getThreadsCount() : 1;
  if (inUse !== threads) throw new Error(`asked for ${threads} threads, runs ${inUse}`);
  return { version: tf.version_core, threadsInUse: inUse };
}

export function prepare(c, form) {
  if (c.kind === 'train') return training(c);
  const compute = c.kind === 'forward' ? forward(c) : product(c, form);
  return {
    run: () => compute().dispose(),
    verify() {
      const y = compute();
      const data = y.dataSync().slice();
      y.dispose();
      return data;
    },
  };
}

function product(c, form) {
  const { a, aShape, b, bShape } = productData(c);
  const ta = tf.tensor2d(a, aShape);
  if (form === 'new-b') {
    return () => {
      const tb = tf.tensor2d(b, bShape);
      const y = tf.matMul(ta, tb, c.transA, c.transB);
      tb.dispose();
      return y;
    };
  }
  const tb = tf.tensor2d(b, bShape);
  if (form === 'transpose') {
    return () => tf.tidy(() => tf.matMul(c.transA ? tf.transpose(ta) : ta, c.transB ? tf.transpose(tb) : tb));
  }
  return () => tf.matMul(ta, tb, c.transA, c.transB);
}

function parameters() {
  return networkWeights().map((l) => ({
    weight: tf.tensor2d(l.weight, [l.inputs, l.outputs]),
    bias: tf.tensor1d(l.bias),
  }));
}

function forward(c) {
  const net = parameters();
  const x = tf.tensor2d(networkInput(c.batch), [c.batch, layers[0]]);
  return () =>
    tf.tidy(() =>
      net.reduce(
        (h, { weight, bias }, i) =>
          tf.fused.matMul({ a: h, b: weight, bias, activation: i < net.length - 1 ? 'relu' : undefined }),
        x,
      ),
    );
}

function training(c) {
  const net = parameters().map(({ weight, bias }) => ({
    weight: tf.variable(weight),
    bias: tf.variable(bias),
  }));
  const batches = trainingBatches(c.batch).map(({ x, labels }) => ({
    x: tf.tensor2d(x, [c.batch, layers[0]]),
    onehot: tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), layers.at(-1)), 'float32'),
  }));
  const { lr, beta1, beta2, eps } = trainingOptions[c.optimizer];
  const optimizer = c.optimizer === 'sgd' ? tf.train.sgd(lr) : tf.train.adam(lr, beta1, beta2, eps);
  let next = 0;
  const step = (returnLoss) => {
    const { x, onehot } = batches[next++ % batches.length];
    return optimizer.minimize(() => {
      const logits = net.reduce((h, { weight, bias }, i) => {
        const y = tf.add(tf.matMul(h, weight), bias);
        return i < net.length - 1 ? tf.relu(y) : y;
      }, x);
      return tf.losses.softmaxCrossEntropy(onehot, logits);
    }, returnLoss);
  };
  return {
    run: () => void step(false),
    verify: () =>
      Array.from({ length: verifiedSteps }, () => {
        const loss = step(true);
        const value = loss.dataSync()[0];
        loss.dispose();
        return value;
      }),
  };
}
