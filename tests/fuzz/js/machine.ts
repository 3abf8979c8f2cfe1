// Runs the library beside the reference. Each live tensor is a pair; after a command both must show the same elements.

import {
  TinyTorchError,
  type DType,
  type Module,
  type Optimizer,
  type Tensor,
  type TinyTorch,
} from 'tinytorch-wasm';
import type { Layer } from '../../reference/layers.js';
import * as reference from '../../reference/tensor.js';
import { at, Refused } from '../../reference/tensor.js';
import type { Optimizer as ReferenceOptimizer } from '../../reference/training.js';

/** A tensor of the library, and what it should be. */
export interface Pair {
  readonly real: Tensor;
  readonly ref: reference.Tensor;
  /** Whether it belongs to a layer, which disposes of it. */
  readonly isParameter?: boolean;
}
export interface ModulePair {
  readonly real: Module;
  readonly ref: Layer;
  readonly dtype: DType | undefined;
  readonly features: number | undefined;
}
export interface OptimizerPair {
  readonly real: Optimizer;
  readonly ref: ReferenceOptimizer;
}

export type Resource = Pair['real'] | Module | Optimizer;

/** A difference between the library and the reference. */
export class Difference extends Error {}

export function fail(text: string): never {
  throw new Difference(text);
}

export class Machine {
  pool: Pair[] = [];
  modules: ModulePair[] = [];
  optimizers: OptimizerPair[] = [];
  /** Tensors that were disposed of: using one must be a DisposedError. */
  buried: Tensor[] = [];
  /** What ran, for the text of a failure. */
  readonly log: string[] = [];

  /** How many threads were loaded. */
  readonly mostThreads: number;

  constructor(readonly tt: TinyTorch) {
    this.mostThreads = tt.threads;
  }

  /** The pair that a number picks. */
  pick(n: number, fits: (pair: Pair) => boolean = () => true): Pair | undefined {
    const found = this.pool.filter(fits);
    return found[n % found.length];
  }

  add(real: Tensor, ref: reference.Tensor, isParameter = false): Pair {
    const pair = { real, ref, isParameter };
    this.pool.push(pair);
    this.compare(pair);
    return pair;
  }

  note(text: string): void {
    this.log.push(text);
  }

  /** `#3 [2,3]`, for the log. */
  name(pair: Pair): string {
    const { shape, dtype, requiresGrad } = pair.ref;
    return `#${this.pool.indexOf(pair)} ${dtype}[${shape.join()}]${requiresGrad ? ' grad' : ''}`;
  }

  /**
   * Calls the library, then the reference. Both do it, or both refuse; then everything must be as before. With
   * `mayRefuse` the library alone may refuse too. Undefined where it was refused.
   */
  both<Real, Ref>(
    library: () => Real,
    model: () => Ref,
    mayRefuse = false,
  ): { real: Real; ref: Ref } | undefined {
    let real: Real;
    try {
      real = library();
    } catch (error) {
      this.requireTyped(error);
      if (!mayRefuse && !refuses(model)) fail(`refused: ${String(error)}`);
      this.note(`  refused: ${(error as Error).message}`);
      this.verify();
      return undefined;
    }
    try {
      return { real, ref: model() };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return fail(`accepted what should be refused: ${error.message}`);
    }
  }

  requireTyped(error: unknown): void {
    if (!(error instanceof TinyTorchError) || error.code === 'internal') {
      fail(`an error that is not the package's: ${String(error)}`);
    }
  }

  /** Compares all elements, then goes on with the library's, so that errors do not add up. */
  compare({ real, ref }: { real: Tensor; ref: reference.Tensor }, what = 'value'): void {
    if (real.shape.join() !== ref.shape.join())
      fail(`${what}: shape [${real.shape.join()}], not [${ref.shape.join()}]`);
    if (real.dtype !== ref.dtype) fail(`${what}: dtype ${real.dtype}, not ${ref.dtype}`);
    const got: ArrayLike<number> = real.data();
    ref.places.forEach((place, i) => {
      const want = at(ref.base.values, place);
      const error = at(ref.base.errors, place);
      const value = at(got, i);
      if (!isNear(value, want, error, ref.dtype)) {
        fail(
          `${what}: element ${i} of ${ref.dtype}[${ref.shape.join()}] is ${value}, not ${want} within ${error}`,
        );
      }
    });
    ref.places.forEach((place, i) => {
      ref.base.values[place] = at(got, i);
      ref.base.errors[place] = 0;
    });
  }

  /** Compares everything that is alive. */
  verify(): void {
    for (const pair of this.pool) {
      this.compare(pair, this.name(pair));
      this.compareGradient(pair);
    }
    for (const { real, ref } of this.modules) {
      const names = [...real.namedParameters().keys()].join();
      const wanted = [...ref.parameters.keys()].join();
      if (names !== wanted) fail(`parameters are named ${names}, not ${wanted}`);
      for (const [name, parameter] of real.namedParameters()) {
        const pair = { real: parameter, ref: ref.parameters.get(name) as reference.Tensor };
        this.compare(pair, `parameter ${name}`);
        this.compareGradient(pair);
      }
    }
  }

  compareGradient(pair: Pair): void {
    const { real, ref } = pair;
    if (real.requiresGrad !== ref.requiresGrad)
      fail(`requiresGrad of ${this.name(pair)} is ${real.requiresGrad}`);
    const got = real.grad;
    const want = ref.leaf?.grad;
    if ((got === undefined) !== (want === undefined))
      fail(`the gradient of ${this.name(pair)} is ${String(got)}`);
    if (got && want) this.compare({ real: got, ref: want }, `gradient of ${this.name(pair)}`);
    got?.dispose();
  }

  bury(pair: Pair): void {
    this.pool = this.pool.filter((other) => other !== pair);
    this.buried = [...this.buried.slice(-5), pair.real];
    if (!pair.real.isDisposed) fail('alive after dispose');
  }

  /** Everything that is to be disposed of some day. */
  everything(): Resource[] {
    return [...this.optimizers, ...this.modules, ...this.pool].map(({ real }) => real);
  }

  /** Whether it is a parameter of a layer that is in `before`. */
  ownsParameter(real: Resource, before: ReadonlySet<object>): boolean {
    return this.modules.some(
      (each) =>
        before.has(each.real) && !each.real.isDisposed && each.real.parameters().includes(real as Tensor),
    );
  }

  /** Disposes of the oldest tensors and layers where there are too many. */
  limit(most: number): void {
    for (const pair of this.pool.slice(0, Math.max(this.pool.length - most, 0))) {
      if (pair.isParameter) this.pool = this.pool.filter((other) => other !== pair);
      else pair.real.dispose();
    }
    for (const { real } of this.modules.slice(0, Math.max(this.modules.length - most, 0))) real.dispose();
    for (const { real } of this.optimizers.slice(0, Math.max(this.optimizers.length - 4, 0))) real.dispose();
    this.forgetDisposed();
  }

  /** Forgets what went with a layer or a tidy. */
  forgetDisposed(): void {
    for (const pair of this.pool) if (pair.real.isDisposed) this.bury(pair);
    this.modules = this.modules.filter(({ real }) => !real.isDisposed);
    this.optimizers = this.optimizers.filter(({ real }) => !real.isDisposed);
  }

  disposeAll(): void {
    for (const { real } of [...this.optimizers, ...this.modules, ...this.pool]) real.dispose();
    this.pool = [];
    this.modules = [];
    this.optimizers = [];
  }
}

export function refuses(model: () => unknown): boolean {
  try {
    model();
    return false;
  } catch (error) {
    if (error instanceof Refused) return true;
    throw error;
  }
}

function isNear(got: number, want: number, error: number, dtype: DType): boolean {
  if (!Number.isFinite(error)) return true; // nothing is promised
  if (Object.is(got, want) || got === want || Math.abs(got - want) <= error) return true;
  return error !== 0 && Object.is(got, reference.round(want, dtype));
}
