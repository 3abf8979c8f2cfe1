// LiteRT.js (XNNPACK in wasm). Models come from the runner (models/tflite.js).
// Forms: `constant` is FULLY_CONNECTED with the weights in the model; `dynamic` is BATCH_MATMUL of two inputs;
// `fc-dynamic` FULLY_CONNECTED with the weights as an input; `transpose` TRANSPOSE before BATCH_MATMUL.
import { Tensor, loadAndCompile, loadLiteRt } from '@litertjs/core';
import { layers } from '../cases.js';
import { networkInput, productData } from '../data.js';

let numThreads = 1;

export async function load({ threads }) {
  numThreads = threads;
  // With one thread its single-threaded module is the faster of the two.
  const liteRt = await loadLiteRt('/vendor/litert/', { threads: threads > 1 });
  return { threadsInUse: threads > 1 ? liteRt.liteRtWasm.getThreadCount() : 1 };
}

export async function prepare(c, form) {
  const model = await loadAndCompile(`/models/tflite/${form}/${c.id}.tflite`, {
    accelerator: 'wasm',
    cpuOptions: { numThreads },
  });
  const tensors = inputs(c, form);
  const run = async () => {
    for (const output of await model.run(tensors)) output.delete();
  };
  return {
    run,
    async verify() {
      const [output] = await model.run(tensors);
      const data = await output.data();
      output.delete();
      return data;
    },
  };
}

function inputs(c, form) {
  if (c.kind === 'forward') return [new Tensor(networkInput(c.batch), [c.batch, layers[0]])];
  const { a, aShape, b, bShape } = productData(c);
  const tensors = [new Tensor(a, aShape)];
  if (form !== 'constant') tensors.push(new Tensor(b, bShape));
  return tensors;
}
