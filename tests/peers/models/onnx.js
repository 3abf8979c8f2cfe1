// ONNX models of the cases, for onnxruntime-web.
import proto from 'onnx-proto';
import { layers } from '../page/cases.js';
import { networkWeights, productData } from '../page/data.js';

const { onnx } = proto;
const elementType = { float32: onnx.TensorProto.DataType.FLOAT, float64: onnx.TensorProto.DataType.DOUBLE };

function valueInfo(name, dtype, shape) {
  const dim = shape.map((size) => ({ dimValue: size }));
  return { name, type: { tensorType: { elemType: elementType[dtype], shape: { dim } } } };
}

function initializer(name, dtype, shape, data) {
  return {
    name,
    dataType: elementType[dtype],
    dims: shape,
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

const attribute = (name, value) => ({ name, type: onnx.AttributeProto.AttributeType.INT, i: value });

function encode(graph) {
  const model = {
    irVersion: 8,
    producerName: 'tinytorch-wasm-peers',
    opsetImport: [{ domain: '', version: 13 }],
    graph,
  };
  return onnx.ModelProto.encode(onnx.ModelProto.fromObject(model)).finish();
}

function product(c, form) {
  const { aShape, b, bShape } = productData(c);
  const input = [valueInfo('a', c.dtype, aShape)];
  if (form === 'dynamic') input.push(valueInfo('b', c.dtype, bShape));
  const plain = !c.transA && !c.transB;
  return encode({
    name: c.id,
    node: [
      {
        opType: plain ? 'MatMul' : 'Gemm',
        input: ['a', 'b'],
        output: ['y'],
        attribute: plain
          ? []
          : [attribute('transA', Number(c.transA)), attribute('transB', Number(c.transB))],
      },
    ],
    initializer: form === 'constant' ? [initializer('b', c.dtype, bShape, b)] : [],
    input,
    output: [valueInfo('y', c.dtype, [c.m, c.n])],
  });
}

function forward(c) {
  const net = networkWeights();
  const node = [];
  let h = 'x';
  net.forEach((_, i) => {
    const last = i === net.length - 1;
    const y = last ? 'y' : `dense${i}`;
    node.push({ opType: 'Gemm', input: [h, `w${i}`, `b${i}`], output: [y], attribute: [] });
    if (!last) node.push({ opType: 'Relu', input: [y], output: [(h = `relu${i}`)], attribute: [] });
  });
  return encode({
    name: c.id,
    node,
    initializer: net.flatMap((l, i) => [
      initializer(`w${i}`, 'float32', [l.inputs, l.outputs], l.weight),
      initializer(`b${i}`, 'float32', [l.outputs], l.bias),
    ]),
    input: [valueInfo('x', 'float32', [c.batch, layers[0]])],
    output: [valueInfo('y', 'float32', [c.batch, layers.at(-1)])],
  });
}

/** The bytes of the model of a case. */
export const onnxModel = (c, form) => (c.kind === 'forward' ? forward(c) : product(c, form));
