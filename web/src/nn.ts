// Layers, named and behaving as in TinyTorch and PyTorch.

import * as check from './check.js';
import { type GradientStats, gradientStats, type Summary, summarize } from './inspect.js';
import type { Kernels } from './kernels.js';
import { layerHandle } from './layer.js';
import { listedTensors, namedParametersOf, runLayers, uniqueTensors } from './own_layers.js';
import { liveHandle, Native } from './resource.js';
import type { Runtime } from './runtime.js';
import { newTensor, type OutOption, type Tensor, tensorHandle } from './tensor.js';
import type { DType, KernelName, Shape } from './types.js';
import type { Handle } from './wasm_module.js';

/** What layers need from the module that they were loaded with. */
export interface Context {
  readonly runtime: Runtime;
  readonly kernels: Kernels;
}

/**
 * A function with parameters. A subclass, or one layer, may have a `forward`, `parameters` or `namedParameters` of its
 * own: they are what counts, inside a Sequential, in training and evaluation as well. A `forward` of one's own is called
 * with x alone and returns a tensor, at once.
 */
export abstract class Module extends Native {
  readonly #kernels: Kernels;
  #parameters: Map<string, Tensor> | undefined;

  /** @internal */
  constructor({ runtime, kernels }: Context, handle: Handle) {
    super(runtime, handle, 'layer', runtime.module.releaseModule);
    this.#kernels = kernels;
  }

  /** What the profile calls it: `Dense(784, 256)`. */
  get name(): string {
    return this.runtime.module.moduleName(liveHandle(this, 'layer', 'name'));
  }

  /**
   * y = f(x), a new tensor or `out`. With `out`, which is inference in memory that is there already, the layer's
   * parameters must not be recorded: `tt.noGrad(() => model.forward(x, { out }))`, else `AutogradError`. Throws
   * `ShapeError` or `DTypeError` where out is not of the result's, `InvalidArgumentError` where it shares memory
   * with x (layers that are one elementwise operation take x itself).
   */
  forward(x: Tensor, options?: OutOption): Tensor {
    const { runtime } = this;
    const out = check.onlyOption(options, 'out', 'forward');
    const handle = runtime.check(
      runtime.module.forward(
        liveHandle(this, 'layer', 'forward'),
        tensorHandle(runtime, x, 'forward'),
        out === undefined ? 0 : tensorHandle(runtime, out, 'forward, out'),
      ),
    );
    return out ?? newTensor(runtime, handle);
  }

  /**
   * Forces one rung of the matmul ladder for every product inside; `auto` gives the choice back. Throws
   * `KernelError` for one that does not exist or is not in this build. Returns itself.
   */
  setKernel(kernel: KernelName): this {
    liveHandle(this, 'layer', 'setKernel'); // first: a proxy has no #kernels
    const id = this.#kernels.id(kernel, 'setKernel');
    this.runtime.check(this.runtime.module.setKernel(liveHandle(this, 'layer', 'setKernel'), id));
    return this;
  }

  /** Training mode, which is the first, or with `false` evaluation mode: Dropout differs. Returns itself. */
  train(training = true): this {
    const handle = liveHandle(this, 'layer', 'train');
    this.runtime.check(this.runtime.module.setTraining(handle, check.truth(training, 'train', 'training')));
    return this;
  }

  /** Evaluation mode. Returns itself. */
  eval(): this {
    return this.train(false);
  }

  /**
   * The parameters by PyTorch's names: `0.weight`, `0.bias`. One that is used in several places is listed once, under
   * its first name. The tensors belong to the layer, which disposes of them with itself: writing into them (`copyFrom`)
   * changes the layer.
   */
  namedParameters(): ReadonlyMap<string, Tensor> {
    const handle = liveHandle(this, 'layer', 'namedParameters');
    return (this.#parameters ??= listParameters(this.runtime, handle));
  }

  /** The tensors of `namedParameters()`, each once. */
  parameters(): Tensor[] {
    return uniqueTensors(this.runtime, this.namedParameters().values(), 'parameters');
  }

  /**
   * Each layer's output shape, parameters, operations and bytes for an input of that shape. A layer with a `forward` of
   * its own runs once, on zeros, and its operations are not counted.
   */
  summary(input: Shape): Summary {
    liveHandle(this, 'layer', 'summary');
    return summarize(this.runtime, this, input);
  }

  /** What `backward()` has left in each parameter, with a warning where it looks wrong. */
  gradientStats(): GradientStats[] {
    liveHandle(this, 'layer', 'gradientStats');
    return gradientStats(this.runtime, namedParametersOf(this));
  }

  /**
   * Whether its forward pass is the module's alone: no `forward` of one's own, here or inside.
   * @internal
   */
  get runsInModule(): boolean {
    return this.forward === moduleForward;
  }

  /**
   * Whether the module knows all of its parameters.
   * @internal
   */
  get isListedByModule(): boolean {
    return this.namedParameters === moduleNamedParameters && this.parameters === moduleParameters;
  }

  /**
   * Whether it is in training mode.
   * @internal
   */
  get isTraining(): boolean {
    return this.runtime.module.isTraining(liveHandle(this, 'layer', 'train')) === 1;
  }

  /**
   * Whether it passes its mode on by a `train` of its own.
   * @internal
   */
  get hasOwnTrain(): boolean {
    return this.train !== moduleTrain;
  }

  /**
   * Whether its forward pass is that of its layers, one after the other.
   * @internal
   */
  get runsLayers(): boolean {
    return false;
  }

  /**
   * For `tidy` and whoever goes through a model: the layers inside, which stay alive with it.
   * @internal
   */
  get owned(): readonly Module[] {
    return [];
  }

  override dispose(): void {
    super.dispose(); // first: it refuses proxies, which have no #parameters
    for (const parameter of this.#parameters?.values() ?? []) parameter.dispose();
  }

  override toString(): string {
    return this.isDisposed ? 'Module(disposed)' : this.name;
  }
}

// As they were when the package was loaded: what differs is someone's own.
const moduleForward = Module.prototype.forward;
const moduleNamedParameters = Module.prototype.namedParameters;
const moduleParameters = Module.prototype.parameters;
const moduleTrain = Module.prototype.train;
const moduleSetKernel = Module.prototype.setKernel;

/** The parameters of a layer of the module. They live as long as the layer, not as the tidy that first asked. */
function listParameters(runtime: Runtime, handle: Handle): Map<string, Tensor> {
  const { module, scope } = runtime;
  const found = new Map<string, Tensor>();
  module.roomForSeveral();
  const parameters = runtime.check(module.namedParameters(handle));
  runtime.scope = null;
  try {
    const count = module.fileCount(parameters);
    for (let i = 0; i < count; ++i) {
      const tensor = newTensor(runtime, module.fileTensor(parameters, i));
      found.set(module.fileName(parameters, i), tensor);
    }
    return found;
  } catch (error) {
    for (const tensor of found.values()) tensor.dispose();
    throw error;
  } finally {
    runtime.scope = scope;
    module.releaseFile(parameters);
  }
}

export interface DenseOptions {
  /** Whether a bias is added; true by default. */
  bias?: boolean;
  /** `float32` by default. */
  dtype?: DType;
}

/**
 * y = x . W + b, with x `[..., in]`, W `[in, out]` and b `[out]` (PyTorch's Linear holds W transposed). Both start
 * uniform in +-1/sqrt(in), from the generator that `manualSeed` sets.
 */
export class Dense extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;

  /** @internal */
  constructor(context: Context, inFeatures: number, outFeatures: number, options?: DenseOptions) {
    const where = 'new Dense';
    const { runtime } = context;
    const { bias = true, dtype } = check.options(options, ['bias', 'dtype'], where);
    const input = check.whole(inFeatures, where, 'inFeatures', 1);
    const output = check.whole(outFeatures, where, 'outFeatures', 1);
    const hasBias = check.truth(bias, where, 'bias');
    super(context, runtime.module.dense(input, output, hasBias, runtime.dtypeCode(dtype, where)));
    this.inFeatures = input;
    this.outFeatures = output;
  }

  /** `[in, out]` */
  get weight(): Tensor {
    return super.namedParameters().get('weight') as Tensor;
  }

  /** `[out]`; undefined where the layer has none. */
  get bias(): Tensor | undefined {
    return super.namedParameters().get('bias');
  }
}

/** Layers one after the other. It owns them: disposing of it disposes of them. */
export class Sequential extends Module {
  readonly layers: readonly Module[];

  /** @internal */
  constructor(context: Context, layers: readonly Module[]) {
    const { runtime } = context;
    const all = Object.freeze(check.list(layers, 'new Sequential', 'layers') as Module[]);
    const handles = all.map((layer) => layerHandle(runtime, layer, 'new Sequential'));
    super(context, runtime.module.sequential(runtime.sendHandles(handles)));
    this.layers = all;
  }

  /** As of any layer. Where a layer inside has a `forward` of its own, all run one by one, with the same bits. */
  override forward(x: Tensor, options?: OutOption): Tensor {
    const { layers } = this;
    for (let i = 0; i < layers.length; ++i) {
      const layer = layers[i] as Module;
      if (layer.forward === moduleForward || layer.runsInModule) continue;
      liveHandle(this, 'layer', 'forward');
      return runLayers(this.runtime, layers, x, check.onlyOption(options, 'out', 'forward'));
    }
    return super.forward(x, options);
  }

  override setKernel(kernel: KernelName): this {
    super.setKernel(kernel);
    for (const layer of this.layers) {
      if (layer.setKernel !== moduleSetKernel && !layer.isDisposed) layer.setKernel(kernel);
    }
    return this;
  }

  override train(training = true): this {
    super.train(training);
    for (const layer of this.layers) {
      if (layer.train !== moduleTrain && !layer.isDisposed) layer.train(training);
    }
    return this;
  }

  override namedParameters(): ReadonlyMap<string, Tensor> {
    if (this.layers.every((layer) => layer.isListedByModule)) return super.namedParameters();
    liveHandle(this, 'layer', 'namedParameters');
    const all: [string, Tensor][] = [];
    this.layers.forEach((layer, place) => {
      for (const [name, tensor] of namedParametersOf(layer)) all.push([`${place}.${name}`, tensor]);
    });
    return new Map(listedTensors(this.runtime, all, 'namedParameters'));
  }

  override get runsInModule(): boolean {
    return this.forward === sequentialForward && this.layers.every((layer) => layer.runsInModule);
  }

  override get isListedByModule(): boolean {
    return (
      this.namedParameters === sequentialNamedParameters &&
      this.parameters === moduleParameters &&
      this.layers.every((layer) => layer.isListedByModule)
    );
  }

  override get hasOwnTrain(): boolean {
    return this.train !== sequentialTrain;
  }

  override get runsLayers(): boolean {
    return this.forward === sequentialForward;
  }

  override get owned(): readonly Module[] {
    return this.layers;
  }

  override dispose(): void {
    super.dispose();
    for (const layer of this.layers) layer.dispose();
  }
}

const sequentialForward = Sequential.prototype.forward;
const sequentialTrain = Sequential.prototype.train;
const sequentialNamedParameters = Sequential.prototype.namedParameters;
