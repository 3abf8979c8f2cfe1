// The ladder of matrix products, by name.

import { onlyOption, options as readOptions, readBy, startOf, text, truth, whole } from './check.js';
import type { Runtime } from './runtime.js';
import { newTensor, type OutOption, type Tensor } from './tensor.js';
import { outHandle, tensorHandle } from './tensor_handle.js';
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

export interface ExplainOptions {
  /** Which rung would run; `auto` by default. */
  kernel?: KernelName;
}

/** The tile of C that is kept in registers. */
export interface Tile {
  /** 4 to 8 in the build `relaxed`, 3 to 5 in `simd`, 2 or 3 in `scalar`. */
  rows: number;
  /** Whether the left operand is copied into tiles for all products but the smallest; false by default. */
  packsA?: boolean;
}

const MATMUL_OPTIONS = ['kernel', 'out'] as const;
const readMatmulOptions = ({ kernel = 'auto', out }: MatmulOptions) => ({ kernel, out });
/** More than any rung's: of a longer name, so much goes into the text of the error. */
const LONGEST_NAME = 60;

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
  id(name: KernelName, where = 'matmul'): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    text(name, where, 'kernel');
    this.#runtime.check(this.#runtime.module.findKernel(startOf(name, LONGEST_NAME)));
    const id = this.#runtime.numbers[0] as number;
    this.#ids.set(name, id);
    return id;
  }

  matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor {
    if (options === undefined) return this.#multiply(a, b, -1, undefined);
    const { kernel, out } = readBy(options, MATMUL_OPTIONS, 'matmul', readMatmulOptions);
    return this.#multiply(a, b, this.id(kernel), out);
  }

  explain(a: Tensor, b: Tensor, options?: ExplainOptions): string {
    const id = this.id(onlyOption(options, 'kernel', 'explain') ?? 'auto', 'explain');
    const runtime = this.#runtime;
    const left = tensorHandle(runtime, a, 'explain');
    return runtime.module.explain(left, tensorHandle(runtime, b, 'explain'), id);
  }

  setTile(tile?: Tile): void {
    const where = 'setTile';
    if (tile === undefined) return void this.#runtime.check(this.#runtime.module.setTile(0, false));
    const { rows, packsA = false } = readOptions(tile, ['rows', 'packsA'], where);
    const height = whole(rows, where, 'rows', 1, 1000);
    this.#runtime.check(this.#runtime.module.setTile(height, truth(packsA, where, 'packsA')));
  }

  #multiply(a: Tensor, b: Tensor, kernel: number, out: Tensor | undefined): Tensor {
    const runtime = this.#runtime;
    const left = tensorHandle(runtime, a, 'matmul');
    const right = tensorHandle(runtime, b, 'matmul');
    const result = runtime.module.matmul(left, right, kernel, outHandle(runtime, out, 'matmul'));
    const checked = runtime.check(result);
    return out ?? newTensor(runtime, checked);
  }
}
