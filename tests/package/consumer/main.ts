import { load, type Tensor } from 'tinytorch-wasm';

const tt = await load();
using x: Tensor = tt.Tensor.ones([2, 3]);
using model = new tt.Sequential([new tt.Dense(3, 4), new tt.ReLU()]);
using y = model.forward(x);
using optimizer = new tt.SGD(model.parameters(), { lr: 0.1 });
y.sum().backward();
optimizer.step();
const data: Float32Array = y.data();
document.title = `${tt.variant} x${tt.threads}: ${y.shape.join('x')}, ${data.length} numbers`;
