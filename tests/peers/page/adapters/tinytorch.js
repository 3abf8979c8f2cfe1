// This library, as its users get it: the built package in dist/.
// Forms: `tensor` multiplies tensors that stay in its memory, into a new one; `out` writes into the same one each call;
// `dense` is a Dense layer, whose weight stays packed; `copied` makes the tensors from JavaScript arrays and copies the
// result out, each call; any other word forces the rung of that name.
import { layers } from '../cases.js';
import { networkInput, networkWeights, productData, trainingBatches, trainingOptions } from '../data.js';
import { verifiedSteps } from '../verify.js';

let tt;

export async function load({ threads, variant = 'auto' }) {
  const { load: start } = await import('/dist/index.js');
  tt = await start({ variant, threads });
  if (tt.threads !== threads)
    throw new Error(`asked for ${threads} threads, runs ${tt.threads}: ${tt.threadsReason}`);
  return {
    build: tt.variant,
    threadsInUse: tt.threads,
    kernels: tt
      .kernels()
      .filter((k) => k.available)
      .map((k) => k.name),
  };
}

/** GFLOP/s that one thread of this module can reach: a loop of register-only multiply-adds. */
export const peak = (dtype) => tt.peak?.(dtype) ?? null;

export function prepare(c, form) {
  if (c.kind === 'train') return training(c);
  return c.kind === 'forward' ? forward(c, form) : product(c, form);
}

/** A call that makes one tensor, and what the runner needs around it. */
function call(compute, owned) {
  return {
    run: () => compute().dispose(),
    verify() {
      const y = compute();
      const data = y.data();
      y.dispose();
      return data;
    },
    dispose: () => owned.forEach((object) => object.dispose()),
  };
}

/** A call that writes into the same tensor each time: what `compute` made the first time. */
function callInto(compute, owned) {
  const out = compute();
  return {
    run: () => void compute(out),
    verify: () => compute(out).data(),
    dispose: () => [out, ...owned].forEach((object) => object.dispose()),
  };
}

function product(c, form) {
  const { a, aShape, b, bShape } = productData(c);
  if (form === 'copied') {
    const compute = () => {
      const stored = [new tt.Tensor(a, { shape: aShape }), new tt.Tensor(b, { shape: bShape })];
      const [left, right] = operands(...stored, c);
      const y = tt.matmul(left, right);
      const data = y.data();
      for (const tensor of new Set([...stored, left, right, y])) tensor.dispose();
      return data;
    };
    return { run: () => void compute(), verify: compute };
  }
  const ta = new tt.Tensor(a, { shape: aShape });
  const tb = new tt.Tensor(b, { shape: bShape });
  if (form === 'dense') {
    const dense = new tt.Dense(c.k, c.n, { bias: false, dtype: c.dtype });
    dense.weight.copyFrom(tb);
    return call(() => inference(dense, ta), [ta, tb, dense]);
  }
  const [left, right] = operands(ta, tb, c);
  const owned = [...new Set([ta, tb, left, right])];
  if (form === 'out') return callInto((out) => tt.matmul(left, right, { out }), owned);
  const kernel = form === 'tensor' ? 'auto' : form;
  return call(() => tt.matmul(left, right, { kernel }), owned);
}

/** The operands as the product takes them: a transposed view costs no copy. */
const operands = (ta, tb, c) => [c.transA ? ta.transpose() : ta, c.transB ? tb.transpose() : tb];

/** The network with the weights that every library gets. */
function network() {
  const parts = networkWeights().flatMap((l, i) => {
    const dense = new tt.Dense(l.inputs, l.outputs);
    dense.weight.copyFrom(new tt.Tensor(l.weight, { shape: [l.inputs, l.outputs] }));
    dense.bias.copyFrom(new tt.Tensor(l.bias));
    return i === 0 ? [dense] : [new tt.ReLU(), dense];
  });
  return new tt.Sequential(parts);
}

function forward(c, form) {
  const model = network();
  const input = networkInput(c.batch);
  const shape = [c.batch, layers[0]];
  if (form === 'copied') {
    const compute = () => {
      const x = new tt.Tensor(input, { shape });
      const y = inference(model, x);
      const data = y.data();
      x.dispose();
      y.dispose();
      return data;
    };
    return { run: () => void compute(), verify: compute, dispose: () => model.dispose() };
  }
  const x = new tt.Tensor(input, { shape });
  if (form === 'out') {
    return callInto((out) => tt.noGrad(() => model.forward(x, { out })), [x, model]);
  }
  if (form !== 'tensor') model.setKernel(form);
  return call(() => inference(model, x), [x, model]);
}

/** A forward pass that remembers nothing for gradients, as the other libraries' are. */
const inference = (model, x) => tt.noGrad(() => model.forward(x));

function training(c) {
  const model = network();
  const { lr, beta1, beta2, eps } = trainingOptions[c.optimizer];
  const optimizer =
    c.optimizer === 'sgd'
      ? new tt.SGD(model.parameters(), { lr })
      : new tt.Adam(model.parameters(), { lr, betas: [beta1, beta2], eps });
  const lossFunction = new tt.CrossEntropyLoss();
  const batches = trainingBatches(c.batch).map(({ x, labels }) => ({
    x: new tt.Tensor(x, { shape: [c.batch, layers[0]] }),
    labels: new tt.Tensor(labels),
  }));
  let next = 0;
  const step = () =>
    tt.tidy(() => {
      const { x, labels } = batches[next++ % batches.length];
      const loss = lossFunction.forward(model.forward(x), labels);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
  return {
    run: () => step().dispose(),
    verify: () =>
      Array.from({ length: verifiedSteps }, () => {
        const loss = step();
        const value = loss.item();
        loss.dispose();
        return value;
      }),
  };
}
