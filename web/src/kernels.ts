// The ladder of matrix products, by name.

import type { Runtime } from './runtime.js';
import { type OutOption, type Tensor, tensorHandle } from './tensor.js';
import type { KernelName } from './types.js';

/** One rung of the ladder, slow to fast. */
export interface KernelInfo {
  /** The word that forces it. */
  readonly name: KernelName;
  /** A few words for a table. */
  readonly title: string;
  /** One sentence: the idea. */
  readonly summary: string;
  /** Whether this build has it and this processor runs it. */
  readonly available: boolean;
}

export interface MatmulOptions extends OutOption {
  /** Which rung runs; `auto` by default. Throws `KernelError` for one that does not exist or is not in this build. */
  kernel?: KernelName;
}

export class Kernels {
  readonly #runtime: Runtime;
  readonly #ids = new Map<string, number>([['auto', -1]]);

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  list(): KernelInfo[] {
    const { module } = this.#runtime;
    return Array.from({ length: module.kernelCount() }, (_, index) => ({
      name: module.kernelName(index),
      title: module.kernelTitle(index),
      summary: module.kernelSummary(index),
      available: module.kernelAvailable(index),
    }));
  }

  /** The number by which the module knows a rung that can run. */
  id(name: KernelName): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    this.#runtime.check(this.#runtime.module.findKernel(String(name)));
    const id = this.#runtime.numbers[0] as number;
    this.#ids.set(name, id);
    return id;
  }

  matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
    const runtime = this.#runtime;
    const { kernel = 'auto', out } = options;
    const outHandle = out === undefined ? 0 : tensorHandle(runtime, out, 'matmul, out');
    const result = runtime.module.matmul(
      tensorHandle(runtime, a, 'matmul'),
      tensorHandle(runtime, b, 'matmul'),
      this.id(kernel),
      outHandle,
    );
    runtime.check(result);
    return out ?? runtime.wrap(result);
  }
}
