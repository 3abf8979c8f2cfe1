// The same computation as digest.cpp, line by line, through the package: random numbers, products, every operation with
// its gradient, an epoch of training. Runs in any engine.

const FLOATS = ['float32', 'float64'];
const DTYPES = ['float32', 'float64', 'int32', 'uint8'];

/** The digest of numbers, as in hash.h: two 32-bit lanes over 32-bit words. NaN counts as one value. */
class Hash {
  #a = 2166136261;
  #b = 0;
  word(w) {
    this.#a = Math.imul(this.#a ^ w, 16777619);
    this.#b = Math.imul(((this.#b << 5) | (this.#b >>> 27)) ^ w, 0x9e3779b1);
  }
  /** A double. */
  number(x) {
    this.elements(new Float64Array([x]));
  }
  elements(values) {
    if (values instanceof Float32Array || values instanceof Float64Array) {
      const words = new Uint32Array(values.buffer, values.byteOffset, values.byteLength / 4);
      const each = values.BYTES_PER_ELEMENT / 4;
      for (let i = 0; i < values.length; ++i) {
        if (Number.isNaN(values[i])) this.word(0x7fc00000);
        else for (let k = 0; k < each; ++k) this.word(words[i * each + k]);
      }
    } else {
      for (const value of values) this.word(value);
    }
  }
  /** Shape and elements. */
  tensor(tensor) {
    this.word(DTYPES.indexOf(tensor.dtype));
    for (const size of tensor.shape) this.word(size);
    this.elements(tensor.data());
  }
  /** 16 hexadecimal digits. */
  text() {
    return [this.#a, this.#b].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

/** Sizes for products, from a generator that C++ has too. */
class Sizes {
  #state = 12345;
  upto(most) {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return 1 + ((this.#state >>> 8) % most);
  }
}

// In the order of digest.cpp. A name before a dot is one of the package; tests/js/digest.test.ts compares.
export const UNARY = {
  neg: (a) => a.neg(),
  abs: (a) => a.abs(),
  exp: (a) => a.exp(),
  log: (a) => a.abs().log(),
  sqrt: (a) => a.abs().sqrt(),
  relu: (a) => a.relu(),
  sigmoid: (a) => a.sigmoid(),
  tanh: (a) => a.tanh(),
  gelu: (a) => a.gelu(),
  sum: (a) => a.sum(),
  'sum.0': (a) => a.sum({ dim: 0 }),
  'mean.1': (a) => a.mean({ dim: 1, keepdim: true }),
  mean: (a) => a.mean(),
  max: (a) => a.max(),
  'max.0': (a) => a.max({ dim: 0 }),
  softmax: (a) => a.softmax(),
  'softmax.0': (a) => a.softmax(0),
  logSoftmax: (a) => a.logSoftmax(),
  reshape: (a) => a.reshape([-1]),
  transpose: (a) => a.transpose(),
  slice: (a) => a.slice(1, 1, 30, 3),
  expand: (a) => a.expand([2, ...a.shape]),
  clone: (a) => a.clone(),
  LayerNorm: (a, tt) => new tt.LayerNorm(a.shape[1], { dtype: a.dtype }).forward(a),
  Dropout: (a, tt) => new tt.Dropout(0.4).forward(a),
  Flatten: (a, tt) => new tt.Flatten().forward(a),
  ReLU: (a, tt) => new tt.ReLU().forward(a),
  Sigmoid: (a, tt) => new tt.Sigmoid().forward(a),
  Tanh: (a, tt) => new tt.Tanh().forward(a),
  GELU: (a, tt) => new tt.GELU().forward(a),
  Softmax: (a, tt) => new tt.Softmax().forward(a),
  Dense: (a, tt) => new tt.Dense(a.shape[1], 21, { dtype: a.dtype }).forward(a),
};
export const BINARY = {
  add: (a, b) => a.add(b),
  sub: (a, b) => a.sub(b),
  mul: (a, b) => a.mul(b),
  div: (a, b) => a.div(b),
  pow: (a, b) => a.abs().pow(b),
  maximum: (a, b) => a.maximum(b),
  MSELoss: (a, b, tt) => new tt.MSELoss().forward(a, b.expand(a.shape)),
  BinaryCrossEntropyLoss: (a, b, tt) =>
    new tt.BinaryCrossEntropyLoss().forward(a.sigmoid(), b.sigmoid().expand(a.shape)),
};

/** Computes everything with one loaded package; returns lines of a name and a digest, the last one `total`. */
export async function digest(tt) {
  const { Tensor } = tt;
  const total = new Hash();
  const lines = [];
  const finish = (name, hash) => {
    const text = hash.text();
    lines.push(`${name} ${text}`);
    for (const c of text) total.word(c.charCodeAt(0));
  };
  /** Adds a line with what `body` puts into a hash. */
  const line = (name, body) => {
    const hash = new Hash();
    tt.tidy(() => void body(hash));
    finish(name, hash);
  };

  for (const dtype of FLOATS) {
    for (const seed of [0, 1, 4294967297]) {
      line(`random.${dtype}.${seed}`, (hash) => {
        tt.manualSeed(seed);
        for (let n = 0; n < 10; ++n) {
          hash.tensor(Tensor.rand([n], { dtype }));
          hash.tensor(Tensor.randn([n], { dtype }));
        }
        hash.tensor(Tensor.rand([70001], { dtype }));
        hash.tensor(Tensor.randn([70001], { dtype }));
        hash.tensor(new tt.Dropout(0.3).forward(Tensor.ones([41, 1001], { dtype })));
        for (const how of ['kaiming_uniform', 'kaiming_normal', 'xavier_uniform', 'xavier_normal']) {
          const weight = Tensor.zeros([37, 53], { dtype });
          tt.initialize(weight, how);
          hash.tensor(weight);
        }
        hash.tensor(new tt.Dense(37, 53, { dtype }).parameters()[0]);
      });
    }
  }
  line('random.order', (hash) => {
    const dataset = { features: Tensor.zeros([1000, 1]), labels: Tensor.zeros([1000], { dtype: 'int32' }) };
    const loader = new tt.DataLoader(dataset, { batchSize: 64, shuffle: true, seed: 9 });
    for (let epoch = 0; epoch < 4; ++epoch) {
      loader.setEpoch(epoch);
      for (let i = 0; i < loader.length; ++i) hash.elements(loader.indices(i));
    }
  });

  const leaf = (shape, dtype) => {
    const tensor = Tensor.randn(shape, { dtype });
    tensor.requiresGrad = true;
    return tensor;
  };
  /** The result and the gradients of `inputs` for a random gradient of the result. */
  const withGradients = (hash, result, inputs) => {
    hash.tensor(result);
    result.backward({ gradient: Tensor.randn(result.shape, { dtype: result.dtype }) });
    for (const { grad } of inputs) {
      if (grad) hash.tensor(grad);
      else hash.word(0);
    }
  };

  tt.manualSeed(2);
  const sizes = new Sizes();
  const most = [
    [9, 9, 9],
    [70, 70, 70],
    [400, 20, 60],
    [20, 700, 60],
    [60, 60, 900],
  ];
  for (let i = 0; i < 200; ++i) {
    const [m, n, k] = most[i % 5].map((limit) => sizes.upto(limit));
    const dtype = FLOATS[Math.floor(i / 5) % 2];
    line(`product.${i}.${m}x${n}x${k}`, (hash) => {
      const [turnA, turnB] = [i % 3 === 1, i % 7 === 2];
      const a = leaf(turnA ? [k, m] : [m, k], dtype);
      const b = leaf(turnB ? [n, k] : [k, n], dtype);
      withGradients(hash, (turnA ? a.transpose() : a).matmul(turnB ? b.transpose() : b), [a, b]);
    });
  }
  for (const [name, ofA, ofB] of [
    ['stack', [3, 1, 17, 40], [5, 40, 29]],
    ['shared', [310, 300], [300, 290]],
  ]) {
    line(`product.${name}`, (hash) => {
      const [a, b] = [leaf(ofA, 'float32'), leaf(ofB, 'float32')];
      withGradients(hash, a.matmul(b), [a, b]);
    });
  }

  /** Normal numbers, or many orders of magnitude. */
  const input = (shape, dtype, wide) => {
    let x = Tensor.randn(shape, { dtype });
    if (wide) x = x.mul(Tensor.randn(shape, { dtype }).mul(8).exp());
    x.requiresGrad = true;
    return x;
  };
  const operations = (dtype, shape, wide) => {
    const end = `.${dtype}.${shape[0]}${wide ? '.wide' : ''}`;
    tt.manualSeed(3);
    for (const [name, apply] of Object.entries(UNARY)) {
      line(name + end, (hash) => {
        const a = input(shape, dtype, wide);
        withGradients(hash, apply(a, tt), [a]);
      });
    }
    for (const [name, apply] of Object.entries(BINARY)) {
      line(name + end, (hash) => {
        const a = input(shape, dtype, wide);
        const b = input([shape[1]], dtype, wide);
        withGradients(hash, apply(a, b, tt), [a, b]);
      });
    }
    line(`CrossEntropyLoss${end}`, (hash) => {
      const a = input(shape, dtype, wide);
      const labels = Tensor.randn(shape, { dtype }).argmax({ dim: 1 });
      hash.tensor(labels);
      withGradients(hash, new tt.CrossEntropyLoss().forward(a, labels), [a]);
    });
    line(`argmax${end}`, (hash) => hash.tensor(Tensor.randn(shape, { dtype }).argmax()));
    line(`makers${end}`, (hash) => {
      hash.tensor(Tensor.eye(5, 7, { dtype }));
      hash.tensor(Tensor.arange(-1, 3, 0.37, { dtype }));
      hash.tensor(Tensor.full([3], 0.1, { dtype }));
      const x = Tensor.ones(shape, { dtype });
      hash.tensor(x.fill(1 / 3));
      hash.tensor(x.copyFrom(Tensor.randn([shape[1]], { dtype })));
      for (const other of FLOATS) hash.tensor(Tensor.randn(shape, { dtype }).to(other));
    });
  };
  for (const dtype of FLOATS) {
    operations(dtype, [7, 33], false);
    operations(dtype, [7, 33], true);
    operations(dtype, [151, 403], false);
  }

  const optimizers = {
    Adam: (p) => new tt.Adam(p, { lr: 0.01 }),
    AdamW: (p) => new tt.AdamW(p, { lr: 0.01 }),
    SGD: (p) => new tt.SGD(p, { lr: 0.05, momentum: 0.9, weightDecay: 1e-3, nesterov: true }),
  };
  for (const [name, make] of Object.entries(optimizers)) {
    const hash = new Hash();
    tt.manualSeed(4);
    const features = Tensor.randn([150, 20]);
    const labels = features.matmul(Tensor.randn([20, 4])).argmax({ dim: 1 });
    const dataset = { features, labels };
    const model = new tt.Sequential([
      ...[new tt.Dense(20, 300), new tt.ReLU(), new tt.LayerNorm(300), new tt.Dropout(0.2)],
      ...[new tt.Dense(300, 30), new tt.GELU(), new tt.Dense(30, 4)],
    ]);
    const data = new tt.DataLoader(dataset, { batchSize: 16, shuffle: true, seed: 5 });
    const trainer = new tt.Trainer(model, {
      ...{ optimizer: make(model.parameters()), data, epochs: 2 },
      ...{ clipNorm: 1, schedule: 'cosine', warmup: 0.2 },
    });
    const progress = await trainer.fit();
    hash.number(progress.epochLoss);
    hash.number(progress.epochAccuracy);
    for (const parameter of model.parameters()) hash.tensor(parameter);
    const evaluation = await tt.evaluate(model, dataset);
    hash.number(evaluation.loss);
    hash.number(evaluation.accuracy);
    hash.elements(evaluation.predictions);
    hash.elements(tt.saveModel(model));
    finish(`training.${name}`, hash);
  }
  lines.push(`total ${total.text()}`);
  return lines;
}
