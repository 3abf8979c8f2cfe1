// What JavaScript passes in: a wrong kind of argument is a typed error that names it, never another result.

import { describe, expect, test } from 'vitest';
import {
  DisposedError,
  DTypeError,
  InvalidArgumentError,
  OverflowError,
  ShapeError,
  type Tensor,
  TinyTorchError,
} from 'tinytorch-wasm';
import { build } from './builds.js';
import { otherRealm } from './every_type/values.js';

const tt = await build('scalar');
const realm = await otherRealm();
const { Tensor: T } = tt;

/** For arguments that TypeScript would refuse. */
const wrong = (value: unknown): never => value as never;
/** An object whose property runs code when it is read. */
const reads = <V extends object>(target: V, key: string | number, get: () => unknown): V =>
  Object.defineProperty(target, key, { enumerable: true, get });

describe('arguments of a wrong kind', () => {
  const x = new T([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  test.each<[call: () => unknown, text: string]>([
    [() => x.softmax(wrong('last')), 'softmax: dim must be a whole number from'],
    [() => x.softmax(wrong({ dim: 1 })), 'softmax: dim must be a whole number'],
    [() => x.softmax(1.9), 'got 1.9'],
    [() => x.logSoftmax(NaN), 'logSoftmax: dim must be'],
    [() => x.sum(wrong({ axis: 1 })), 'sum: there is no option "axis"; did you mean "dim"?'],
    [() => x.sum(wrong({ keepDims: true })), 'did you mean "keepdim"?'],
    [() => x.sum(wrong(1)), 'sum: options must be an object such as { dim: ... }, got 1'],
    [() => x.sum({ dim: 1.5 }), 'sum: dim must be a whole number'],
    [() => x.sum({ dim: wrong(null) }), 'got null'],
    [() => x.sum({ dim: wrong([0, 1]) }), 'got an Array'],
    [() => x.sum({ dim: 2 ** 32 }), 'got 4294967296'],
    [() => x.sum({ keepdim: wrong(1) }), 'sum: keepdim must be true or false, got 1'],
    [() => x.sum(wrong(new Map([['dim', 1]]))), 'got a Map'],
    [() => x.sum(wrong(Promise.resolve({ dim: 1 }))), 'got a Promise'],
    [() => x.add(1, wrong(x)), 'options must be an object such as { out: ... }, got a Tensor'],
    [() => x.add(1, wrong({ Out: x })), 'did you mean "out"?'],
    [() => x.add(1, { out: wrong(1) }), 'add, out: expected a Tensor, got 1'],
    [() => x.argmax(wrong(1)), 'argmax: options must be'],
    [() => x.transpose(0.5, 1.5), 'transpose: dim0 must be'],
    [() => x.transpose(0, wrong('1')), 'transpose: dim1 must be a whole number'],
    [() => x.slice(0, 0.5, 2), 'slice: start must be a whole number, got 0.5'],
    [() => x.slice(0, -Infinity), 'slice: start must be'],
    [() => x.slice(0, 0, NaN), 'slice: stop must be'],
    [() => x.slice(0, 0, -Infinity), 'slice: stop must be'],
    [() => x.slice(0, 0, 2, 0.5), 'slice: step must be a whole number >= 1'],
    [() => x.slice(wrong(undefined), 0), 'slice: dim must be'],
    [() => x.reshape(wrong(6)), 'reshape: a shape is an array of whole numbers >= -1, got 6'],
    [() => x.reshape(wrong(new Int32Array([6]))), 'got an Int32Array'],
    [() => x.reshape(wrong(['6'])), 'got ["6"]'],
    [() => x.expand([2.5, 3]), 'expand: a shape is'],
    [() => x.expand(wrong(new Array(2))), 'got [undefined,undefined]'],
    [
      () => x.backward(wrong({ retain_graph: true })),
      'backward: there is no option "retain_graph"; did you mean',
    ],
    [() => x.backward({ retainGraph: wrong('no') }), 'backward: retainGraph must be true or false'],
    [() => (x.requiresGrad = wrong('no')), 'requiresGrad: it must be true or false, got "no"'],
    [() => (x.grad = wrong(null)), 'grad: expected a Tensor, got null'],
    [() => x.fill(wrong('1')), 'fill: the value must be a number, got "1"'],
    [() => x.matmul(wrong([[1]])), 'matmul: expected a Tensor, got an Array'],
    [() => T.full([2], wrong(undefined)), 'full: the value must be a number, got undefined'],
    [() => T.full([2], wrong('abc')), 'got "abc"'],
    [
      () => T.zeros([2], wrong('int32')),
      'zeros: options must be an object such as { dtype: ... }, got "int32"',
    ],
    [() => T.zeros([2], wrong({ type: 'int32' })), 'did you mean "dtype"?'],
    [() => T.eye(wrong('2')), 'eye: n must be a whole number >= 0'],
    [() => T.eye(2, wrong({ dtype: 'int32' })), 'eye: m must be'],
    [() => T.eye(2.5), 'eye: n must be'],
    [() => T.arange(wrong('5')), 'arange: stop must be a finite number'],
    [() => T.arange(0, Infinity), 'arange: stop must be a finite number'],
    [() => T.arange(0, 5, NaN), 'arange: step must be a finite number'],
    [() => new T([1], { requiresGrad: wrong(1) }), 'Tensor: requiresGrad must be true or false'],
    [() => new T([1], wrong({ Shape: [1] })), 'did you mean "shape"?'],
    [() => new T(wrong(x)), 'not a Tensor'],
    [() => new T(wrong('1')), 'not "1"'],
    [() => new T(wrong(new ArrayBuffer(4))), 'not an ArrayBuffer'],
    [() => new T(wrong(new DataView(new ArrayBuffer(4)))), 'not a DataView'],
    [() => tt.matmul(x, x, wrong('naive')), 'matmul: options must be an object such as { kernel: ... }'],
    [() => tt.matmul(x, x, { kernel: wrong(1) }), 'matmul: kernel must be a string'],
    [() => tt.allclose(x, x, wrong(1e-3)), 'allclose: options must be an object such as { rtol: ... }'],
    [() => tt.allclose(x, x, { rtol: -1 }), 'allclose: rtol must be a finite number >= 0'],
    [() => tt.allclose(x, x, wrong({ eps: 1 })), 'there is no option "eps"'],
    [() => tt.setThreads(wrong('2')), 'setThreads: the number must be a whole number'],
    [() => tt.setAnomalyDetection(wrong('no')), 'setAnomalyDetection: enabled must be true or false'],
    [() => tt.manualSeed(0.5), 'manualSeed: the seed must be a whole number >= 0, got 0.5'],
    [() => tt.manualSeed(wrong(1n)), 'got 1n'],
    [() => tt.manualSeed(2 ** 53), 'manualSeed: the seed must be'],
    [() => tt.tidy(wrong(1)), 'tidy: the block must be a function, got 1'],
    [() => tt.tidy(wrong(class {})), 'tidy: the block must be a function, not a class'],
    [() => tt.noGrad(wrong(undefined)), 'noGrad: the block must be a function'],
    [() => tt.profile(wrong(null)), 'profile: the block must be a function'],
  ])('%s', (call, text) => {
    const { tensors } = tt.memory();
    expect(call).toThrow(InvalidArgumentError);
    expect(call).toThrow(text);
    expect(tt.memory().tensors).toBe(tensors);
  });

  test('an unknown dtype is a DTypeError, whatever it is', () => {
    for (const dtype of ['float16', 1, null, Symbol('s'), {}, Object.create(null), () => 1]) {
      expect(() => x.to(wrong(dtype))).toThrow(DTypeError);
      expect(() => T.zeros([1], { dtype: wrong(dtype) })).toThrow(DTypeError);
      expect(() => tt.peak(wrong(dtype))).toThrow(DTypeError);
    }
    expect(() => x.to(wrong(undefined))).toThrow(DTypeError);
  });

  test('a method that was taken out of its object is a typed error', () => {
    const { add, dispose, toString } = x;
    for (const method of [add, dispose, toString] as ((...args: unknown[]) => unknown)[]) {
      for (const self of [undefined, 1, {}, tt]) {
        expect(() => method.call(self, x)).toThrow(InvalidArgumentError);
      }
    }
  });

  test('slice goes to the end without a stop, and with Infinity', () => {
    for (const stop of [undefined, Infinity, 3, 2 ** 53 - 1]) {
      using part = x.slice(1, 1, stop);
      expect(part.toArray()).toEqual([
        [2, 3],
        [5, 6],
      ]);
    }
  });

  test('arange of whole numbers takes whole numbers of its range', () => {
    using count = T.arange(250, 256, 2, { dtype: 'uint8' });
    expect([...count.data<'uint8'>()]).toEqual([250, 252, 254]);
    using down = T.arange(3, 0, -1, { dtype: 'int32' });
    expect([...down.data<'int32'>()]).toEqual([3, 2, 1]);
    expect(() => T.arange(250, 257, 1, { dtype: 'uint8' })).toThrow(DTypeError);
    expect(() => T.arange(0, 1, 0.25, { dtype: 'int32' })).toThrow(DTypeError);
    expect(() => T.arange(-1, 1, 1, { dtype: 'uint8' })).toThrow(DTypeError);
  });
});

describe('numbers that become whole numbers', () => {
  const values = [
    0,
    1,
    -0,
    255,
    256,
    -1,
    0.5,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
    1e10,
    NaN,
    Infinity,
  ];
  const fits = {
    uint8: (x: number) => Number.isInteger(x) && x >= 0 && x <= 255,
    int32: (x: number) => Number.isInteger(x) && x >= -(2 ** 31) && x < 2 ** 31,
  };
  test.each(['uint8', 'int32'] as const)(
    '%s: constructor, full, fill and copyFrom have one rule',
    (dtype) => {
      using target = T.zeros([1], { dtype });
      const ways: ((value: number) => Tensor)[] = [
        (value) => new T([value], { dtype }),
        (value) => new T(value, { dtype }),
        (value) => new T(new Float64Array([value]), { dtype }),
        (value) => new T([new Float64Array([value])], { dtype }),
        (value) => T.full([1], value, { dtype }),
        (value) => target.fill(value),
        (value) => target.copyFrom([value]),
        (value) => target.copyFrom(new Float64Array([value])),
      ];
      for (const value of values) {
        for (const way of ways) {
          target.fill(7);
          if (!fits[dtype](value)) {
            expect(() => way(value), `${way} ${value}`).toThrow(DTypeError);
            expect(target.item()).toBe(7);
            continue;
          }
          const made = way(value);
          expect(made.item(), `${way} ${value}`).toBe(value + 0);
          if (made !== target) made.dispose();
        }
      }
    },
  );

  test('copyFrom takes flat numbers only, as many as there are', () => {
    using x = T.zeros([2]);
    for (const source of [['1', '2'], [1, undefined], [[1], [2]], [1n, 2n], new Array(2), [null, 1]]) {
      expect(() => x.copyFrom(wrong(source))).toThrow(TinyTorchError);
    }
    for (const source of [
      'ab',
      { length: 2, 0: 1, 1: 2 },
      new Set([1, 2]),
      new DataView(new ArrayBuffer(8)),
      5,
    ]) {
      expect(() => x.copyFrom(wrong(source))).toThrow(InvalidArgumentError);
    }
    expect(() => x.copyFrom([1])).toThrow(ShapeError);
    expect(() => x.copyFrom(new Array<number>(2 ** 32 - 1))).toThrow(ShapeError);
    expect(x.toArray()).toEqual([0, 0]);
  });
});

describe('arrays', () => {
  const kinds = {
    Float32Array: 'float32',
    Float64Array: 'float64',
    Int8Array: 'float32',
    Uint8Array: 'uint8',
    Uint8ClampedArray: 'uint8',
    Int16Array: 'float32',
    Uint16Array: 'float32',
    Int32Array: 'int32',
    Uint32Array: 'float64',
    ...('Float16Array' in globalThis ? { Float16Array: 'float32' } : {}),
  } as const;

  test.each(Object.entries(kinds))('%s of either realm is %s', (kind, dtype) => {
    for (const make of [`new ${kind}([1, 2])`, `[new ${kind}([1, 2])]`]) {
      for (const data of [realm(make), (0, eval)(make) as unknown]) {
        using x = new T(data as number[]);
        expect(x.dtype).toBe(dtype);
        expect([...x.data()]).toEqual([1, 2]);
      }
    }
    using y = T.zeros([2]);
    y.copyFrom(realm(`new ${kind}([3, 4])`) as Float32Array);
    expect(y.toArray()).toEqual([3, 4]);
  });

  test('arrays of another realm nest, give shapes and hold options', () => {
    using x = new T(realm('[[1, 2], [3, 4]]') as number[], realm('{ dtype: "float64" }') as object);
    expect([x.dtype, x.toArray()]).toEqual([
      'float64',
      [
        [1, 2],
        [3, 4],
      ],
    ]);
    using y = x.reshape(realm('[4]') as number[]);
    expect(y.shape).toEqual([4]);
    expect(() => new T(realm('new BigInt64Array([1n])') as number[])).toThrow(InvalidArgumentError);
  });

  test('a view whose buffer is gone or too short is refused, not taken for an empty one', () => {
    const gone = new Float32Array(4);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    using x = T.zeros([0]);
    expect(() => new T(gone)).toThrow(InvalidArgumentError);
    expect(() => new T([gone])).toThrow(InvalidArgumentError);
    expect(() => x.copyFrom(gone)).toThrow(InvalidArgumentError);
    expect(new T(new Float32Array(0)).shape).toEqual([0]);
  });

  test('shared and resizable memory', () => {
    const buffer = new (ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer)(16, {
      maxByteLength: 32,
    });
    const part = new Float32Array(buffer, 8, 2).fill(3);
    using x = new T(part);
    expect(x.toArray()).toEqual([3, 3]);
    if ('resize' in buffer) {
      (buffer.resize as (size: number) => void).call(buffer, 8);
      expect(() => new T(part)).toThrow(InvalidArgumentError);
    }
    if (typeof SharedArrayBuffer === 'undefined') return;
    using y = new T(new Uint8Array(new SharedArrayBuffer(2)).fill(9));
    expect(y.toArray()).toEqual([9, 9]);
  });

  test('a subclass that lies about its length is read as it is', () => {
    class Liar extends Float32Array {
      override get length() {
        return 1e9;
      }
    }
    using x = new T(new Liar([1, 2]));
    expect(x.toArray()).toEqual([1, 2]);
  });

  test('arrays that contain themselves, are too deep, too long or full of holes', () => {
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    expect(() => new T(wrong(cyclic))).toThrow(ShapeError);
    const later: unknown[] = [1];
    later.push(later);
    expect(() => new T(wrong(later))).toThrow(ShapeError);
    const deep = Array.from({ length: 9 }).reduce<unknown>((inner) => [inner], 1);
    expect(() => new T(wrong(deep))).toThrow('at most 8 axes');
    for (const length of [2 ** 32 - 1, 2 ** 20, 1]) {
      expect(() => new T(new Array<number>(length))).toThrow(InvalidArgumentError);
    }
    const long = new Array<number>(2 ** 32 - 1);
    long[0] = 1;
    expect(() => new T(long)).toThrow(OverflowError);
    expect(() => new T(wrong({ length: 2 ** 53, 0: 1 }))).toThrow(InvalidArgumentError);
    expect(() => new T(new Proxy([1], { get: (_, key) => (key === 'length' ? -1 : 1) }))).toThrow(
      TinyTorchError,
    );
    expect(() => T.zeros(new Proxy([1], { get: (_, key) => (key === 'length' ? -1 : 1) }))).toThrow(
      TinyTorchError,
    );
  });

  test('a shape of many empty rows does not fill the memory', () => {
    using x = T.zeros([2 ** 27, 0]);
    expect(() => x.toArray()).toThrow(OverflowError);
    expect(() => JSON.stringify(x)).toThrow(OverflowError);
  });
});

describe('arguments that run code', () => {
  const grow = () => T.ones([2 ** 21]).dispose();
  const overwrite = () => T.zeros([5, 4, 3, 2, 1]).reshape([120]).dispose();

  test('data that disposes, makes tensors and lets the memory grow', () => {
    const data = reads([1, 2, 3], 1, () => {
      grow();
      overwrite();
      return 2;
    });
    using x = new T(data, { shape: reads([3, 1], 0, () => (overwrite(), 3)) });
    expect(x.toArray()).toEqual([[1], [2], [3]]);
    using y = T.zeros([3]);
    expect(y.copyFrom(data).toArray()).toEqual([1, 2, 3]);
    const nested = reads([[1], [2]], 1, () => (overwrite(), [2]));
    using z = new T(
      nested,
      reads({}, 'dtype', () => (overwrite(), 'int32')),
    );
    expect([z.dtype, z.toArray()]).toEqual(['int32', [[1], [2]]]);
  });

  test('an argument that disposes of the tensor makes the call a DisposedError', () => {
    const calls: ((x: Tensor, die: () => void) => unknown)[] = [
      (x, die) => x.copyFrom(reads([1, 2], 0, () => (die(), 1))),
      (x, die) => x.reshape(reads([2, 1], 0, () => (die(), 2))),
      (x, die) => x.expand(reads([2, 2], 0, () => (die(), 2))),
      (x, die) => x.sum(reads({}, 'dim', () => (die(), 0))),
      (x, die) =>
        x.add(
          x,
          reads({}, 'out', () => (die(), undefined)),
        ),
      (x, die) => x.exp(reads({}, 'out', () => (die(), undefined))),
      (x, die) =>
        x.softmax(
          0,
          reads({}, 'out', () => (die(), undefined)),
        ),
      (x, die) =>
        x.matmul(
          x,
          reads({}, 'out', () => (die(), undefined)),
        ),
      (x, die) => x.backward(reads({}, 'retainGraph', () => (die(), false))),
      (x, die) =>
        tt.matmul(
          x,
          x,
          reads({}, 'kernel', () => (die(), 'naive')),
        ),
      (x, die) =>
        tt.allclose(
          x,
          x,
          reads({}, 'rtol', () => (die(), 1)),
        ),
    ];
    for (const call of calls) {
      const { tensors } = tt.memory();
      const x = T.ones([2]);
      expect(() => call(x, () => x.dispose()), String(call)).toThrow(DisposedError);
      expect(tt.memory().tensors).toBe(tensors);
    }
  });

  test("the caller's own errors come through, and leave nothing behind", () => {
    const mine = new Error('mine');
    const fail = () => {
      throw mine;
    };
    const { tensors } = tt.memory();
    using x = T.ones([2]);
    const calls = [
      () => new T(reads([1, 2], 1, fail)),
      () => new T([1], reads({}, 'shape', fail)),
      () => x.copyFrom(reads([1, 2], 1, fail)),
      () => x.sum(reads({}, 'dim', fail)),
      () => x.add(1, reads({}, 'out', fail)),
      () => T.zeros(reads([1, 2], 1, fail)),
      () => tt.tidy(() => reads({}, 'x', fail)),
      () => tt.tidy(() => reads({}, 'then', fail)),
      () => tt.profile(() => reads({}, 'then', fail)),
    ];
    for (const call of calls) {
      let thrown: unknown;
      try {
        call();
      } catch (error) {
        thrown = error;
      }
      expect(thrown, String(call)).toBe(mine);
    }
    expect(tt.memory().tensors).toBe(tensors + 1);
    expect(tt.profile(() => 1).result).toBe(1);
  });
});

test('a gradient is set without its record, and is not the tensor itself', () => {
  const { bytes } = tt.memory();
  {
    using x = new T([1, 2], { requiresGrad: true });
    using y = x.mul(2);
    x.grad = y;
    using g = x.grad as Tensor;
    expect(g.toArray()).toEqual([2, 4]);
    expect(g.requiresGrad).toBe(false);
    expect(() => (x.grad = x)).toThrow(InvalidArgumentError);
  }
  expect(tt.memory().bytes).toBe(bytes);
});
