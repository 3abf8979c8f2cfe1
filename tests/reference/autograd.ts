// Reverse-mode gradients by the chain rule, element by element. An operation gives, for each element of its result, its
// value, how far a computed value may be from it, and its slopes: the derivative by each operand's element.

import {
  at,
  Base,
  type DType,
  epsilon,
  largest,
  make,
  Refused,
  round,
  type Shape,
  sizeOf,
  Tensor,
  tiny,
} from './tensor.js';

/** d result / d element `at` of operand `input`. */
export interface Slope {
  readonly input: number;
  readonly at: number;
  readonly slope: number;
  /** The slope's relative errors are relative to this: |slope|, or more where terms of it cancel. */
  readonly size: number;
}

export interface Element {
  /** By the formula. Where `error` is 0 it is rounded to the dtype, which is then the only right answer. */
  readonly value: number;
  readonly error: number;
  readonly slopes: () => readonly Slope[];
}

interface Edge {
  readonly node: Node | undefined;
  readonly leaf: Tensor | undefined;
}

/** One recorded operation. */
export class Node {
  static made = 0;
  readonly number = Node.made++;
  isFreed = false;
  /** A backward that was refused may have freed it on the way. */
  mayBeFreed = false;
  readonly edges: readonly Edge[];
  readonly #bases: Base[];
  readonly #versions: number[];

  constructor(
    readonly name: string,
    inputs: readonly Tensor[],
    readonly result: Tensor,
    readonly slopes: readonly (() => readonly Slope[])[],
  ) {
    this.edges = inputs.map((input) => ({
      node: input.node as Node | undefined,
      leaf: input.leaf ? input : undefined,
    }));
    this.#bases = [...inputs, result].map((tensor) => tensor.base);
    this.#versions = this.#bases.map((base) => base.version);
  }

  /** Whether an operand or the result has been written to since: going back may then be refused. */
  get isOverwritten(): boolean {
    return this.#bases.some((base, i) => base.version !== at(this.#versions, i));
  }
}

let recording = true;

export function isRecording(): boolean {
  return recording;
}

export function noGrad<Result>(block: () => Result): Result {
  const before = recording;
  recording = false;
  try {
    return block();
  } finally {
    recording = before;
  }
}

/** Makes `result` a result of the operation where an operand requires a gradient. */
export function record(
  name: string,
  inputs: readonly Tensor[],
  result: Tensor,
  slopes: readonly (() => readonly Slope[])[],
): Tensor {
  if (recording && inputs.some((input) => input.requiresGrad)) {
    result.node = new Node(name, inputs, result, slopes);
  }
  return result;
}

/** A new tensor of these elements. Operands that are not exact themselves add to the errors. */
export function compute(
  name: string,
  inputs: readonly Tensor[],
  shape: Shape,
  dtype: DType,
  element: (i: number) => Element,
): Tensor {
  const elements = Array.from({ length: sizeOf(shape) }, (_, i) => element(i));
  const result = make(new Float64Array(elements.length), shape, dtype);
  const errors = inputs.map((input) => input.errors());
  const isExact = errors.every((list) => list.every((error) => error === 0));
  const total = elements.map(({ value, error, slopes }) => {
    if (isExact) return error;
    // A slope of unknown size is that of a kink, where no slope is above 1.
    const passed = slopes().map(
      ({ input, at: place, slope, size }) =>
        (size === Infinity ? 1 : 2 * Math.abs(slope)) * at(errors[input] as Float64Array, place),
    );
    return passed.reduce((sum, part) => sum + part, error + epsilon(dtype) * Math.abs(value));
  });
  result.write(
    elements.map(({ value }, i) => (at(total, i) === 0 ? round(value, dtype) : value)),
    total,
  );
  return record(
    name,
    inputs,
    result,
    elements.map(({ slopes }) => slopes),
  );
}

/** A view or copy of one operand: element i is its element `from(i)`. */
export function moved(name: string, input: Tensor, result: Tensor, from: readonly number[]): Tensor {
  const slopes = from.map((place) => () => [{ input: 0, at: place, slope: 1, size: 1 }]);
  return record(name, [input], result, slopes);
}

/** A gradient, and how far a computed one may be from it. */
interface Gradient {
  readonly value: Float64Array;
  readonly error: Float64Array;
}

function zero(size: number): Gradient {
  return { value: new Float64Array(size), error: new Float64Array(size) };
}

/** Whether going back from here meets a value that has been overwritten, so that an error is right too. */
export function mayRefuse(root: Tensor): boolean {
  return history(root).some((node) => node.isOverwritten || node.mayBeFreed);
}

/** Notes that the library has refused to go back from here, and may have freed what it passed until then. */
export function refused(root: Tensor): void {
  for (const node of history(root)) node.mayBeFreed = true;
}

/** The nodes that a result depends on, the youngest first. */
function history(root: Tensor): Node[] {
  const found = new Set<Node>();
  const waiting = root.node ? [root.node as Node] : [];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (found.has(node)) continue;
    found.add(node);
    waiting.push(...node.edges.flatMap((edge) => edge.node ?? []));
  }
  return [...found].sort((a, b) => b.number - a.number);
}

/** Adds d root / d leaf, times `gradient`, to every leaf's gradient. Refused, it has changed nothing. */
export function backward(root: Tensor, gradient: Tensor | undefined, retainGraph: boolean): void {
  if (!root.requiresGrad) throw new Refused('backward: depends on no leaf');
  if (!gradient && root.size !== 1) throw new Refused('backward: needs a gradient');
  if (gradient && (gradient.shape.join() !== root.shape.join() || gradient.dtype !== root.dtype)) {
    throw new Refused('backward: the gradient does not fit');
  }
  const nodes = history(root);
  if (nodes.some((node) => node.isFreed)) throw new Refused('backward: the graph was freed');

  const leaves = new Map<Tensor, Gradient>();
  const results = new Map<Node, Gradient>();
  const seed = { value: gradient?.values() ?? new Float64Array([1]), error: new Float64Array(root.size) };
  if (root.node) results.set(root.node as Node, seed);
  else leaves.set(root, seed);
  for (const node of nodes) {
    goBack(node, results.get(node) as Gradient, results, leaves);
    node.isFreed = !retainGraph;
  }
  for (const [leaf, added] of leaves) {
    if (leaf.leaf) accumulate(leaf, leaf.leaf, added);
  }
}

/** Hands a node's gradient on to its operands. */
function goBack(node: Node, dy: Gradient, results: Map<Node, Gradient>, leaves: Map<Tensor, Gradient>): void {
  // A conversion rounds to the operand's dtype, which may be the coarser one.
  const dtypes = node.edges.flatMap(({ node: from, leaf }) => (from?.result ?? leaf)?.dtype ?? []);
  const eps = Math.max(...[node.result.dtype, ...dtypes].map(epsilon));
  const targets = node.edges.map(({ node: from, leaf }) => {
    const place = from ? results : leaves;
    const key = (from ?? leaf) as Node & Tensor;
    const size = from ? from.result.size : (leaf?.size ?? 0);
    const target = place.get(key) ?? zero(size);
    if (from || leaf) place.set(key, target);
    return { target, isWanted: from !== undefined || leaf !== undefined };
  });
  // How many terms each sum has, and the sum of their sizes: n terms are rounded at most n times.
  const sums = targets.map(({ target }) => zero(target.value.length));
  node.slopes.forEach((slopesOf, i) => {
    const d = at(dy.value, i);
    for (const { input, at: place, slope, size } of slopesOf()) {
      const { target, isWanted } = targets[input] as (typeof targets)[number];
      if (!isWanted) continue;
      const { value: terms, error: sizes } = sums[input] as Gradient;
      target.value[place] = at(target.value, place) + slope * d;
      // A slope that the dtype cannot hold is infinite there, and infinity times 0 is NaN.
      const { dtype } = node.result;
      const own = size > largest(dtype) ? Infinity : 8 * eps * size * Math.abs(d);
      // One that is too small for it is lost.
      const lost = slope !== 0 && Math.abs(slope) < 1e3 * tiny(dtype) ? tiny(dtype) * Math.abs(d) : 0;
      target.error[place] = at(target.error, place) + size * at(dy.error, i) + own + lost;
      terms[place] = at(terms, place) + 1;
      sizes[place] = at(sizes, place) + size * Math.abs(d);
    }
  });
  targets.forEach(({ target, isWanted }, input) => {
    if (!isWanted) return;
    const { value: terms, error: sizes } = sums[input] as Gradient;
    for (let i = 0; i < terms.length; ++i) {
      const isTooLarge = at(sizes, i) > largest(node.result.dtype);
      const sum = eps * (at(terms, i) * at(sizes, i) + Math.abs(at(target.value, i)));
      target.error[i] = at(target.error, i) + (isTooLarge ? Infinity : sum);
    }
  });
}

/** A leaf's gradient is a new tensor: whoever holds the one before keeps its values. */
function accumulate(leaf: Tensor, { grad }: { grad: Tensor | undefined }, added: Gradient): void {
  const old = grad?.values() ?? new Float64Array(leaf.size);
  const oldError = grad?.errors() ?? new Float64Array(leaf.size);
  const sum = make(old, leaf.shape, leaf.dtype);
  const value = added.value.map((term, i) => at(old, i) + term);
  const error = value.map(
    (total, i) =>
      at(added.error, i) + at(oldError, i) + epsilon(leaf.dtype) * Math.abs(total) + tiny(leaf.dtype),
  );
  sum.write(value, error);
  (leaf.leaf as { grad: Tensor | undefined }).grad = sum;
}
