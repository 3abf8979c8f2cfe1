// Gradients against central differences, and what the record of operations allows.

import { describe, expect, test } from 'vitest';
import { AutogradError, DTypeError, InvalidArgumentError, type Tensor } from 'tinytorch-wasm';
import { build, builds } from './builds.js';
import { distance, numbers } from './oracle.js';

describe.each(builds())('%s', async (name) => {
  const tt = await build(name);
  // A function, because TypeScript remembers what a property was the last time.
  const gradientOf = (x: Tensor): Tensor | undefined => x.grad;
  const leaf = (values: ArrayLike<number>, shape: number[]): Tensor =>
    new tt.Tensor(Float64Array.from(values), { shape, requiresGrad: true });

  /** d f / d x by central differences, f being summed up. */
  function slopes(f: (x: Tensor) => Tensor, values: Float64Array, shape: number[]): Float64Array {
    const h = 1e-5;
    const at = (i: number, offset: number): number =>
      tt.tidy(() => {
        const moved = Float64Array.from(values, (value, j) => (i === j ? value + offset : value));
        return f(new tt.Tensor(moved, { shape })).sum().item();
      });
    return values.map((_, i) => (at(i, h) - at(i, -h)) / (2 * h));
  }

  const functions: Record<string, (x: Tensor) => Tensor> = {
    'add, mul and a number': (x) => x.add(x).mul(x).add(3),
    'sub, div': (x) => x.sub(1).div(x.mul(x).add(1)),
    pow: (x) => x.mul(x).add(1).pow(1.5),
    'exp, log': (x) => x.exp().add(1).log(),
    sqrt: (x) => x.mul(x).add(1).sqrt(),
    'sigmoid, tanh': (x) => x.sigmoid().mul(x.tanh()),
    gelu: (x) => x.gelu(),
    'relu, abs, neg, maximum': (x) =>
      x
        .relu()
        .add(x.abs())
        .sub(x.neg().maximum(x.mul(2))),
    'softmax, logSoftmax': (x) => x.softmax().mul(x.logSoftmax(0)),
    'sum, mean, max': (x) =>
      x
        .sum({ dim: 0 })
        .mul(x.mean({ dim: 1, keepdim: true }))
        .add(x.max({ dim: 0 })),
    'reshape, transpose, slice, expand': (x) =>
      x
        .reshape([4, 3])
        .transpose()
        .slice(0, 0, 2)
        .mul(x.slice(1, 1, 2).reshape([1, 3]).expand([4, 3]).slice(1, 0, 1).reshape([1, 4])),
    'matmul, both sides': (x) => x.matmul(x.transpose()).matmul(x),
    'clone, broadcasting': (x) =>
      x
        .clone()
        .add(x.slice(0, 0, 1))
        .mul(x.slice(1, 0, 1)),
  };

  test.each(Object.entries(functions))('%s', (_, f) => {
    const values = numbers(12, 21);
    tt.tidy(() => {
      const x = leaf(values, [3, 4]);
      f(x).sum().backward();
      expect(x.grad?.shape).toEqual([3, 4]);
      expect(distance(x.grad?.data() ?? [], slopes(f, values, [3, 4]))).toBeLessThan(1e-7);
    });
  });

  test('losses and their gradients', () => {
    const values = numbers(12, 22);
    const labels = new tt.Tensor(new Int32Array([0, 3, 1]));
    const target = new tt.Tensor(numbers(12, 23), { shape: [3, 4] });
    const share = new tt.Tensor(
      numbers(12, 24).map((x) => (x + 1) / 2),
      { shape: [3, 4] },
    );
    const losses: ((x: Tensor) => Tensor)[] = [
      (x) => new tt.CrossEntropyLoss().forward(x, labels),
      (x) => new tt.CrossEntropyLoss({ reduction: 'sum' }).forward(x, labels),
      (x) => new tt.MSELoss().forward(x, target),
      (x) => new tt.BinaryCrossEntropyLoss({ reduction: 'sum' }).forward(x.sigmoid(), share),
    ];
    for (const loss of losses) {
      tt.tidy(() => {
        const x = leaf(values, [3, 4]);
        loss(x).backward();
        expect(distance(x.grad?.data() ?? [], slopes(loss, values, [3, 4]))).toBeLessThan(1e-7);
      });
    }
    tt.tidy(() => {
      const rows = [0, 1, 2].map((i) => Array.from(values.subarray(4 * i, 4 * i + 4)));
      const expected = rows.map(
        (row, i) => Math.log(row.reduce((s, v) => s + Math.exp(v), 0)) - (row[[0, 3, 1][i] ?? 0] ?? 0),
      );
      const mean = expected.reduce((a, b) => a + b) / 3;
      const x = new tt.Tensor(values, { shape: [3, 4] });
      expect(new tt.CrossEntropyLoss().forward(x, labels).item()).toBeCloseTo(mean, 12);
      const wrong = new tt.Tensor(new Int32Array([0, 4, 1]));
      expect(() => new tt.CrossEntropyLoss().forward(x, wrong)).toThrow(InvalidArgumentError);
    });
    expect(() => new tt.MSELoss({ reduction: 'max' as 'sum' })).toThrow(
      'reduction must be one of "mean", "sum", got "max"',
    );
    for (const each of [labels, target, share]) each.dispose();
  });

  test('gradients add up, and can be taken away', () => {
    tt.tidy(() => {
      const x = leaf([2], [1]);
      expect(x.grad).toBeUndefined();
      x.mul(3).backward();
      x.mul(4).backward();
      expect(x.grad?.item()).toBe(7);
      x.grad = undefined;
      expect(gradientOf(x)).toBeUndefined();
      x.mul(x).backward({ gradient: new tt.Tensor(new Float64Array([10])) });
      const again: Tensor | undefined = gradientOf(x);
      expect(again?.item()).toBe(40);
    });
  });

  test('what is recorded, and what is not', () => {
    tt.tidy(() => {
      const x = leaf([1, 2], [2]);
      expect(x.requiresGrad).toBe(true);
      expect(x.mul(2).requiresGrad).toBe(true);
      expect(x.detach().requiresGrad).toBe(false);
      expect(tt.noGrad(() => x.mul(2)).requiresGrad).toBe(false);
      expect(() => tt.noGrad(() => Promise.resolve(1))).toThrow(InvalidArgumentError);
      expect(x.mul(2).requiresGrad).toBe(true);
      expect(x.detach().add(1).requiresGrad).toBe(false);
    });
  });

  test('mistakes are errors that say so', () => {
    tt.tidy(() => {
      const x = leaf([1, 2], [2]);
      const y = x.mul(x);
      expect(() => y.backward()).toThrow();
      const loss = y.sum();
      loss.backward();
      expect(() => loss.backward()).toThrow(AutogradError);
      expect(() => tt.Tensor.ones([1]).backward()).toThrow(AutogradError);
      expect(() => new tt.Tensor([1], { dtype: 'int32', requiresGrad: true })).toThrow(DTypeError);
      const kept = x.mul(3).sum();
      kept.backward({ retainGraph: true });
      kept.backward();
    });
  });

  test('the record is freed with the loss', () => {
    const before = tt.memory();
    const x = leaf(numbers(1000), [1000]);
    tt.tidy(() => {
      x.exp().mul(x).sum();
      x.exp().mul(x).sum().backward();
    });
    x.grad = undefined;
    x.dispose();
    expect({ tensors: tt.memory().tensors, bytes: tt.memory().bytes }).toEqual({
      tensors: before.tensors,
      bytes: before.bytes,
    });
  });

  test('anomaly detection names the operation', () => {
    tt.setAnomalyDetection(true);
    try {
      tt.tidy(() => {
        const x = leaf([-1, 4], [2]);
        expect(() => x.sqrt()).toThrow(AutogradError);
        expect(() => x.sqrt()).toThrow(/sqrt/);
      });
    } finally {
      tt.setAnomalyDetection(false);
    }
  });
});
