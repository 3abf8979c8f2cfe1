import { load, LoadError } from 'tinytorch-wasm';

const tt = await load();
const x = tt.Tensor.ones([2, 3]);
const model = new tt.Sequential([new tt.Dense(3, 4), new tt.ReLU()]);
const y = model.forward(x);
const missing = await load({ wasmUrl: 'file:///nowhere/' }).catch((error) => error instanceof LoadError);
console.log(
  `${tt.variant} x${tt.threads > 1 ? 'n' : 1}: ${y.shape.join('x')}, ${y.data().length} numbers, ${missing}`,
);
