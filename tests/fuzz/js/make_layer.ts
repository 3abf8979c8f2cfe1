// Layers of the library beside those of the reference.

import type { DType, Module, Tensor } from 'tinytorch-wasm';
import * as layers from '../../reference/layers.js';
import * as reference from '../../reference/tensor.js';
import { fail, type Machine, type ModulePair } from './machine.js';
import { choose, floatingOf, rarely } from './values.js';

const FEATURES = [1, 2, 3, 4, 5, 8, 13, 17, 33];

function plain(machine: Machine, text: string, real: Module, ref: layers.Layer): ModulePair {
  machine.note(`${machine.next('m')} = new ${text}`);
  return machine.addModule(real, ref, undefined, undefined);
}

/** A layer of the kind that `kind` picks; its random weights are taken over as they come. */
export function makeModule(machine: Machine, kind: number, a: number, b: number): ModulePair {
  const { tt } = machine;
  const dtype = floatingOf(a);
  const [inputs, outputs] = [choose(FEATURES, a), choose(FEATURES, b)];
  const makers: (() => ModulePair)[] = [
    () => makeDense(machine, inputs, outputs, dtype, !rarely(b, 4)),
    () => plain(machine, 'ReLU()', new tt.ReLU(), layers.activation('relu')),
    () => plain(machine, 'Sigmoid()', new tt.Sigmoid(), layers.activation('sigmoid')),
    () => plain(machine, 'Tanh()', new tt.Tanh(), layers.activation('tanh')),
    () => plain(machine, 'GELU()', new tt.GELU(), layers.activation('gelu')),
    () => {
      const dim = choose([-1, 0, -2, 1], b);
      return plain(machine, `Softmax(${dim})`, new tt.Softmax(dim), layers.softmaxLayer(dim));
    },
    () => plain(machine, 'Dropout(0)', new tt.Dropout(0), layers.identity()),
    () => {
      const eps = choose([1e-5, 0.5], b);
      const ref = layers.layerNormLayer(inputs, eps, dtype);
      for (const parameter of ref.parameters.values()) parameter.leaf = { grad: undefined };
      machine.note(`${machine.next('m')} = new LayerNorm(${inputs}, { eps: ${eps}, dtype: '${dtype}' })`);
      return machine.addModule(new tt.LayerNorm(inputs, { eps, dtype }), ref, dtype, inputs);
    },
    () => plain(machine, 'Flatten()', new tt.Flatten(), layers.flatten()),
    () => makeSequential(machine, a, b),
    () => makeResidual(machine, inputs, dtype),
    () => makeDense(machine, inputs, outputs, dtype, true),
  ];
  return choose(makers, kind)();
}

function makeDense(
  machine: Machine,
  inputs: number,
  outputs: number,
  dtype: DType,
  bias: boolean,
): ModulePair {
  machine.note(
    `${machine.next('m')} = new Dense(${inputs}, ${outputs}, { dtype: '${dtype}', bias: ${bias} })`,
  );
  const real = new machine.tt.Dense(inputs, outputs, { dtype, bias });
  const taken = (tensor: Tensor): reference.Tensor => {
    const values: number[] = [...tensor.data()];
    if (!values.every((value) => Math.abs(value) <= 1 / Math.sqrt(inputs))) fail('Dense: initial values');
    const copy = reference.make(values, tensor.shape, dtype);
    copy.leaf = { grad: undefined };
    return copy;
  };
  const ref = layers.dense(taken(real.weight), real.bias && taken(real.bias));
  return machine.addModule(real, ref, dtype, inputs);
}

/** Of layers that are there and of new ones, which others may share, or that stand in it twice. */
function makeSequential(machine: Machine, a: number, b: number): ModulePair {
  const parts: ModulePair[] = [];
  const dtype = floatingOf(a);
  let features = choose(FEATURES, b);
  const first = features;
  for (let i = 0; i < 1 + (a % 4); ++i) {
    const old = rarely(a >> i, 5)
      ? machine.modules[(b >> i) % Math.max(machine.modules.length, 1)]
      : undefined;
    if (old && (old.features === undefined || (old.features === features && old.dtype === dtype))) {
      parts.push(old);
      features = outFeatures(old, features);
      continue;
    }
    if (i % 2 === 0) {
      const outputs = choose(FEATURES, a + i);
      parts.push(makeDense(machine, features, outputs, dtype, true));
      features = outputs;
    } else {
      parts.push(makeModule(machine, choose([1, 2, 3, 4, 1, 6], a + b + i), a, b));
    }
  }
  machine.note(`${machine.next('m')} = new Sequential([${parts.map(({ name }) => name).join(', ')}])`);
  const real = new machine.tt.Sequential(parts.map((part) => part.real));
  return machine.addModule(real, layers.sequential(parts.map((part) => part.ref)), dtype, first, parts);
}

/** A class with a `forward` of its own: y = dense(x) + x. */
function makeResidual(machine: Machine, features: number, dtype: DType): ModulePair {
  const { tt } = machine;
  const inner = makeDense(machine, features, features, dtype, true);
  class Residual extends tt.Sequential {
    override forward(x: Tensor): Tensor {
      return tt.tidy(() => super.forward(x).add(x));
    }
  }
  machine.note(`${machine.next('m')} = new Residual([${inner.name}])`);
  const ref = layers.residual(layers.sequential([inner.ref]));
  return machine.addModule(new Residual([inner.real]), ref, dtype, features, [inner]);
}

function outFeatures({ real }: ModulePair, inputs: number): number {
  return real.summary([1, inputs]).layers.at(-1)?.outputShape.at(-1) ?? inputs;
}

export function someModule(
  machine: Machine,
  which: number,
  fits: (pair: ModulePair) => boolean = () => true,
): ModulePair {
  const found = machine.modules.filter(fits);
  return found[which % found.length] ?? makeModule(machine, which % 3 === 2 ? 9 : 0, which, which >> 3);
}

export const hasParameters = (pair: ModulePair): boolean => pair.ref.parameters.size > 0;
