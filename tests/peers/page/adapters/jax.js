// jax-js, the wasm device. It frees an array when it is used; `.ref` keeps it for another use.
// Forms: `sync` runs on the calling thread alone; `async` spreads over its workers (one for each processor).
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { layers } from '../cases.js';
import { networkInput, networkWeights, productData, trainingBatches, trainingOptions } from '../data.js';
import { verifiedSteps } from '../verify.js';

export async function load({ threads, form }) {
  if (form === 'sync' && threads > 1) throw new Error('synchronous calls use one thread');
  await init('wasm');
  defaultDevice('wasm');
  return {};
}

const array = (data, shape) => np.array(data).reshape(shape);

export function prepare(c, form) {
  if (c.kind === 'train') return training(c, form);
  const compute = c.kind === 'forward' ? forward(c) : product(c);
  // Lazy until asked for: dataSync computes here, blockUntilReady on the workers.
  const run =
    form === 'sync'
      ? () => void compute().dataSync()
      : async () => {
          const y = await compute().blockUntilReady();
          y.dispose();
        };
  return { run, verify: () => (form === 'sync' ? compute().dataSync() : compute().data()) };
}

function product(c) {
  const { a, aShape, b, bShape } = productData(c);
  const ta = array(a, aShape);
  const tb = array(b, bShape);
  return () => np.matmul(c.transA ? np.transpose(ta.ref) : ta.ref, c.transB ? np.transpose(tb.ref) : tb.ref);
}

const parameters = () =>
  networkWeights().map((l) => ({ weight: array(l.weight, [l.inputs, l.outputs]), bias: np.array(l.bias) }));

const network = (net, x) =>
  net.reduce((h, { weight, bias }, i) => {
    const y = np.matmul(h, weight).add(bias);
    return i < net.length - 1 ? nn.relu(y) : y;
  }, x);

function forward(c) {
  const net = parameters();
  const x = array(networkInput(c.batch), [c.batch, layers[0]]);
  const compiled = jit(network);
  return () => compiled(tree.ref(net), x.ref);
}

function training(c, form) {
  const lossAndGradients = valueAndGrad((net, x, onehot) =>
    nn
      .logSoftmax(network(net, x))
      .mul(onehot)
      .sum()
      .mul(-1 / c.batch),
  );
  const { lr, beta1, beta2, eps } = trainingOptions[c.optimizer];

  const sgd = jit((net, x, onehot) => {
    const [loss, gradients] = lossAndGradients(tree.ref(net), x, onehot);
    return [loss, tree.map((p, g) => p.sub(g.mul(lr)), net, gradients)];
  });
  const adam = jit(({ net, m, v }, x, onehot, mScale, vScale) => {
    const [loss, gradients] = lossAndGradients(tree.ref(net), x, onehot);
    const m1 = tree.map((p, g) => p.mul(beta1).add(g.mul(1 - beta1)), m, tree.ref(gradients));
    const v1 = tree.map((p, g) => p.mul(beta2).add(np.square(g).mul(1 - beta2)), v, gradients);
    const change = (mi, vi) =>
      mi
        .mul(mScale.ref)
        .mul(lr)
        .div(np.sqrt(vi.mul(vScale.ref)).add(eps));
    const net1 = tree.map((p, mi, vi) => p.sub(change(mi, vi)), net, tree.ref(m1), tree.ref(v1));
    mScale.dispose();
    vScale.dispose();
    return [loss, { net: net1, m: m1, v: v1 }];
  });

  const zeros = () => tree.map((p) => np.zerosLike(p), parameters());
  let state = c.optimizer === 'sgd' ? parameters() : { net: parameters(), m: zeros(), v: zeros() };
  const batches = trainingBatches(c.batch).map(({ x, labels }) => ({
    x: array(x, [c.batch, layers[0]]),
    onehot: nn.oneHot(np.array(labels), layers.at(-1)),
  }));
  let count = 0;
  const step = () => {
    const { x, onehot } = batches[count++ % batches.length];
    let loss;
    if (c.optimizer === 'sgd') {
      [loss, state] = sgd(state, x.ref, onehot.ref);
    } else {
      const correction = (beta) => np.array(1 / (1 - beta ** count));
      [loss, state] = adam(state, x.ref, onehot.ref, correction(beta1), correction(beta2));
    }
    return loss;
  };
  // Reading the loss of one step computes the parameters of the step before: all work is done, one step late.
  const run = form === 'sync' ? () => void step().dataSync() : async () => void (await step().data());
  return {
    run,
    async verify() {
      const losses = [];
      for (let i = 0; i < verifiedSteps; ++i)
        losses.push(form === 'sync' ? step().dataSync()[0] : (await step().data())[0]);
      return losses;
    },
  };
}
