import { load } from 'tinytorch-wasm';

const { Tensor, variant } = await load();
using x = Tensor.ones([2, 3]);
using transposed = x.transpose();
using product = x.matmul(transposed);
let error = '';
try {
  x.matmul(x);
} catch (caught) {
  error = (caught as Error).name;
}
postMessage({ variant, product: product.toArray(), error });
