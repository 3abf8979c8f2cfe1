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
  /** In the log. */
  readonly name: string;
  readonly real: Tensor;
  readonly ref: reference.Tensor;
  /** The layer that it belongs to, which disposes of it. */
  readonly owner?: ModulePair | undefined;
}
export interface ModulePair {
  readonly name: string;
  readonly real: Module;
  readonly ref: Layer;
  readonly dtype: DType | undefined;
  /** How many the last axis of its input must have; undefined where any will do. */
  readonly features: number | undefined;
  /** The layers inside, which end with it. */
  readonly parts: readonly ModulePair[];
}
export interface OptimizerPair {
  readonly name: string;
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
  buried: Pair[] = [];
  /** What ran, as a program: the text of a failure. */
  readonly log: string[] = [];
  #indent = '';
  #made = { t: 0, m: 0, o: 0 };

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

  add(real: Tensor, ref: reference.Tensor, owner?: ModulePair): Pair {
    const pair = { name: this.next(), real, ref, owner };
    ++this.#made.t;
    this.pool.push(pair);
    this.remark(describe(ref), `${pair.name} = `);
    this.compare(pair, pair.name);
    return pair;
  }

  addModule(
    real: Module,
    ref: Layer,
    dtype: DType | undefined,
    features: number | undefined,
    parts: readonly ModulePair[] = [],
  ): ModulePair {
    const pair = { name: this.next('m'), real, ref, dtype, features, parts };
    ++this.#made.m;
    this.modules.push(pair);
    return pair;
  }

  addOptimizer(real: Optimizer, ref: ReferenceOptimizer): void {
    this.optimizers.push({ name: this.next('o'), real, ref });
    ++this.#made.o;
  }

  /** The name that the next tensor, module or optimiser will have. */
  next(kind: 't' | 'm' | 'o' = 't'): string {
    return `${kind}${this.#made[kind] + 1}`;
  }

  note(text: string): void {
    this.log.push(`${String(this.log.length + 1).padStart(3)}  ${this.#indent}${text}`);
  }

  /** Adds a comment to the last line, if it has that text. */
  remark(text: string, where = ''): void {
    const last = this.log.length - 1;
    if (this.log[last]?.includes(where)) this.log[last] += `  // ${text}`;
  }

  /** Lines of a block are indented. */
  block(head: string, work: () => void): void {
    this.note(`${head}(() => {`);
    this.#indent += '  ';
    work();
    this.#indent = this.#indent.slice(2);
    this.note('})');
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
      this.remark(`refused: ${(error as Error).message}`);
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
    if (got.length !== ref.size) fail(`${what}: ${got.length} elements`);
    const { places, base, dtype } = ref;
    for (let i = 0; i < places.length; ++i) {
      const [want, error] = [at(base.values, at(places, i)), at(base.errors, at(places, i))];
      if (isNear(at(got, i), want, error, dtype)) continue;
      const kind = `${dtype}[${ref.shape.join()}]`;
      fail(`${what}: element ${i} of ${kind} is ${at(got, i)}, not ${want} within ${error}`);
    }
    for (let i = 0; i < places.length; ++i) {
      base.values[at(places, i)] = at(got, i);
      base.errors[at(places, i)] = 0;
    }
  }

  /** Compares everything that is alive. Commands count on it: what is not compared keeps the reference's roundings. */
  verify(): void {
    for (const pair of [...this.pool, ...this.parameters()]) this.compare(pair, pair.name);
    this.verifyGradients();
    this.verifyNames();
  }

  /** Compares the gradients of all tensors that fit, then goes on with the library's. */
  verifyGradients(fits: (ref: reference.Tensor) => boolean = () => true): void {
    for (const pair of [...this.pool, ...this.parameters()]) if (fits(pair.ref)) this.compareGradient(pair);
  }

  verifyNames(): void {
    for (const { name: module, real, ref } of this.modules) {
      const names = [...real.namedParameters().keys()].join();
      const wanted = [...ref.parameters.keys()].join();
      if (names !== wanted) fail(`parameters of ${module} are named ${names}, not ${wanted}`);
    }
  }

  /** Those of all layers. */
  parameters(): Pair[] {
    return this.modules.flatMap(({ name: module, real, ref }) =>
      [...real.namedParameters()].flatMap(([name, parameter]) => {
        const wanted = ref.parameters.get(name);
        return wanted ? { name: `parameter ${name} of ${module}`, real: parameter, ref: wanted } : [];
      }),
    );
  }

  compareGradient({ name, real, ref }: Pair): void {
    if (real.requiresGrad !== ref.requiresGrad) fail(`requiresGrad of ${name} is ${real.requiresGrad}`);
    const got = real.grad;
    const want = ref.leaf?.grad;
    if ((got === undefined) !== (want === undefined)) fail(`the gradient of ${name} is ${String(got)}`);
    if (got && want) this.compare({ real: got, ref: want }, `gradient of ${name}`);
    got?.dispose();
  }

  bury(pair: Pair): void {
    this.pool = this.pool.filter((other) => other !== pair);
    this.buried = [...this.buried.slice(-5), pair];
    if (!pair.real.isDisposed) fail(`${pair.name} is alive after dispose`);
  }

  /** Everything that is to be disposed of some day. */
  everything(): Resource[] {
    return [...this.optimizers, ...this.modules, ...this.pool].map(({ real }) => real);
  }

  /** Layers that end where those that were not there before are disposed of. */
  endingAfter(before: ReadonlySet<object>): ReadonlySet<ModulePair> {
    const ending = new Set(this.modules.filter(({ real }) => !before.has(real)));
    for (const { parts } of ending) for (const part of parts) ending.add(part);
    return ending;
  }

  /** Disposes of the oldest tensors and layers where there are too many. */
  limit(most: number): void {
    const oldest = <T>(list: readonly T[], limit: number): T[] =>
      list.slice(0, Math.max(list.length - limit, 0));
    const parameters = oldest(this.pool, most).filter(({ owner }) => owner);
    const tensors = oldest(this.pool, most).filter(({ owner }) => !owner);
    this.pool = this.pool.filter((pair) => !parameters.includes(pair));
    for (const { name, real } of [...tensors, ...oldest(this.modules, most), ...oldest(this.optimizers, 4)]) {
      this.note(`${name}.dispose()`);
      real.dispose();
    }
    this.forgetDisposed();
  }

  /** Disposes of a layer, which ends those inside and their parameters. */
  disposeModule(pair: ModulePair): void {
    this.note(`${pair.name}.dispose()`);
    pair.real.dispose();
    const ended = new Set([pair]);
    for (const { name, real, parts } of ended) {
      if (!real.isDisposed) fail(`${name} is alive after dispose`);
      for (const part of parts) ended.add(part);
    }
    const left = this.pool.find(({ owner, real }) => owner && ended.has(owner) && !real.isDisposed);
    if (left) fail(`${left.name} is alive after its layer`);
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

/** `float32[2,3] grad` */
export function describe({ dtype, shape, requiresGrad }: reference.Tensor): string {
  return `${dtype}[${shape.join()}]${requiresGrad ? ' grad' : ''}`;
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

export function isNear(got: number, want: number, error: number, dtype: DType): boolean {
  if (!Number.isFinite(error)) return true; // nothing is promised
  if (Object.is(got, want) || got === want || Math.abs(got - want) <= error) return true;
  return error !== 0 && Object.is(got, reference.round(want, dtype));
}
