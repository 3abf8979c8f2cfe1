// Making tensors, reading them, and viewing them in other shapes.

import { describe, expect, test } from 'vitest';
import { DisposedError, DTypeError, InvalidArgumentError, ShapeError } from 'tinytorch-wasm';
import { build, builds } from './builds.js';
import { numbers } from './oracle.js';

describe.each(builds())('%s', async (name) => {
  const tt = await build(name);
  const { Tensor } = tt;

  test('nested arrays give shape and elements', () => {
    using x = new Tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(x.shape).toEqual([2, 3]);
    expect([x.ndim, x.size, x.dtype]).toEqual([2, 6, 'float32']);
    expect(x.data()).toEqual(new Float32Array([1, 2, 3, 4, 5, 6]));
    expect(x.toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(String(x)).toBe('tensor([[1., 2., 3.],\n        [4., 5., 6.]])');
  });

  test('a number is a scalar', () => {
    using x = new Tensor(2.5);
    expect(x.shape).toEqual([]);
    expect(x.item()).toBe(2.5);
    expect(x.toArray()).toBe(2.5);
  });

  test('empty arrays are tensors without elements', () => {
    using none = new Tensor([]);
    using rows = new Tensor([[], []]);
    expect(none.shape).toEqual([0]);
    expect(rows.shape).toEqual([2, 0]);
    expect(rows.toArray()).toEqual([[], []]);
    expect(rows.data()).toEqual(new Float32Array(0));
  });

  test.each([
    [new Float32Array([1.5, -2]), 'float32'],
    [new Float64Array([1.1, -2]), 'float64'],
    [new Int8Array([-1, 2]), 'float32'],
    [new Uint8Array([1, 255]), 'uint8'],
    [new Uint8ClampedArray([1, 255]), 'uint8'],
    [new Int16Array([-1, 30000]), 'float32'],
    [new Uint16Array([1, 65535]), 'float32'],
    [new Int32Array([-1, 2 ** 31 - 1]), 'int32'],
    [new Uint32Array([1, 2 ** 32 - 1]), 'float64'],
  ] as const)('a typed array keeps its values: %o as %s', (values, dtype) => {
    using x = new Tensor(values);
    expect(x.dtype).toBe(dtype);
    expect(Array.from(x.data())).toEqual(Array.from(values));
  });

  test('a shape gives a flat array its axes, and rows may be typed arrays', () => {
    using x = new Tensor(new Float32Array([1, 2, 3, 4, 5, 6]), { shape: [3, 2] });
    expect(x.toArray()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    using y = Tensor.from([new Float64Array([1, 2]), new Float64Array([3, 4])]);
    expect(y.dtype).toBe('float64');
    expect(y.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('the dtype can be chosen', () => {
    using x = new Tensor([1.1], { dtype: 'float64' });
    expect(x.data()).toEqual(new Float64Array([1.1]));
    using labels = new Tensor([3, 7], { dtype: 'int32' });
    expect(labels.data()).toEqual(new Int32Array([3, 7]));
    using converted = labels.to('float64');
    expect(converted.data()).toEqual(new Float64Array([3, 7]));
  });

  test('ragged arrays are refused, and the text says where', () => {
    const make = (data: unknown) => () => new Tensor(data as number[]);
    expect(make([[1, 2, 3], [4]])).toThrow(ShapeError);
    expect(make([[1, 2, 3], [4]])).toThrow(
      'Tensor: ragged array: [1] has 1 elements where the first of its kind has 3',
    );
    expect(make([[1, 2], 3])).toThrow('ragged array: [1] is a number');
    expect(make([1, [2, 3]])).toThrow('ragged array: [1] is an array');
    expect(make([[[1, 2]], [[3]]])).toThrow('[1][0] has 1 elements');
    expect(make([[1, 2], new Float32Array([1, 2, 3])])).toThrow('[1] has 3 elements');
  });

  test('what is not a number is refused, and the text says which', () => {
    const make = (data: unknown) => () => new Tensor(data as number[]);
    expect(make([1, '2'])).toThrow(InvalidArgumentError);
    expect(make([1, '2'])).toThrow('[1] is "2", which is not a number');
    expect(make([[1], [undefined]])).toThrow('[1][0] is undefined');
    expect(make(null)).toThrow('not null');
    expect(make('1')).toThrow(InvalidArgumentError);
    expect(make({ length: 1 })).toThrow(InvalidArgumentError);
    expect(make(new BigInt64Array(2))).toThrow(InvalidArgumentError);
  });

  test('values must fill the shape, and shapes must be shapes', () => {
    expect(() => new Tensor([1, 2, 3], { shape: [2, 2] })).toThrow(ShapeError);
    expect(() => new Tensor([1, 2, 3], { shape: [2, 2] })).toThrow('3 values do not fill the shape [2,2]');
    expect(() => Tensor.zeros([2, -1])).toThrow('got [2,-1]');
    expect(() => Tensor.zeros([2.5])).toThrow(InvalidArgumentError);
    expect(() => Tensor.zeros(3 as unknown as number[])).toThrow(InvalidArgumentError);
    expect(() => Tensor.zeros([1, 1, 1, 1, 1, 1, 1, 1, 1])).toThrow('at most 8 axes');
  });

  test('an unknown dtype is refused with those there are', () => {
    const dtype = 'float16' as 'float32';
    expect(() => new Tensor([1], { dtype })).toThrow(DTypeError);
    expect(() => new Tensor([1], { dtype })).toThrow(
      'unknown dtype "float16"; there are float32, float64, int32, uint8',
    );
    expect(() => Tensor.zeros([1], { dtype })).toThrow(DTypeError);
    expect(() => new Tensor([1.5], { dtype: 'int32' })).toThrow('element 0 is 1.5, which is no int32');
    expect(() => new Tensor(new Float32Array([2 ** 31]), { dtype: 'int32' })).toThrow(DTypeError);
  });

  test('tensors from nothing', () => {
    tt.tidy(() => {
      expect(Tensor.zeros([2, 2]).toArray()).toEqual([
        [0, 0],
        [0, 0],
      ]);
      expect(Tensor.ones([2], { dtype: 'float64' }).data()).toEqual(new Float64Array([1, 1]));
      expect(Tensor.full([2], -3).toArray()).toEqual([-3, -3]);
      expect(Tensor.eye(2).toArray()).toEqual([
        [1, 0],
        [0, 1],
      ]);
      expect(Tensor.eye(1, 3).toArray()).toEqual([[1, 0, 0]]);
      expect(Tensor.arange(4).toArray()).toEqual([0, 1, 2, 3]);
      expect(Tensor.arange(1, 2, 0.25).toArray()).toEqual([1, 1.25, 1.5, 1.75]);
      expect(Tensor.arange(3, 0, -1, { dtype: 'int32' }).data()).toEqual(new Int32Array([3, 2, 1]));
      expect(() => Tensor.arange(0, 1, 0)).toThrow(InvalidArgumentError);
    });
  });

  test('random numbers come from the seed', () => {
    tt.tidy(() => {
      tt.manualSeed(42);
      const first = Tensor.randn([1000]).data();
      const uniform = Tensor.rand([1000], { dtype: 'float64' }).data<'float64'>();
      tt.manualSeed(42);
      expect(Tensor.randn([1000]).data()).toEqual(first);
      tt.manualSeed(43);
      expect(Tensor.randn([1000]).data()).not.toEqual(first);
      const mean = first.reduce((sum, x) => sum + x, 0) / 1000;
      const variance = first.reduce((sum, x) => sum + x * x, 0) / 1000 - mean ** 2;
      expect(Math.abs(mean)).toBeLessThan(0.15);
      expect(Math.abs(variance - 1)).toBeLessThan(0.2);
      expect(uniform.every((x) => x >= 0 && x < 1)).toBe(true);
    });
  });

  test('views share their elements', () => {
    tt.tidy(() => {
      const x = Tensor.arange(6).reshape([2, 3]);
      const column = x.transpose().slice(0, 1, 2);
      expect(column.toArray()).toEqual([[1, 4]]);
      x.fill(7);
      expect(column.toArray()).toEqual([[7, 7]]);
      expect(x.clone().fill(1).toArray()).not.toEqual(x.toArray());
    });
  });

  test('reshape, transpose, slice and expand', () => {
    tt.tidy(() => {
      const x = Tensor.arange(24).reshape([2, 3, -1]);
      expect(x.shape).toEqual([2, 3, 4]);
      expect(x.transpose().shape).toEqual([2, 4, 3]);
      expect(x.transpose(0, 2).shape).toEqual([4, 3, 2]);
      expect(Tensor.arange(6).slice(0, 1).toArray()).toEqual([1, 2, 3, 4, 5]);
      expect(Tensor.arange(6).slice(0, 0, 6, 2).toArray()).toEqual([0, 2, 4]);
      expect(Tensor.arange(6).slice(0, -2).toArray()).toEqual([4, 5]);
      expect(Tensor.arange(2).reshape([2, 1]).expand([2, 3]).toArray()).toEqual([
        [0, 0, 0],
        [1, 1, 1],
      ]);
      expect(() => x.reshape([5, 5])).toThrow(ShapeError);
      expect(() => x.transpose(0, 3)).toThrow(InvalidArgumentError);
      expect(() => Tensor.arange(2).expand([3])).toThrow(ShapeError);
    });
  });

  test('copyFrom writes into the elements that are there', () => {
    tt.tidy(() => {
      const x = Tensor.zeros([2, 2]);
      expect(x.copyFrom([1, 2, 3, 4])).toBe(x);
      expect(x.toArray()).toEqual([
        [1, 2],
        [3, 4],
      ]);
      x.copyFrom(new Tensor([5, 6], { dtype: 'float64' }));
      expect(x.toArray()).toEqual([
        [5, 6],
        [5, 6],
      ]);
      expect(() => x.copyFrom([1])).toThrow('copyFrom: 1 values for 4 elements of shape [2,2]');
      expect(() => x.transpose().copyFrom([1, 2, 3, 4])).toThrow(InvalidArgumentError);
      expect(() => x.copyFrom(Tensor.zeros([3]))).toThrow(ShapeError);
    });
  });

  test('data() is a copy', () => {
    using x = Tensor.zeros([2]);
    const copy = x.data();
    copy[0] = 9;
    expect(x.toArray()).toEqual([0, 0]);
  });

  test('item() wants one element', () => {
    using x = Tensor.zeros([2]);
    expect(() => x.item()).toThrow(ShapeError);
  });

  test('a large array arrives whole', () => {
    const values = Float32Array.from(numbers(1_000_000));
    using x = new Tensor(values, { shape: [1000, 1000] });
    expect(x.data().every((value, i) => value === values[i])).toBe(true);
  });

  test('use after dispose is an error that says so', () => {
    const x = Tensor.zeros([2]);
    const { shape } = x;
    expect(shape).toEqual([2]);
    x.dispose();
    x.dispose();
    expect(x.isDisposed).toBe(true);
    expect(() => x.data()).toThrow(DisposedError);
    expect(() => x.shape).toThrow('shape: this Tensor was disposed of');
    expect(() => x.add(1)).toThrow('add: this Tensor was disposed of');
    using y = Tensor.zeros([2]);
    expect(() => y.add(x)).toThrow(DisposedError);
    expect(() => y.matmul(x)).toThrow(DisposedError);
    expect(() => tt.matmul(x, y)).toThrow(DisposedError);
    expect(() => y.exp({ out: x })).toThrow('exp, out: this Tensor was disposed of');
    expect(String(x)).toBe('tensor(disposed)');
  });
});
