// Repeated forward passes: into `out`, with weights that stay the same, without memory that grows.

import { describe, expect, test } from 'vitest';
import { AutogradError, DisposedError, DTypeError, InvalidArgumentError, ShapeError } from 'tinytorch-wasm';
import { build, builds } from './builds.js';
import { gamma, matmul, numbers } from './oracle.js';

describe.each(builds())('%s', async (name) => {
  const tt = await build(name);
  const { Tensor, Dense, ReLU, Sequential, Softmax } = tt;

  test.each(['float32', 'float64'] as const)('forward into out has the same bits in %s', (dtype) => {
    using model = new Sequential([new Dense(30, 17, { dtype }), new ReLU(), new Dense(17, 10, { dtype })]);
    for (const batch of [1, 5, 100]) {
      tt.tidy(() => {
        const x = Tensor.randn([batch, 30], { dtype });
        const out = Tensor.zeros([batch, 10], { dtype });
        const y = model.forward(x);
        for (let i = 0; i < 3; ++i) {
          out.fill(7);
          expect(tt.noGrad(() => model.forward(x, { out }))).toBe(out);
          expect(out.data()).toEqual(y.data());
          expect(out.requiresGrad).toBe(false);
        }
      });
    }
  });

  test('out that does not fit is refused with the values', () => {
    tt.tidy(() => {
      const model = new Sequential([new Dense(4, 4), new Dense(4, 4)]);
      const x = Tensor.ones([2, 4]);
      const out = Tensor.zeros([2, 4]);
      expect(() => model.forward(x, { out })).toThrow(AutogradError);
      expect(() => model.forward(x, { out })).toThrow(/out is not recorded.*noGrad/);
      tt.noGrad(() => {
        expect(() => model.forward(x, { out: Tensor.zeros([2, 5]) })).toThrow(ShapeError);
        expect(() => model.forward(x, { out: Tensor.zeros([2, 5]) })).toThrow(/\[2,5\].*\[2,4\]/);
        expect(() => model.forward(x, { out: out.to('float64') })).toThrow(DTypeError);
        expect(() => model.forward(x, { out: x })).toThrow(InvalidArgumentError);
        expect(() => model.forward(x, { out: 1 as unknown as typeof x })).toThrow(
          'forward, out: expected a Tensor',
        );
        out.dispose();
        expect(() => model.forward(x, { out })).toThrow(DisposedError);
        const same = new ReLU().forward(x, { out: x });
        expect(same).toBe(x);
      });
    });
  });

  test('reductions and softmax into out', () => {
    tt.tidy(() => {
      const x = Tensor.randn([3, 5]);
      const row = Tensor.zeros([5]);
      for (const name of ['sum', 'mean', 'max'] as const) {
        expect(x[name]({ dim: 0, out: row })).toBe(row);
        expect(row.data()).toEqual(x[name]({ dim: 0 }).data());
      }
      const places = Tensor.zeros([5], { dtype: 'int32' });
      expect(x.argmax({ dim: 0, out: places })).toBe(places);
      expect(places.data()).toEqual(x.argmax({ dim: 0 }).data());
      const like = Tensor.zeros([3, 5]);
      for (const name of ['softmax', 'logSoftmax'] as const) {
        for (const dim of [0, -1]) {
          expect(x[name](dim, { out: like })).toBe(like);
          expect(like.data()).toEqual(x[name](dim).data());
        }
      }
      expect(x.gelu({ out: like }).data()).toEqual(x.gelu().data());
      expect(() => x.sum({ dim: 1, out: row })).toThrow(/sum: out is \[5\]/);
      expect(() => x.argmax({ dim: 0, out: row })).toThrow(DTypeError);
      x.requiresGrad = true;
      for (const call of [
        () => x.sum({ dim: 0, out: row }),
        () => x.softmax(0, { out: like }),
        () => x.gelu({ out: like }),
        () => x.add(1, { out: like }),
        () => x.matmul(Tensor.ones([5, 5]), { out: like }),
      ]) {
        expect(call).toThrow(AutogradError);
        expect(tt.noGrad(call)).toBeInstanceOf(Tensor);
      }
      expect(x.argmax({ dim: 0, out: places })).toBe(places);
    });
  });

  test('writing a weight after many uses changes the layer, however it is written', () => {
    using layer = new Dense(100, 10);
    const values = numbers(90 * 100, 4);
    using x = new Tensor(values, { shape: [90, 100], dtype: 'float32' });
    const check = () => {
      for (let i = 0; i < 3; ++i) {
        tt.tidy(() => {
          const { c, magnitude } = matmul(x.data(), layer.weight.data(), 90, 10, 100);
          const bias = layer.bias?.data() ?? [];
          const y = tt.noGrad(() => layer.forward(x)).data();
          const outside = c.findIndex((value, at) => {
            const added = bias[at % 10] as number;
            const bound = gamma(100 + 1, 'float32') * ((magnitude[at] as number) + Math.abs(added));
            return !(Math.abs((y[at] as number) - (value + added)) <= bound);
          });
          expect(outside).toBe(-1);
        });
      }
    };
    check();
    const sgd = new tt.SGD(layer.parameters(), { lr: 0.1 });
    const writes = [
      () => layer.weight.fill(0.5),
      () => layer.weight.copyFrom(numbers(1000, 7)),
      () => layer.weight.copyFrom(Tensor.randn([100, 10])),
      () => tt.noGrad(() => layer.weight.transpose().copyFrom(Tensor.randn([10, 100]))),
      () => tt.noGrad(() => layer.weight.slice(0, 3, 4).fill(9)),
      () => tt.noGrad(() => layer.weight.mul(2, { out: layer.weight })),
      () => {
        layer.forward(x).sum().backward();
        sgd.step();
      },
      () => tt.loadModel(layer, tt.saveModel(new Dense(100, 10))),
    ];
    for (const write of writes) {
      tt.tidy(() => void write());
      check();
    }
    sgd.dispose();
  });

  test('a thousand passes take no memory, with out and without', () => {
    using model = new Sequential([new Dense(784, 256), new ReLU(), new Dense(256, 10), new Softmax()]);
    for (const batch of [1, 96]) {
      tt.noGrad(() => {
        using x = Tensor.randn([batch, 784]);
        using out = Tensor.zeros([batch, 10]);
        for (let i = 0; i < 5; ++i) {
          model.forward(x, { out });
          model.forward(x).dispose();
        }
        const before = tt.memory();
        const passes = batch === 1 ? 1000 : 50;
        for (let i = 0; i < passes; ++i) model.forward(x, { out });
        expect(tt.memory()).toEqual(before);
        for (let i = 0; i < passes; ++i) model.forward(x).dispose();
        expect(tt.memory()).toEqual(before);
      });
    }
  });

  test('weights in panels are counted, and freed with the layer', () => {
    const before = tt.memory().bytes;
    using x = Tensor.randn([128, 784]);
    const layer = new Dense(784, 30);
    const own = tt.memory().bytes;
    for (let i = 0; i < 4; ++i) tt.noGrad(() => layer.forward(x)).dispose();
    const kept = tt.memory().bytes - own;
    if (tt.variant === 'scalar') expect(kept).toBe(0);
    else expect(kept).toBeGreaterThanOrEqual(784 * 30 * 4);
    layer.dispose();
    x.dispose();
    expect(tt.memory().bytes).toBe(before);
  });

  test('noGrad records nothing, and nests', () => {
    using model = new Sequential([new Dense(4, 4), new ReLU()]);
    using x = Tensor.ones([1, 4]);
    tt.tidy(() => {
      expect(model.forward(x).requiresGrad).toBe(true);
      tt.noGrad(() => {
        expect(model.forward(x).requiresGrad).toBe(false);
        expect(() =>
          tt.noGrad(() => {
            throw new Error('inside');
          }),
        ).toThrow('inside');
        expect(model.forward(x).requiresGrad).toBe(false);
      });
      expect(model.forward(x).requiresGrad).toBe(true);
    });
  });

  test('tensors that are dropped or disposed of in any order are counted right', async () => {
    const before = tt.memory().tensors;
    const held = Array.from({ length: 200 }, () => Tensor.ones([1]));
    expect(tt.memory().tensors).toBe(before + 200);
    held.splice(0, 100).forEach((each) => each.dispose());
    await Promise.resolve();
    held.forEach((each) => each.dispose());
    held.forEach((each) => each.dispose());
    expect(tt.memory().tensors).toBe(before);
  });

  test('texts cross in both directions', () => {
    expect(() => tt.matmul(Tensor.ones([1, 1]), Tensor.ones([1, 1]), { kernel: 'größer 🙂' })).toThrow(
      'größer 🙂',
    );
    using x = Tensor.ones([2]);
    const file = tt.writeSafetensors(
      new Map([['wëight 🙂', x]]),
      new Map([
        ['', ''],
        ['clé', 'été'],
      ]),
    );
    const { tensors, metadata } = tt.readSafetensors(file);
    expect([...tensors.keys()]).toEqual(['wëight 🙂']);
    expect(metadata.get('clé')).toBe('été');
    for (const tensor of tensors.values()) tensor.dispose();
  });
});
