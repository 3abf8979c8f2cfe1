// Writes what follows from the table of operations (cpp/src/ops) and from what both sides of the border agree on
// (cpp/bindings/contract.h): the functions that JavaScript calls, the tensor's methods with their types, checks and
// documentation, and the numbers and names that both sides use. The files are committed, so that they can be read and
// nothing but a change of the table needs a native build.
// Usage: node scripts/generate.mjs [--check]   (after: cmake --preset native && cmake --build build/native)

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const described = JSON.parse(
  execFileSync(join(root, 'build/native/cpp/bindings/tinytorch_describe'), { encoding: 'utf8' }),
);
const NOTE =
  '// Written by scripts/generate.mjs from cpp/src/ops and cpp/bindings/contract.h: do not change it by hand.\n';

const camelCase = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
const operations = described.operations
  .filter(({ place }) => place !== 'none')
  .map((operation) => ({ ...operation, method: camelCase(operation.name) }));

await write('cpp/bindings/operations.inc', binding());
await write('web/src/operation_calls.ts', calls());
await write('web/src/tensor_operations.ts', methods());
await write('web/src/contract.ts', contract());
await write('tests/reference/table.ts', table());

/** What tests have to know of the operations: a type that asks for a reference of each, and where to draw operands. */
function table() {
  const ofKinds = (wanted) =>
    operations.filter(({ parameters }) => parameters.map(({ kind }) => kind).join(' ') === wanted);
  const rows = (all) =>
    all.map(({ method, lowest, highest }) => `${method}: { lowest: ${lowest}, highest: ${highest} },`);
  return `${NOTE}
/** Where an operation is smooth, which is good for tests. */
export const UNARY_OPERATIONS = {
${rows(ofKinds('tensor out')).join('\n')}
};
export const BINARY_OPERATIONS = {
${rows(ofKinds('tensor tensor out').filter(({ place }) => place === 'method')).join('\n')}
};
`;
}

/** The rows of the table of calls. */
function binding() {
  // Matrix products have options that do not cross as they are (embind.cpp).
  const bound = operations.filter(({ parameters }) => parameters.every(({ kind }) => kind !== 'product'));
  const rows = bound.map(({ name, method, isMember }) => {
    const callee = isMember ? `&Tensor::${name}` : `&ops::${name}`;
    return `TINYTORCH_OPERATION("${method}", ${callee}),\n`;
  });
  return NOTE + rows.join('');
}

/** How the parameters of each kind cross (cpp/bindings/operation.h). */
function numbersOf({ name, kind }) {
  switch (kind) {
    case 'axes':
      return ['everything: boolean', 'dim: number', 'keepdim: boolean'];
    case 'product':
      return ['kernel: number', 'out: Handle'];
    case 'shape':
      return ['ndim: number'];
    case 'tensor':
    case 'out':
      return [`${name === 'this' ? 'a' : name}: Handle`];
    default:
      return [`${name}: number`];
  }
}

function calls() {
  const rows = operations.map(
    ({ method, parameters }) => `${method}(${parameters.flatMap(numbersOf).join(', ')}): Handle;`,
  );
  return `${NOTE}
import type { Handle } from './contract.js';

/** The operations as functions of the module. Shapes go through the exchange buffer. */
export interface OperationCalls {
${rows.join('\n')}
}`;
}

function methods() {
  const written = operations.filter(({ place }) => place === 'method').map(methodOf);
  return `${NOTE}
import { dtypeCode } from './arrays.js';
import { onlyOption, whole } from './check.js';
import { AUTO_KERNEL } from './contract.js';
import { axis, binary, made, type Out, reduce, type Reduce, resultOf, unary } from './operations.js';
import { outHandle, ownHandle, TensorHandle, tensorHandle } from './tensor_handle.js';
import type { DType, Shape } from './types.js';

/** The operations of a tensor class. Where the second operand may be a number, it is one of the tensor's dtype. */
export abstract class TensorOperations<Tensor extends TensorHandle> extends TensorHandle {
  /** The type of its elements. */
  abstract get dtype(): DType;

${written.join('\n\n')}
}`;
}

function methodOf({ method, summary, parameters, takesNumber }) {
  const kinds = parameters.map(({ kind }) => kind).join(' ');
  const doc = comment(summary);
  if (kinds === 'tensor out')
    return `${doc}
  ${method}(options?: Out<Tensor>): Tensor {
    return unary<Tensor>(this, '${method}', options);
  }`;
  if (kinds === 'tensor tensor out' && takesNumber)
    return `${doc}
  ${method}(other: Tensor | number, options?: Out<Tensor>): Tensor {
    return binary<Tensor>(this, '${method}', other, options);
  }`;
  if (kinds === 'tensor axes out')
    return `${doc}
  ${method}(options?: Reduce<Tensor>): Tensor {
    return reduce<Tensor>(this, '${method}', options);
  }`;
  const own = parameters.slice(1);
  const takesOut = own.some(({ kind }) => kind === 'out' || kind === 'product');
  const shape = own.find(({ kind }) => kind === 'shape');
  const declared = own.filter(({ kind }) => kind !== 'out' && kind !== 'product').map(declarationOf);
  if (takesOut) declared.push('options?: Out<Tensor>');
  const lines = own.flatMap((parameter) => checkOf(parameter, method));
  if (takesOut) lines.push(`const out = onlyOption(options, 'out', '${method}');`);
  if (shape) {
    // Reading a shape runs the caller's code, which may dispose of the tensor.
    lines.push(
      `ownHandle(this, '${method}');`,
      `const sizes = this.runtime.readShape(${shape.name}, '${method}'${shape.least ? `, ${shape.least}` : ''});`,
    );
  }
  lines.push(`const a = ownHandle(this, '${method}');`, 'const { runtime } = this;');
  for (const { name, kind } of own)
    if (kind === 'tensor') lines.push(`const ${name}At = tensorHandle(runtime, ${name}, '${method}');`);
  const call = `runtime.module.${method}(${['a', ...own.flatMap((each) => argumentsOf(each, method))].join(', ')})`;
  lines.push(
    takesOut ? `return resultOf<Tensor>(runtime, ${call}, out);` : `return made<Tensor>(runtime, ${call});`,
  );
  return `${doc}
  ${method}(${declared.join(', ')}): Tensor {
    ${lines.join('\n    ')}
  }`;
}

/** A documentation comment; a long one in several lines. */
function comment(text) {
  if (text.length <= 100) return `/** ${text} */`;
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last.length + word.length > 100) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return `/**\n${lines.map((line) => `   * ${line}\n`).join('')}   */`;
}

function declarationOf({ name, kind, default: value }) {
  const types = { tensor: 'Tensor', shape: 'Shape', dtype: 'DType' };
  if (types[kind]) return `${name}: ${types[kind]}`;
  return value === undefined ? `${name}: number` : `${name} = ${value}`;
}

function checkOf({ name, kind, default: value, least }, method) {
  if (kind !== 'integer') return [];
  if (name.startsWith('dim')) return [`axis(${name}, '${method}', '${name}');`];
  const check = `whole(${name}, '${method}', '${name}'${least === undefined ? '' : `, ${least}`});`;
  return [value === 'Infinity' ? `if (${name} !== Infinity) ${check}` : check];
}

function argumentsOf({ name, kind }, method) {
  switch (kind) {
    case 'tensor':
      return [`${name}At`];
    case 'out':
      return [`outHandle(runtime, out, '${method}')`];
    case 'product':
      return ['AUTO_KERNEL', `outHandle(runtime, out, '${method}')`];
    case 'shape':
      return ['runtime.sendSizes(sizes)'];
    case 'dtype':
      return [`dtypeCode(${name}, '${method}')`];
    case 'integer':
      return [name];
    default:
      throw new Error(`generate: ${method} has a parameter of a kind that no method has yet: ${kind}`);
  }
}

function contract() {
  const words = (all) => `[${all.map((word) => `'${word}'`).join(', ')}]`;
  const records = Object.entries(described.records).map(([name, fields]) => `${name}: ${words(fields)},`);
  return `${NOTE}
/** What names an object inside the module: its address. 0 as a result means that the call failed, as an argument "none". */
export type Handle = number;

/** Numbers in the exchange buffer. */
export const EXCHANGE_LENGTH = ${described.exchangeLength};
/** The error's number after which nothing of a module can be used. */
export const FATAL = ${described.fatal};
/** The kernel that the library chooses. */
export const AUTO_KERNEL = ${described.autoKernel};
/** The most axes a tensor has. */
export const MAX_RANK = ${described.maxRank};

// Words in the order of their numbers in the module.
export const DTYPES = ${words(described.dtypes)} as const;
/** The number 0 is an exception that is not the library's, 1 the first of these. */
export const ERROR_CODES = ${words(described.errors)} as const;
export const REDUCTIONS = ${words(described.reductions)} as const;
export const LOSSES = ${words(described.losses)} as const;
export const SCHEDULES = ${words(described.schedules)} as const;
export const CONFUSIONS = ${words(described.confusions)} as const;
export const INITS = ${words(described.inits)} as const;
/** The ladder of matrix products, slow to fast, those that a build lacks included. */
export const KERNELS = ${words(described.kernels)} as const;
/** What a function of the module gives. */
export const GIVES = ${words(described.gives)} as const;

/** Numbers that cross together, by their names, in their order in the exchange buffer. */
export const RECORDS = {
${records.join('\n')}
} as const;
`;
}

/** Writes the file, or, with --check, ends where it is another. */
async function write(path, text) {
  const file = join(root, path);
  const options = await resolveConfig(file);
  const wanted = path.endsWith('.ts') ? await format(text, { ...options, parser: 'typescript' }) : text;
  if (!process.argv.includes('--check')) return writeFileSync(file, wanted);
  if (readFileSync(file, 'utf8') === wanted) return;
  console.error(`${path} is not what the table of operations gives: run node scripts/generate.mjs`);
  process.exitCode = 1;
}
