// A tensor as text. What is expected is what PyTorch prints of the same numbers, with the package's names of dtypes.

import { describe, expect, test } from 'vitest';
import { build, builds } from './builds.js';

describe.each(builds())('%s', async (name) => {
  const tt = await build(name);
  const { Tensor } = tt;
  const range = (shape: number[], dtype: 'float32' | 'int32' = 'float32') =>
    Tensor.arange(
      0,
      shape.reduce((product, size) => product * size, 1),
      1,
      { dtype },
    ).reshape(shape);

  test.each([
    ['a scalar', () => new Tensor(3.14159), 'tensor(3.1416)'],
    ['a whole number', () => new Tensor(-7), 'tensor(-7.)'],
    ['whole numbers', () => new Tensor([1, 2, -30]), 'tensor([  1.,   2., -30.])'],
    [
      'four digits, aligned',
      () =>
        new Tensor([
          [1, -2.5],
          [3.25, 100],
        ]),
      'tensor([[  1.0000,  -2.5000],\n        [  3.2500, 100.0000]])',
    ],
    ['a wide range', () => new Tensor([1e-5, 1, 2]), 'tensor([1.0000e-05, 1.0000e+00, 2.0000e+00])'],
    ['large whole numbers', () => new Tensor([1, 1e9]), 'tensor([1.0000e+00, 1.0000e+09])'],
    ['not numbers', () => new Tensor([NaN, Infinity, -Infinity, 1]), 'tensor([nan, inf, -inf, 1.])'],
    ['zeros', () => Tensor.zeros([2, 2]), 'tensor([[0., 0.],\n        [0., 0.]])'],
    ['integers', () => new Tensor([1, 22, 333], { dtype: 'int32' }), 'tensor([  1,  22, 333], dtype=int32)'],
    ['bytes', () => new Tensor([0, 255], { dtype: 'uint8' }), 'tensor([  0, 255], dtype=uint8)'],
    ['float64', () => new Tensor([0.5], { dtype: 'float64' }), 'tensor([0.5000], dtype=float64)'],
    [
      'a wider range',
      () => range([1002]),
      'tensor([0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.9900e+02, 1.0000e+03,\n        1.0010e+03])',
    ],
    ['nothing', () => Tensor.zeros([0]), 'tensor([])'],
    ['nothing of a shape', () => Tensor.zeros([2, 0]), 'tensor([], shape=[2, 0])'],
    ['three axes', () => range([2, 1, 2]), 'tensor([[[0., 1.]],\n\n        [[2., 3.]]])'],
    ['a view', () => range([2, 3]).transpose(), 'tensor([[0., 3.],\n        [1., 4.],\n        [2., 5.]])'],
    [
      'more than a line',
      () => range([24]),
      `tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n        14., 15., 16., 17., 18., 19., 20., 21., 22., 23.])`,
    ],
    [
      '1,000 elements are not cut',
      () => range([1000, 1]),
      `tensor([[${Array.from({ length: 1000 }, (_, i) => `${i}.`.padStart(4)).join('],\n        [')}]])`,
    ],
    ['1,001 are', () => range([1001]), 'tensor([   0.,    1.,    2.,  ...,  998.,  999., 1000.])'],
    [
      'both axes cut',
      () => range([40, 50], 'int32'),
      'tensor([[   0,    1,    2,  ...,   47,   48,   49],\n        [  50,   51,   52,  ...,   97,   98,   99],\n        [ 100,  101,  102,  ...,  147,  148,  149],\n        ...,\n        [1850, 1851, 1852,  ..., 1897, 1898, 1899],\n        [1900, 1901, 1902,  ..., 1947, 1948, 1949],\n        [1950, 1951, 1952,  ..., 1997, 1998, 1999]], dtype=int32)',
    ],
  ] as const)('%s', (_, make, expected) => {
    tt.tidy(() => {
      expect(String(make())).toBe(expected);
    });
  });

  test('what needs a gradient says so', () => {
    tt.tidy(() => {
      const x = new Tensor([1.5]);
      x.requiresGrad = true;
      expect(String(x)).toBe('tensor([1.5000], requiresGrad=true)');
      expect(String(x.mul(2))).toBe('tensor([3.], requiresGrad=true)');
    });
  });

  test('nothing stays behind, and it never throws', () => {
    const before = tt.memory();
    const x = Tensor.randn([30, 50]).transpose();
    String(x);
    x.dispose();
    expect(String(x)).toBe('tensor(disposed)');
    const { tensors } = tt.memory();
    expect(tensors - before.tensors).toBeLessThanOrEqual(1); // randn's own, for the collector
  });
});
