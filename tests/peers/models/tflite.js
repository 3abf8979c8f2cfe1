// .tflite models of the cases, for LiteRT.js, written with the flatbuffers library.
// The slot numbers are the field positions in TensorFlow Lite's public schema (version 3).
import { Builder } from 'flatbuffers';
import { layers } from '../page/cases.js';
import { networkWeights, productData } from '../page/data.js';

const operatorCode = { fullyConnected: 9, transpose: 39, batchMatmul: 126 };
const optionsType = { fullyConnected: 8, transpose: 26, batchMatmul: 101 };
const tensorType = { float32: 0, int32: 2 };

/** One subgraph: tensors (with data or without), operators, and the indices of its inputs and outputs. */
class Graph {
  tensors = [];
  operators = [];

  tensor(name, shape, data) {
    return (
      this.tensors.push({ name, shape, data, type: data instanceof Int32Array ? 'int32' : 'float32' }) - 1
    );
  }

  /** `writeOptions(builder)` writes the operator's option table and returns its offset. */
  operator(code, inputs, output, writeOptions) {
    this.operators.push({ code, inputs, output, writeOptions });
    return output;
  }

  encode(inputs, outputs) {
    const fb = new Builder(1024);
    const codes = [...new Set(this.operators.map((op) => op.code))];
    // Buffer 0 is the empty one, by convention; it stands for every tensor without data.
    const buffers = [undefined, ...this.tensors.map((t) => t.data).filter(Boolean)];

    const bufferOffsets = buffers.map((data) =>
      table(fb, 3, (slot) => data && slot.offset(0, byteVector(fb, data))),
    );
    const codeOffsets = codes.map((code) =>
      table(fb, 4, (slot) => {
        slot.int8(0, operatorCode[code]);
        slot.int32(2, 1);
        slot.int32(3, operatorCode[code]);
      }),
    );
    const subgraph = this.#subgraph(fb, buffers, codes, inputs, outputs);
    const model = table(fb, 8, (slot) => {
      slot.int32(0, 3);
      slot.offset(1, offsetVector(fb, codeOffsets));
      slot.offset(2, offsetVector(fb, [subgraph]));
      slot.offset(4, offsetVector(fb, bufferOffsets));
    });
    fb.finish(model, 'TFL3');
    return fb.asUint8Array();
  }

  #subgraph(fb, buffers, codes, inputs, outputs) {
    const tensors = this.tensors.map((t) =>
      table(fb, 9, (slot) => {
        slot.offset(0, intVector(fb, t.shape));
        slot.int8(1, tensorType[t.type]);
        slot.int32(2, t.data ? buffers.indexOf(t.data) : 0);
        slot.offset(3, fb.createString(t.name));
      }),
    );
    const operators = this.operators.map((op) =>
      table(fb, 9, (slot) => {
        slot.int32(0, codes.indexOf(op.code));
        slot.offset(1, intVector(fb, op.inputs));
        slot.offset(2, intVector(fb, [op.output]));
        slot.int8(3, optionsType[op.code]);
        slot.offset(4, op.writeOptions(fb));
      }),
    );
    return table(fb, 5, (slot) => {
      slot.offset(0, offsetVector(fb, tensors));
      slot.offset(1, intVector(fb, inputs));
      slot.offset(2, intVector(fb, outputs));
      slot.offset(3, offsetVector(fb, operators));
    });
  }
}

/** Writes a table. FlatBuffers allow no nesting, so the fields' own objects are written first, the table after. */
function table(fb, fields, fill) {
  const writes = [];
  fill({
    int8: (slot, value) => writes.push(() => fb.addFieldInt8(slot, value, 0)),
    int32: (slot, value) => writes.push(() => fb.addFieldInt32(slot, value, 0)),
    offset: (slot, offset) => writes.push(() => fb.addFieldOffset(slot, offset, 0)),
  });
  fb.startObject(fields);
  for (const write of writes) write();
  return fb.endObject();
}

function offsetVector(fb, offsets) {
  fb.startVector(4, offsets.length, 4);
  for (const offset of offsets.toReversed()) fb.addOffset(offset);
  return fb.endVector();
}

function intVector(fb, values) {
  fb.startVector(4, values.length, 4);
  for (const value of Array.from(values).reverse()) fb.addInt32(value);
  return fb.endVector();
}

/** Bytes aligned to 16, as the schema asks of tensor data. */
function byteVector(fb, data) {
  fb.prep(16, data.byteLength);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return fb.createByteVector(bytes);
}

function fullyConnected(graph, x, weight, bias, output, relu) {
  return graph.operator('fullyConnected', [x, weight, bias], output, (fb) =>
    table(fb, 4, (slot) => slot.int8(0, relu ? 1 : 0)),
  );
}

function batchMatmul(graph, a, b, output, { adjY = false } = {}) {
  return graph.operator('batchMatmul', [a, b], output, (fb) =>
    table(fb, 3, (slot) => slot.int8(1, adjY ? 1 : 0)),
  );
}

function transposed(data, [rows, columns]) {
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; ++i) for (let j = 0; j < columns; ++j) out[j * rows + i] = data[i * columns + j];
  return out;
}

function product(c, form) {
  const { b, aShape, bShape } = productData(c);
  const graph = new Graph();
  const a = graph.tensor('a', aShape);
  const y = graph.tensor('y', [c.m, c.n]);
  if (form === 'constant') {
    // FULLY_CONNECTED keeps its weights as [out, in].
    fullyConnected(graph, a, graph.tensor('w', [c.n, c.k], transposed(b, bShape)), -1, y, false);
    return graph.encode([a], [y]);
  }
  const second = graph.tensor('b', bShape);
  if (form === 'fc-dynamic') {
    fullyConnected(graph, a, second, -1, y, false);
  } else if (form === 'transpose') {
    const at = graph.tensor('at', [c.m, c.k]);
    const axes = graph.tensor('axes', [2], Int32Array.of(1, 0));
    graph.operator('transpose', [a, axes], at, (fb) => table(fb, 0, () => {}));
    batchMatmul(graph, at, second, y);
  } else {
    batchMatmul(graph, a, second, y, { adjY: c.transB });
  }
  return graph.encode([a, second], [y]);
}

function forward(c) {
  const graph = new Graph();
  const x = graph.tensor('x', [c.batch, layers[0]]);
  let h = x;
  networkWeights().forEach((l, i, all) => {
    const weight = graph.tensor(`w${i}`, [l.outputs, l.inputs], transposed(l.weight, [l.inputs, l.outputs]));
    const bias = graph.tensor(`b${i}`, [l.outputs], l.bias);
    const y = graph.tensor(`y${i}`, [c.batch, l.outputs]);
    h = fullyConnected(graph, h, weight, bias, y, i < all.length - 1);
  });
  return graph.encode([x], [h]);
}

/** The bytes of the model of a case. */
export const tfliteModel = (c, form) => (c.kind === 'forward' ? forward(c) : product(c, form));
