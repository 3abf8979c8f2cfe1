// Gradients when something went wrong, and what must not go wrong silently. The C++ tests go through every operation
// (tests/cpp/autograd_failures_test.cpp, autograd_corners_test.cpp); these see that the package passes it on.

import { describe, expect, test } from 'vitest';
import { AutogradError, DTypeError, InvalidArgumentError, ShapeError, type Tensor } from 'tinytorch-wasm';
import { build, builds } from './builds.js';

describe.each(builds())('%s', async (name) => {
  const tt = await build(name);
  const gradient = (x: Tensor): number[] | undefined => {
    const g = x.grad;
    return g && [...g.data()];
  };
  const leaf = (...values: number[]): Tensor => new tt.Tensor(values, { requiresGrad: true });

  test('a backward that fails leaves every gradient as it was', () => {
    tt.tidy(() => {
      const x = leaf(2);
      const w = leaf(1);
      const a = x.mul(tt.Tensor.ones([1]));
      const b = x.mul(new tt.Tensor([2]));
      const root = a.mul(b).add(w);
      tt.noGrad(() => a.fill(3));
      expect(() => root.backward()).toThrow(AutogradError);
      expect(gradient(x)).toBeUndefined();
      expect(gradient(w)).toBeUndefined();
      a.sum().backward();
      expect(gradient(x)).toEqual([1]);
    });
  });

  test('a leaf that is frozen after recording is left out', () => {
    tt.tidy(() => {
      const w = leaf(1, 2, 3);
      const v = leaf(1, 1, 1);
      const y = w.mul(v).sum();
      w.requiresGrad = false;
      y.backward();
      expect(gradient(v)).toEqual([1, 2, 3]);
      expect(gradient(w)).toBeUndefined();
      w.grad = undefined; // nothing to forget
      const q = tt.Tensor.ones([4, 4]);
      q.requiresGrad = true;
      q.matmul(q).sum().backward();
      expect(gradient(q)).toEqual(new Array(16).fill(8));
    });
  });

  test('writing into a recorded result is an error outside noGrad', () => {
    tt.tidy(() => {
      const other = new tt.Tensor([5, 6]);
      const writes: Record<string, (t: Tensor) => unknown> = {
        fill: (t) => t.fill(0),
        'copyFrom numbers': (t) => t.copyFrom([7, 8]),
        'copyFrom a tensor': (t) => t.copyFrom(other),
        'out of add': (t) => other.add(1, { out: t }),
        'out of softmax': (t) => other.softmax(0, { out: t }),
        'out of a product': (t) => other.matmul(tt.Tensor.ones([2, 2]), { out: t }),
      };
      for (const [what, write] of Object.entries(writes)) {
        const x = leaf(1, 1);
        const y = x.mul(2);
        for (const t of [y, x.slice(0, 0, 2), y.expand([2])]) {
          const before = t.toArray();
          expect(() => write(t), what).toThrow(AutogradError);
          expect(t.toArray(), what).toEqual(before);
        }
        y.sum().backward();
        expect(gradient(x), what).toEqual([2, 2]);
        write(x); // a leaf may be written to
        write(y.clone().detach());
        tt.noGrad(() => write(y));
      }
      expect(() => tt.Tensor.zeros([2]).copyFrom(leaf(1, 2))).toThrow(AutogradError);
    });
  });

  test('to(dtype) is recorded between float types', () => {
    tt.tidy(() => {
      const x = leaf(1, 2);
      x.to('float64').sum().to('float32').add(x.sum()).backward();
      expect(gradient(x)).toEqual([2, 2]);
      expect(x.to('int32').requiresGrad).toBe(false);
    });
  });

  test('corners are those of PyTorch', () => {
    tt.tidy(() => {
      const slope = (f: (x: Tensor) => Tensor, ...at: number[]): number[] | undefined => {
        const x = leaf(...at);
        f(x).sum().backward();
        return gradient(x);
      };
      expect(slope((x) => x.pow(0), 0, 1, -2)).toEqual([0, 0, 0]);
      expect(slope((x) => x.pow(new tt.Tensor([0, 0])), 0, 3)).toEqual([0, 0]);
      expect(slope((x) => x.pow(0.5), 0, 4)).toEqual([Infinity, 0.25]);
      expect(slope((x) => x.max(), 3, 1, 3)).toEqual([0.5, 0, 0.5]);
      expect(slope((x) => x.max({ dim: 0 }), 3, 1, 3)).toEqual([1, 0, 0]);
      expect(slope((x) => x.gelu(), -Infinity, Infinity)).toEqual([-0, 1]);
      expect(Object.is(new tt.Tensor([-Infinity]).gelu().item(), -0)).toBe(true);
      const target = leaf(0.3);
      new tt.BinaryCrossEntropyLoss().forward(new tt.Tensor([0.25]), target).backward();
      expect(gradient(target)?.[0]).toBeCloseTo(Math.log(3), 6);
    });
  });

  test('batches without samples go forward and back', () => {
    tt.tidy(() => {
      const x = tt.Tensor.zeros([0, 3, 2]);
      x.requiresGrad = true;
      const flat = new tt.Flatten().forward(x);
      expect(flat.shape).toEqual([0, 6]);
      const model = new tt.Sequential([
        new tt.Dense(6, 4),
        new tt.GELU(),
        new tt.LayerNorm(4),
        new tt.Dense(4, 2),
      ]);
      const y = model.forward(flat);
      new tt.CrossEntropyLoss({ reduction: 'sum' }).forward(y, new tt.Tensor(new Int32Array(0))).backward();
      expect(x.grad?.shape).toEqual([0, 3, 2]);
      expect(model.parameters().every((p) => gradient(p)?.every((v) => v === 0))).toBe(true);
      expect(tt.Tensor.zeros([0, 3]).mean().item()).toBeNaN();
      expect(() => tt.Tensor.zeros([0, 3]).max()).toThrow(ShapeError);
    });
  });

  test('a tensor without axes has axis 0 for reductions', () => {
    tt.tidy(() => {
      const x = tt.Tensor.full([], 3);
      for (const dim of [0, -1]) {
        expect(x.sum({ dim }).item()).toBe(3);
        expect(x.max({ dim, keepdim: true }).shape).toEqual([]);
        expect(x.softmax(dim).item()).toBe(1);
      }
      expect(() => x.sum({ dim: 1 })).toThrow(InvalidArgumentError);
    });
  });

  test('integers: numbers must fit, tensors are converted', () => {
    tt.tidy(() => {
      expect(() => tt.Tensor.full([2], 2.5, { dtype: 'int32' })).toThrow(DTypeError);
      expect(() => tt.Tensor.zeros([2], { dtype: 'uint8' }).fill(256)).toThrow(DTypeError);
      const x = new tt.Tensor([2.9, -2.9, 3e9, NaN, -Infinity]);
      expect([...x.to('int32').data<'int32'>()]).toEqual([2, -2, 2147483647, 0, -2147483648]);
      const wide = new tt.Tensor(new Int32Array([256, 257, -1]));
      expect([...wide.to('uint8').data<'uint8'>()]).toEqual([0, 1, 255]);
    });
  });
});
