// The cases that every library is measured on. Read by the page and by the runner, so it imports nothing.

/** One matrix product C[m,n] = op(A) . op(B); a transposed operand is stored transposed. */
function product(
  m,
  k,
  n,
  { dtype = 'float32', transA = false, transB = false, group = 'shapes', label } = {},
) {
  const form = transA ? 'TN' : transB ? 'NT' : 'NN';
  const shape = label ?? `${m}x${k}x${n}`;
  return {
    id: `${dtype === 'float64' ? 'f64' : 'f32'}-${shape}${form === 'NN' ? '' : `-${form}`}`,
    kind: 'product',
    group,
    dtype,
    label: `${shape}${form === 'TN' ? ' XᵀdY' : form === 'NT' ? ' dY·Wᵀ' : ''}`,
    m,
    k,
    n,
    transA,
    transB,
    flops: 2 * m * k * n,
  };
}

const square = (size, dtype, group) => product(size, size, size, { dtype, group, label: String(size) });

const sizes = [16, 32, 64, 100, 128, 256, 500, 512, 1000, 1024, 2000];

/** The network of the project: 784-256-128-10 with ReLU between. */
export const layers = [784, 256, 128, 10];

const weights = layers.slice(1).reduce((sum, out, i) => sum + layers[i] * out, 0);

function forward(batch) {
  return {
    id: `forward-${batch}`,
    kind: 'forward',
    group: 'network',
    dtype: 'float32',
    label: `forward, batch ${batch}`,
    batch,
    flops: 2 * batch * weights,
  };
}

function train(optimizer, batch = 64) {
  return {
    id: `train-${optimizer}`,
    kind: 'train',
    group: 'training',
    dtype: 'float32',
    label: `training step, ${optimizer === 'sgd' ? 'SGD' : 'Adam'}, batch ${batch}`,
    optimizer,
    batch,
    // Forward, weight gradients, and input gradients of every layer but the first.
    flops: 2 * batch * (3 * weights - layers[0] * layers[1]),
  };
}

// dW = Xᵀ.dY and dX = dY.Wᵀ of the three layers at batch 64; the first layer needs no input gradient.
const gradients = [
  product(784, 64, 256, { transA: true, group: 'gradients' }),
  product(256, 64, 128, { transA: true, group: 'gradients' }),
  product(128, 64, 10, { transA: true, group: 'gradients' }),
  product(64, 128, 256, { transB: true, group: 'gradients' }),
  product(64, 10, 128, { transB: true, group: 'gradients' }),
];

const layerShapes = [
  [1, 784, 256],
  [64, 784, 256],
  [64, 256, 128],
  [64, 128, 10],
  [1024, 784, 256],
].map(([m, k, n]) => product(m, k, n, { group: 'layers' }));

export const cases = [
  ...sizes.map((size) => square(size, 'float32', 'square')),
  ...layerShapes,
  ...gradients,
  ...[1, 64, 1024].map(forward),
  train('sgd'),
  train('adam'),
  ...sizes.map((size) => square(size, 'float64', 'float64')),
];

/** The few cases of a short run: one of each sort. */
export const quickCases = ['f32-64', 'f32-256', 'f32-500', 'f32-64x784x256', 'forward-1', 'forward-64'];

/** Cases whose id or group is in the comma-separated list; all of them for an empty one. */
export function selectCases(list) {
  const wanted = list.split(',').filter(Boolean);
  if (wanted.length === 0) return cases;
  const unknown = wanted.filter((word) => !cases.some((c) => c.id === word || c.group === word));
  if (unknown.length > 0) {
    const groups = [...new Set(cases.map((c) => c.group))];
    throw new Error(
      `unknown case ${unknown.join(', ')}; groups: ${groups.join(' ')}; cases: ${cases.map((c) => c.id).join(' ')}`,
    );
  }
  return cases.filter((c) => wanted.includes(c.id) || wanted.includes(c.group));
}
