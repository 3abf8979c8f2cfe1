// A tensor as text, as PyTorch prints one: four digits, aligned; of more than 1,000 elements the first and last three of each
// axis.

import type { DType, Shape, TensorData } from './types.js';

const DIGITS = 4;
const LINE_WIDTH = 80;
const MOST_ELEMENTS = 1000;
const EDGE = 3;

export interface Printed {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly requiresGrad: boolean;
  /** In row-major order. */
  readonly elements: TensorData;
}

/** A row of elements, or rows of rows; null where some are left out. */
type Tree = number | null | Tree[];

export function printTensor(tensor: Printed): string {
  const { shape, dtype, requiresGrad } = tensor;
  const size = shape.reduce((product, length) => product * length, 1);
  const tree = size === 0 ? [] : treeOf(tensor, size > MOST_ELEMENTS);
  const format = formatOf(leaves(tree), dtype);
  const head = 'tensor(';
  const body = text(tree, shape.length, head.length, format);
  const notes: string[] = [];
  if (size === 0 && !(shape.length === 1 && shape[0] === 0)) notes.push(`shape=[${shape.join(', ')}]`);
  if (dtype !== 'float32') notes.push(`dtype=${dtype}`);
  if (requiresGrad) notes.push('requiresGrad=true');
  let result = head + body;
  let width = result.length - (result.lastIndexOf('\n') + 1) + 1;
  for (const note of notes) {
    const isTooLong = width + note.length + 2 > LINE_WIDTH;
    result += isTooLong ? `,\n${' '.repeat(head.length)}${note}` : `, ${note}`;
    width = isTooLong ? head.length + note.length : width + note.length + 2;
  }
  return `${result})`;
}

function treeOf({ shape, elements }: Printed, isCut: boolean): Tree {
  const read = (start: number, count: number): number[] =>
    Array.from(elements.subarray(start, start + count));
  const places = shape.map((length) =>
    isCut && length > 2 * EDGE
      ? [0, 1, 2, -1, length - 3, length - 2, length - 1]
      : Array.from({ length }, (_, i) => i),
  );
  const last = shape.length - 1;
  const at = (axis: number, start: number): Tree => {
    if (axis > last) return elements[start] as number;
    const length = shape[axis] as number;
    const all = places[axis] as number[];
    if (axis === last && all.length === length) return read(start * length, length);
    if (axis === last) {
      const end = (start + 1) * length;
      return [...read(start * length, EDGE), null, ...read(end - EDGE, EDGE)];
    }
    return all.map((i) => (i < 0 ? null : at(axis + 1, start * length + i)));
  };
  return at(0, 0);
}

function leaves(tree: Tree): number[] {
  if (tree === null) return [];
  return typeof tree === 'number' ? [tree] : tree.flatMap(leaves);
}

interface Format {
  readonly width: number;
  show(value: number): string;
}

/** All elements with one number of digits, and as wide as the widest. */
function formatOf(values: readonly number[], dtype: DType): Format {
  const isFloat = dtype === 'float32' || dtype === 'float64';
  const finite = values.filter((value) => Number.isFinite(value) && value !== 0);
  const sizes = finite.map(Math.abs);
  const least = sizes.reduce((a, b) => Math.min(a, b), Infinity);
  const most = sizes.reduce((a, b) => Math.max(a, b), 0);
  const isWhole = finite.every(Number.isInteger);
  const isWide = finite.length > 0 && (most / least > 1000 || most > 1e8 || (!isWhole && least < 1e-4));
  const plain = (value: number): string => {
    if (Number.isNaN(value)) return 'nan';
    if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
    if (!isFloat) return String(value);
    if (isWide) return value.toExponential(DIGITS).replace(/e([+-])(\d)$/, 'e$10$2');
    const fixed = value.toFixed(isWhole ? 0 : DIGITS);
    const signed = Object.is(value, -0) ? `-${fixed}` : fixed;
    return isWhole ? `${signed}.` : signed;
  };
  const width = (isFloat ? finite : values).reduce((most, value) => Math.max(most, plain(value).length), 1);
  return { width, show: (value) => plain(value).padStart(width) };
}

function text(tree: Tree, axes: number, indent: number, format: Format): string {
  if (tree === null) return '...';
  if (typeof tree === 'number') return format.show(tree).trimStart();
  if (axes > 1) {
    const between = `,${'\n'.repeat(axes - 1)}${' '.repeat(indent + 1)}`;
    return `[${tree.map((each) => text(each, axes - 1, indent + 1, format)).join(between)}]`;
  }
  const items = tree.map((each) => (each === null ? ' ...' : format.show(each as number)));
  const perLine = Math.max(1, Math.floor((LINE_WIDTH - indent) / (format.width + 2)));
  const lines: string[] = [];
  for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine).join(', '));
  return `[${lines.join(`,\n${' '.repeat(indent + 1)}`)}]`;
}
