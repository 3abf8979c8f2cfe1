// Values of every JavaScript type, the harmless and the hostile.

import type { TinyTorch } from 'tinytorch-wasm';

/** What the hostile values throw: it must come through as it is. */
export const MINE = new Error('thrown by the caller');

/** Evaluates an expression in another realm: Node's vm, or an iframe. */
export type OtherRealm = (expression: string) => unknown;

export async function otherRealm(): Promise<OtherRealm> {
  if (typeof document === 'undefined') {
    const { runInNewContext } = await import('node:vm');
    return (expression) => runInNewContext(`(${expression})`) as unknown;
  }
  const frame = document.body.appendChild(document.createElement('iframe'));
  const { eval: evaluate } = frame.contentWindow as unknown as { eval(text: string): unknown };
  return (expression) => evaluate(`(${expression})`);
}

export interface Surroundings {
  readonly tt: TinyTorch;
  /** Another loaded module. */
  readonly other: TinyTorch;
  readonly realm: OtherRealm;
  /** Hears of what the hostile values make. */
  readonly made: (resource: Disposable) => void;
  /** What hostile getters do while a call reads its arguments: dispose of something, make the memory grow, ... */
  readonly disturb: () => void;
}

/** Values that hold no tensor: they can be used again and again. */
export function plainValues({ realm }: Surroundings): unknown[] {
  const detached = new Float32Array(4);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const deep = Array.from({ length: 100 }).reduce<unknown>((inner) => [inner], 1);
  const list = { next: undefined as unknown };
  for (let i = 0, last = list; i < 20_000; ++i) last = last.next = { next: undefined };
  const revoked = Proxy.revocable({}, {});
  const revokedArray = Proxy.revocable([], {});
  const revokedFunction = Proxy.revocable(() => 1, {});
  for (const each of [revoked, revokedArray, revokedFunction]) each.revoke();
  const throwing = (name: string | symbol) =>
    Object.defineProperty({}, name, {
      enumerable: true,
      get: () => {
        throw MINE;
      },
    });
  return [
    ...[
      undefined,
      null,
      true,
      false,
      '',
      'a',
      'int32',
      'float64',
      'auto',
      'naive',
      'mean',
      '2',
      'x'.repeat(3000),
    ],
    ...['\ud800', 'a\0b', 'cross_entropy', 'kaiming_normal', '__proto__', 'constructor', 'cosine'],
    ...[0, -0, 1, -1, 2, 3, 7, 0.5, -1.5, 1e-3, 0.9, 1e300, -1e300, 5e-324, NaN, Infinity, -Infinity],
    ...[2 ** 31 - 1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1, 2 ** 53, -(2 ** 53)],
    ...[0n, 1n, 2n ** 64n, Symbol('s'), Symbol.iterator],
    ...[new Date(0), new Date(NaN), /x/g, new Map(), new Map([['dim', 1]]), new Set([1]), new WeakMap()],
    ...[new Error('value'), new Boolean(true), new Number(1), new String('int32'), Object(1n)],
    ...[
      {},
      Object.create(null),
      { dim: 0 },
      { dim: 0.5 },
      { axis: 1 },
      { shape: [2] },
      { length: 3 },
      { length: 2 ** 53 },
    ],
    ...[
      Object.freeze({ keepdim: true }),
      { then: 1 },
      { valueOf: () => 1 },
      { [Symbol.toPrimitive]: () => 1 },
    ],
    ...[
      throwing('dim'),
      throwing('out'),
      throwing('shape'),
      throwing('then'),
      throwing('length'),
      throwing('0'),
    ],
    ...[
      throwing(Symbol.toStringTag),
      throwing(Symbol.iterator),
      throwing('valueOf'),
      throwing('constructor'),
    ],
    ...[
      [],
      [1],
      [2, 3],
      [1, 2, 3],
      [
        [1, 2],
        [3, 4],
      ],
      [[1, 2], [3]],
      [1, [2]],
      [[[]]],
      ['1'],
      [null],
      [0, -1],
      [2, -1],
    ],
    ...[
      [NaN],
      [0.5],
      [2 ** 40],
      [2 ** 16, 2 ** 16],
      [1n],
      [Symbol('s')],
      new Array(3),
      new Array(2 ** 32 - 1),
    ],
    ...[cyclic, deep, list, Object.assign([1, 2], { length: 5 }), Array(9).fill(1), Array(9).fill(0)],
    ...[
      Object.defineProperty(
        [1, 2],
        1,
        Object.getOwnPropertyDescriptor(throwing('1'), '1') as PropertyDescriptor,
      ),
    ],
    ...[new ArrayBuffer(8), new ArrayBuffer(0), new DataView(new ArrayBuffer(8)), detached, detached.buffer],
    ...[
      new Float32Array([1, 2]),
      new Float64Array(2),
      new Int8Array(2),
      new Uint8Array([0, 255]),
      new Uint8ClampedArray(2),
    ],
    ...[
      new Int16Array(2),
      new Uint16Array(2),
      new Int32Array([0, 1]),
      new Uint32Array(2),
      new BigInt64Array(2),
    ],
    ...[new BigUint64Array(2), new Float32Array(0), new Float32Array(9).subarray(3, 5), ...newerArrays()],
    ...[realm('[1, 2]'), realm('[[1], [2]]'), realm('new Float32Array(2)'), realm('new Int32Array([0, 1])')],
    ...[realm('new Map([["a", 1]])'), realm('Promise.resolve(1)'), realm('new Date()'), realm('() => 1')],
    ...[
      realm('{ dim: 0 }'),
      realm('new BigInt64Array(1)'),
      realm('new ArrayBuffer(4)'),
      realm('new Error("x")'),
    ],
    ...[Promise.resolve(1), { then: (done: (value: number) => void) => done(1) }],
    ...[revoked.proxy, revokedArray.proxy, revokedFunction.proxy, new Proxy({}, {}), new Proxy([1, 2], {})],
    ...[
      new Proxy([], { get: (_, key) => (key === 'length' ? 2 ** 32 - 1 : 1) }),
      new Proxy([], { get: () => NaN }),
    ],
    ...[
      new Proxy({}, { ownKeys: () => ['a', 'a'] }),
      new Proxy({}, { getPrototypeOf: () => 1 as unknown as object }),
    ],
    ...[() => 1, () => undefined, () => ({ a: [1] }), function* () {}, async () => {}, async function* () {}],
    ...[
      class {},
      Math.max,
      Object.create(() => 1) as object,
      () => Promise.resolve(1),
      () => Promise.reject(MINE),
    ],
    ...[
      () => {
        throw MINE;
      },
      (function* () {
        yield 1;
      })(),
      [][Symbol.iterator](),
      [['a', 'b']],
      [['a', 1]],
      new Map([['key', 'value']]),
      globalThis.AbortSignal.abort(MINE),
    ],
  ];
}

/** Kinds of arrays that not every engine has. */
function newerArrays(): unknown[] {
  const { Float16Array } = globalThis as { Float16Array?: new (values: number[]) => object };
  const resizable = new (ArrayBuffer as new (size: number, options: object) => ArrayBuffer)(16, {
    maxByteLength: 64,
  });
  const whole = new Float32Array(resizable);
  const part = new Float32Array(resizable, 8, 2);
  if ('resize' in resizable) (resizable as { resize(size: number): void }).resize(8);
  return [
    ...(Float16Array ? [new Float16Array([1, 2])] : []),
    ...(typeof SharedArrayBuffer === 'undefined' ? [] : [new Float32Array(new SharedArrayBuffer(8))]),
    whole, // shorter now
    part, // outside of its buffer now
  ];
}

/** Names of options, right ones and others, to put values under. */
const OPTION_NAMES = [
  ...['dim', 'keepdim', 'out', 'kernel', 'dtype', 'shape', 'requiresGrad', 'gradient', 'retainGraph', 'axis'],
  ...['rtol', 'atol', 'lr', 'momentum', 'dampening', 'weightDecay', 'nesterov', 'betas', 'eps', 'bias', 'p'],
  ...['batchSize', 'shuffle', 'dropLast', 'seed', 'features', 'labels', 'mean', 'deviation', 'reduction'],
  ...['optimizer', 'data', 'loss', 'clipNorm', 'accumulate', 'schedule', 'scheduleEvery', 'scheduleFactor'],
  ...['scheduleLowest', 'warmup', 'patience', 'validation', 'onBatch', 'onEpoch', 'onProgress', 'signal'],
];

/** A value made of others: options, arrays, wrapped tensors, arguments that do something when they are read. */
export function composed(pick: () => unknown, random: () => number, surroundings: Surroundings): unknown {
  const { disturb } = surroundings;
  const name = () => OPTION_NAMES[Math.floor(random() * OPTION_NAMES.length)] as string;
  const disturbing = (value: unknown) => ({
    enumerable: true,
    get: () => {
      disturb();
      return value;
    },
  });
  switch (Math.floor(random() * 9)) {
    case 0:
      return { [name()]: pick() };
    case 1:
      return { [name()]: pick(), [name()]: pick() };
    case 2:
      return [pick()];
    case 3:
      return [pick(), pick()];
    case 4:
      return Object.defineProperty({ [name()]: pick() }, name(), disturbing(pick()));
    case 5:
      return Object.defineProperty([pick(), pick()], 1, disturbing(pick()));
    case 6:
      return Object.defineProperty([2, 1], 0, disturbing(1));
    case 7:
      return wrapped(pick(), random);
    default: {
      const value = pick();
      return () => value;
    }
  }
}

/** What frameworks make of an object: a proxy, an object that inherits from it, a copy, a frozen one. */
export function wrapped(value: unknown, random: () => number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  try {
    switch (Math.floor(random() * 5)) {
      case 0:
        return new Proxy(value, {});
      case 1:
        return Object.create(value) as unknown;
      case 2:
        return Object.assign(Object.create(Object.getPrototypeOf(value) as object | null) as object, value);
      case 3:
        return ArrayBuffer.isView(value) ? value : Object.freeze(value);
      default:
        return new Proxy(value, {
          get: (target, key) => {
            const found = Reflect.get(target, key) as unknown;
            return typeof found === 'function' ? (found.bind(target) as unknown) : found;
          },
        });
    }
  } catch {
    return value; // not everything can be wrapped
  }
}
