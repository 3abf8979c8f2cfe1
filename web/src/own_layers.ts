// Layers whose methods were replaced, by a subclass or on one object. What the module holds of a model knows nothing of
// that: what runs or lists a model in JavaScript instead is here.

import { isThenable } from './block.js';
import { show } from './check.js';
import { InvalidArgumentError } from './errors.js';
import { tidy } from './memory.js';
import { type Layer, layerHandle } from './layer.js';
import type { Resource } from './resource.js';
import type { Runtime } from './runtime.js';
import { newTensor, type Tensor, tensorHandle } from './tensor.js';
import type { Handle } from './wasm_module.js';

/** y = model(x), by whatever `forward` it has. Throws `InvalidArgumentError` where that gives no tensor. */
export function runForward(model: Layer, x: Tensor): Tensor {
  const y: unknown = model.forward(x);
  const where = `forward of ${model[Symbol.toStringTag]}`;
  if (isThenable(y, where)) {
    Promise.resolve(y).catch(() => undefined); // it is reported here already
    throw new InvalidArgumentError(`${where}: must return a tensor at once, got ${show(y)}`);
  }
  tensorHandle(model.runtime, y, where);
  return y as Tensor;
}

/**
 * Layers one after the other, each by its own `forward`. What one gives to the next is disposed of on the way, unless it
 * was there before.
 */
export function runLayers(
  runtime: Runtime,
  layers: readonly Layer[],
  x: Tensor,
  out: Tensor | undefined,
): Tensor {
  tensorHandle(runtime, x, 'forward');
  if (out !== undefined) tensorHandle(runtime, out, 'forward, out');
  const outer = runtime.scope;
  const made: Resource[] = [];
  const isMade = (tensor: Tensor): boolean => made.lastIndexOf(tensor) >= 0;
  runtime.scope = made;
  let y = x;
  try {
    layers.forEach((layer, place) => {
      const isLast = place === layers.length - 1;
      const next = isLast && out && layer.runsInModule ? layer.forward(y, { out }) : runForward(layer, y);
      if (next !== y && isMade(y)) y.dispose();
      y = next;
    });
    if (out === undefined || y === out) return y;
    runtime.check(
      runtime.module.writeOut(
        tensorHandle(runtime, y, 'forward'),
        tensorHandle(runtime, out, 'forward, out'),
      ),
    );
    if (isMade(y)) y.dispose();
    return out;
  } catch (error) {
    if (isMade(y)) y.dispose();
    throw error;
  } finally {
    runtime.scope = outer;
    if (outer) for (const each of made) if (!each.isDisposed) outer.push(each);
  }
}

/** A model's parameters by name, those included that only its own `namedParameters` or `parameters` knows. */
export function namedParametersOf(model: Layer): [string, Tensor][] {
  const { runtime } = model;
  if (model.isListedByModule) return [...model.namedParameters()];
  const named = entries(model.namedParameters());
  const known = new Set(named.map(([, tensor]) => identityOf(runtime, tensor, 'namedParameters')));
  const given: unknown = model.parameters();
  if (!Array.isArray(given)) {
    throw new InvalidArgumentError(`parameters: must return an array of tensors, got ${show(given)}`);
  }
  (given as Tensor[]).forEach((tensor, place) => {
    if (!known.has(identityOf(runtime, tensor, 'parameters'))) named.push([String(place), tensor]);
  });
  return listedTensors(runtime, named, 'namedParameters');
}

function entries(given: unknown): [string, Tensor][] {
  if (typeof given === 'object' && given !== null && Symbol.iterator in given) {
    const all = Array.from(given as Iterable<unknown>);
    const isEntry = (each: unknown): each is [string, Tensor] =>
      Array.isArray(each) && each.length === 2 && typeof each[0] === 'string';
    if (all.every(isEntry)) return all;
  }
  throw new InvalidArgumentError(`namedParameters: must return a Map of tensors, got ${show(given)}`);
}

/** Without tensors that are listed already, however many objects stand for them. */
export function listedTensors(
  runtime: Runtime,
  named: readonly [string, Tensor][],
  where: string,
): [string, Tensor][] {
  const seen = new Set<number>();
  return named.filter(([, tensor]) => {
    const identity = identityOf(runtime, tensor, where);
    return !seen.has(identity) && seen.add(identity);
  });
}

export function uniqueTensors(runtime: Runtime, tensors: Iterable<Tensor>, where: string): Tensor[] {
  return listedTensors(
    runtime,
    Array.from(tensors, (tensor) => ['', tensor]),
    where,
  ).map(([, tensor]) => tensor);
}

function identityOf(runtime: Runtime, tensor: Tensor, where: string): number {
  return runtime.module.identity(tensorHandle(runtime, tensor, where));
}

/** A list of names and tensors inside the module, for the time of one call. */
export function withList<Result>(
  runtime: Runtime,
  named: readonly [string, Tensor][],
  use: (list: Handle) => Result,
): Result {
  const { module } = runtime;
  module.roomForSeveral();
  const list = runtime.check(module.createFile());
  try {
    for (const [name, tensor] of named) {
      runtime.check(module.fileAdd(list, name, tensorHandle(runtime, tensor, 'parameters')));
    }
    return use(list);
  } finally {
    module.releaseFile(list);
  }
}

/** A model's parameters under all of their names, as such a list: what a file of the model holds. */
export function withState<Result>(
  runtime: Runtime,
  model: Layer,
  where: string,
  use: (list: Handle) => Result,
): Result {
  const { module } = runtime;
  const handle = layerHandle(runtime, model, where);
  if (!model.isListedByModule) return withList(runtime, namedParametersOf(model), use);
  module.roomForSeveral();
  const list = runtime.check(module.namedState(handle));
  try {
    return use(list);
  } finally {
    module.releaseFile(list);
  }
}

/** Every layer inside that has a `train` of its own, which the module does not call, and the mode that it is in. */
function withOwnTrain(model: Layer, found: [Layer, boolean][] = []): [Layer, boolean][] {
  if (model.isDisposed) return found;
  if (model.hasOwnTrain) found.push([model, model.isTraining]);
  for (const layer of model.owned) withOwnTrain(layer, found);
  return found;
}

/** The two halves that the module does of a batch whose forward pass runs in JavaScript. */
interface Halves<Result> {
  /** Gives the features' handle in the exchange buffer, 0 where there is no batch. */
  readonly begin: () => Handle;
  readonly finish: (y: Handle) => Result;
  /** Forgets the batch; after an error. */
  readonly abandon: () => void;
}

/**
 * One batch through a model with a `forward` of its own; undefined where there is none left. `training` is the mode that
 * the module has set, undefined where it left all modes as they are.
 */
export function runBatch<Result>(
  model: Layer,
  training: boolean | undefined,
  { begin, finish, abandon }: Halves<Result>,
): Result | undefined {
  const { runtime } = model;
  return tidy(runtime, () => {
    const own = training === undefined ? [] : withOwnTrain(model);
    runtime.check(begin());
    const features = runtime.numbers[0] as Handle;
    if (features === 0) return undefined;
    try {
      const x = newTensor(runtime, features);
      return finish(tensorHandle(runtime, forwardIn(own, training, model, x), 'forward'));
    } catch (error) {
      abandon();
      throw error;
    }
  });
}

/** The forward pass with these layers in that mode. The module gives all others their own back, and these too. */
function forwardIn(
  own: readonly [Layer, boolean][],
  training: boolean | undefined,
  model: Layer,
  x: Tensor,
): Tensor {
  try {
    for (const [layer] of own) layer.train(training);
    return runForward(model, x);
  } finally {
    for (const [layer, mode] of own) if (!layer.isDisposed) layer.train(mode);
  }
}
