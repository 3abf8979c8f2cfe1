// onnxruntime-web, the wasm execution provider. Models come from the runner (models/onnx.js).
// Forms: `constant` has B (the weights) in the model, where the runtime packs it once; `dynamic` takes both as input.
// Inputs and outputs are JavaScript arrays: the runtime copies them each call and has no way around that on wasm.
import { layers } from '../cases.js';
import { networkInput, productData } from '../data.js';

let ort;

export async function load({ threads }) {
  ort = await import('/vendor/onnxruntime-web/ort.wasm.min.mjs');
  ort.env.wasm.wasmPaths = `${location.origin}/vendor/onnxruntime-web/`;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  return { version: ort.env.versions.web };
}

export async function prepare(c, form) {
  const session = await ort.InferenceSession.create(`/models/onnx/${form}/${c.id}.onnx`, {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: ort.env.wasm.numThreads,
  });
  if (ort.env.wasm.numThreads > 1 && !globalThis.crossOriginIsolated)
    throw new Error('not isolated: one thread only');
  const feeds = inputs(c, form);
  const run = () => session.run(feeds);
  return { run, verify: async () => (await run()).y.data };
}

function inputs(c, form) {
  if (c.kind === 'forward')
    return { x: new ort.Tensor('float32', networkInput(c.batch), [c.batch, layers[0]]) };
  const { a, aShape, b, bShape } = productData(c);
  const feeds = { a: new ort.Tensor(c.dtype, a, aShape) };
  if (form === 'dynamic') feeds.b = new ort.Tensor(c.dtype, b, bShape);
  return feeds;
}
