// Layers, named and behaving as in TinyTorch and PyTorch.

import { InvalidArgumentError } from './errors.js';
import { type GradientStats, gradientStats, type Summary, summarize } from './inspect.js';
import type { Kernels } from './kernels.js';
import { Native, nativeHandle } from './resource.js';
import type { Runtime } from './runtime.js';
import { type OutOption, type Tensor, tensorHandle } from './tensor.js';
import type { DType, KernelName, Shape } from './types.js';
import type { Handle } from './wasm_module.js';

/** What layers need from the module that they were loaded with. */
export interface Context {
  readonly runtime: Runtime;
  readonly kernels: Kernels;
}

/** A function with parameters. */
export abstract class Module extends Native {
  readonly #kernels: Kernels;
  #parameters: Map<string, Tensor> | undefined;

  /** @internal */
  constructor({ runtime, kernels }: Context, handle: Handle) {
    super(runtime, handle, runtime.module.releaseModule);
    this.#kernels = kernels;
  }

  /** What the profile calls it: `Dense(784, 256)`. */
  get name(): string {
    return this.runtime.module.moduleName(this.#live('name'));
  }

  /**
   * y = f(x), a new tensor or `out`. With `out`, which is inference in memory that is there already, the layer's
   * parameters must not be recorded: `tt.noGrad(() => model.forward(x, { out }))`, else `AutogradError`. Throws
   * `ShapeError` or `DTypeError` where out is not of the result's, `InvalidArgumentError` where it shares memory
   * with x (layers that are one elementwise operation take x itself).
   */
  forward(x: Tensor, options?: OutOption): Tensor {
    const { runtime } = this;
    const out = options?.out;
    const handle = runtime.check(
      runtime.module.forward(
        this.#live('forward'),
        tensorHandle(runtime, x, 'forward'),
        out === undefined ? 0 : tensorHandle(runtime, out, 'forward, out'),
      ),
    );
    return out ?? runtime.wrap(handle);
  }

  /**
   * Forces one rung of the matmul ladder for every product inside; `auto` gives the choice back. Throws
   * `KernelError` for one that does not exist or is not in this build. Returns itself.
   */
  setKernel(kernel: KernelName): this {
    this.runtime.module.setKernel(this.#live('setKernel'), this.#kernels.id(kernel));
    return this;
  }

  /** Training mode, which is the first, or with `false` evaluation mode: Dropout differs. Returns itself. */
  train(training = true): this {
    this.runtime.module.setTraining(this.#live('train'), training);
    return this;
  }

  /** Evaluation mode. Returns itself. */
  eval(): this {
    return this.train(false);
  }

  /**
   * The parameters by PyTorch's names: `0.weight`, `0.bias`. The tensors belong to the layer, which disposes of
   * them with itself: writing into them (`copyFrom`) changes the layer.
   */
  namedParameters(): ReadonlyMap<string, Tensor> {
    const { runtime } = this;
    const handle = this.#live('namedParameters');
    if (this.#parameters) return this.#parameters;
    const { module } = runtime;
    const found = new Map<string, Tensor>();
    const list = runtime.check(module.namedParameters(handle));
    const scope = runtime.scope;
    runtime.scope = null; // they live as long as the layer, not as the tidy that first asked
    try {
      for (let i = 0; i < module.fileCount(list); ++i) {
        found.set(module.fileName(list, i), runtime.wrap(runtime.check(module.fileTensor(list, i))));
      }
    } catch (error) {
      for (const parameter of found.values()) parameter.dispose();
      throw error;
    } finally {
      runtime.scope = scope;
      module.releaseFile(list);
    }
    this.#parameters = found;
    return this.#parameters;
  }

  /** The tensors of `namedParameters()`. */
  parameters(): Tensor[] {
    return [...this.namedParameters().values()];
  }

  /** Each layer's output shape, parameters, operations and bytes for an input of that shape. */
  summary(input: Shape): Summary {
    return summarize(this.runtime, this.#live('summary'), input);
  }

  /** What `backward()` has left in each parameter, with a warning where it looks wrong. */
  gradientStats(): GradientStats[] {
    return gradientStats(this.runtime, this.#live('gradientStats'));
  }

  override dispose(): void {
    if (this.isDisposed) return;
    for (const parameter of this.#parameters?.values() ?? []) parameter.dispose();
    super.dispose();
  }

  override toString(): string {
    return this.isDisposed ? 'Module(disposed)' : this.name;
  }

  #live(where: string): Handle {
    return this.live('layer', where);
  }
}

/**
 * The handle of a live layer of this runtime, for a call that `where` names; throws for anything else.
 * @internal
 */
export function moduleHandle(runtime: Runtime, value: Module, where: string): Handle {
  return nativeHandle(runtime, value, Module, 'layer', where);
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
  constructor(context: Context, inFeatures: number, outFeatures: number, options: DenseOptions = {}) {
    for (const size of [inFeatures, outFeatures]) {
      if (!Number.isSafeInteger(size) || size < 0) {
        throw new InvalidArgumentError(
          `Dense: features are whole numbers >= 0, got ${inFeatures} and ${outFeatures}`,
        );
      }
    }
    const { module } = context.runtime;
    const dtype = context.runtime.dtypeCode(options.dtype, 'Dense');
    super(context, module.dense(inFeatures, outFeatures, options.bias ?? true, dtype));
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
  }

  /** `[in, out]` */
  get weight(): Tensor {
    return this.namedParameters().get('weight') as Tensor;
  }

  /** `[out]`; undefined where the layer has none. */
  get bias(): Tensor | undefined {
    return this.namedParameters().get('bias');
  }
}

/** Layers one after the other. It owns them: disposing of it disposes of them. */
export class Sequential extends Module {
  readonly layers: readonly Module[];

  /** @internal */
  constructor(context: Context, layers: readonly Module[]) {
    const { runtime } = context;
    if (!Array.isArray(layers)) throw new InvalidArgumentError('Sequential: takes an array of layers');
    const handles = layers.map((layer: Module) => moduleHandle(runtime, layer, 'Sequential'));
    super(context, runtime.module.sequential(runtime.sendHandles(handles, 'Sequential')));
    this.layers = [...layers];
  }

  /**
   * For `tidy`: what stays alive with it.
   * @internal
   */
  get owned(): readonly Module[] {
    return this.layers;
  }

  override dispose(): void {
    super.dispose();
    for (const layer of this.layers) layer.dispose();
  }
}
