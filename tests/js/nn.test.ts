// Layers against the same formulas written out.

import { describe, expect, test } from 'vitest';
import { DisposedError, InvalidArgumentError, KernelError, ShapeError } from 'tinytorch-wasm';
import { build, builds } from './builds.js';
import { distance, matmul, numbers } from './oracle.js';

describe.each(builds())('%s', async (name) => {
  const tt = await build(name);
  const { Tensor, Dense, Linear, ReLU, Sequential } = tt;
  const network = () =>
    new Sequential([new Dense(784, 256), new ReLU(), new Dense(256, 128), new ReLU(), new Dense(128, 10)]);

  test.each(['float32', 'float64'] as const)('Dense is x . W + b in %s', (dtype) => {
    using layer = new Dense(20, 5, { dtype });
    const values = numbers(60, 5);
    using x = new Tensor(values, { shape: [3, 20], dtype });
    using y = layer.forward(x);
    const bias = layer.bias?.data() ?? [];
    const { c } = matmul(x.data(), layer.weight.data(), 3, 5, 20);
    expect(
      distance(
        y.data(),
        c.map((value, i) => value + (bias[i % 5] as number)),
      ),
    ).toBeLessThan(1e-6);
    expect(layer.weight.shape).toEqual([20, 5]);
    expect(layer.bias?.shape).toEqual([5]);
    expect([layer.inFeatures, layer.outFeatures]).toEqual([20, 5]);
    expect(layer.weight.dtype).toBe(dtype);
  });

  test('weights start inside +-1/sqrt(in), from the seed', () => {
    tt.manualSeed(3);
    using first = new Dense(100, 50);
    tt.manualSeed(3);
    using second = new Linear(100, 50);
    const weight = first.weight.data();
    expect(second.weight.data()).toEqual(weight);
    expect(weight.every((value) => Math.abs(value) <= 0.1)).toBe(true);
    expect(weight.some((value) => Math.abs(value) > 0.09)).toBe(true);
  });

  test('Dense without bias', () => {
    using layer = new Dense(2, 2, { bias: false });
    expect(layer.bias).toBeUndefined();
    expect([...layer.namedParameters().keys()]).toEqual(['weight']);
    layer.weight.copyFrom([1, 2, 3, 4]);
    using x = new Tensor([[1, 1]]);
    using y = layer.forward(x);
    expect(y.toArray()).toEqual([[4, 6]]);
  });

  test('ReLU', () => {
    using layer = new ReLU();
    using x = new Tensor([-1, 0, 2, NaN]);
    using y = layer.forward(x);
    expect(y.toArray()).toEqual([0, 0, 2, NaN]);
  });

  test('Sequential runs its layers in order, whatever the rung', () => {
    using model = network();
    using x = new Tensor(numbers(16 * 784, 9), { shape: [16, 784], dtype: 'float32' });
    let expected: ArrayLike<number> = x.data();
    const sizes = [784, 256, 128, 10];
    const parameters = model.parameters();
    for (let i = 0; i < 3; ++i) {
      const [k, n] = [sizes[i] as number, sizes[i + 1] as number];
      const bias = parameters[2 * i + 1]?.data() ?? [];
      const { c } = matmul(expected, parameters[2 * i]?.data() ?? [], 16, n, k);
      expected = c.map((value, at) => Math.max(value + (bias[at % n] as number), i < 2 ? 0 : -Infinity));
    }
    for (const kernel of [
      'auto',
      ...tt.kernels().flatMap(({ name, available }) => (available ? [name] : [])),
    ]) {
      expect(model.setKernel(kernel)).toBe(model);
      using y = model.forward(x);
      expect(y.shape).toEqual([16, 10]);
      expect(distance(y.data(), expected)).toBeLessThan(2e-6);
    }
  });

  test('parameters go by their names in PyTorch, and writing them changes the layer', () => {
    using model = network();
    expect([...model.namedParameters().keys()]).toEqual([
      '0.weight',
      '0.bias',
      '2.weight',
      '2.bias',
      '4.weight',
      '4.bias',
    ]);
    for (const parameter of model.parameters()) parameter.fill(0);
    model
      .namedParameters()
      .get('4.bias')
      ?.copyFrom(Array.from({ length: 10 }, (_, i) => i));
    using x = Tensor.ones([1, 784]);
    using y = model.forward(x);
    expect(y.toArray()).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  });

  test('names are those of the profile', () => {
    using model = network();
    expect(model.layers.map((layer) => layer.name)).toEqual([
      'Dense(784, 256)',
      'ReLU',
      'Dense(256, 128)',
      'ReLU',
      'Dense(128, 10)',
    ]);
    expect(String(model)).toBe('Sequential');
  });

  test('100 forward passes end to end', () => {
    using model = network();
    using x = Tensor.randn([64, 784]);
    using first = model.forward(x);
    model.forward(x).dispose(); // the second time layers may keep weights in panels
    const before = tt.memory();
    for (let i = 0; i < 100; ++i) {
      using y = model.forward(x);
      expect(tt.maxAbsDiff(y, first)).toBe(0);
    }
    expect(tt.memory()).toEqual({
      ...before,
      peakBytes: expect.any(Number) as number,
      pooledBytes: expect.any(Number) as number,
    });
  });

  test('a layer keeps a kernel of its own', () => {
    using model = network();
    model.layers[0]?.setKernel('naive');
    using x = Tensor.randn([8, 784]);
    const report = tt.profile(() => model.forward(x));
    report.result.dispose();
    expect(report.rows.find((row) => row.name === 'matmul.naive')?.calls).toBe(1);
  });

  test('what does not fit is refused, and the model works on', () => {
    using model = network();
    using x = Tensor.zeros([2, 783]);
    expect(() => model.forward(x)).toThrow(ShapeError);
    expect(() => model.forward(x)).toThrow(/783/);
    expect(() => model.setKernel('fastest')).toThrow(KernelError);
    expect(() => new Dense(-1, 2)).toThrow(InvalidArgumentError);
    expect(() => new Dense(1.5, 2)).toThrow('new Dense: inFeatures must be a whole number >= 1, got 1.5');
    expect(() => new Sequential([x as unknown as InstanceType<typeof ReLU>])).toThrow(
      'expected a layer, got a Tensor',
    );
    expect(() => new Sequential(undefined as unknown as [])).toThrow(InvalidArgumentError);
    using good = Tensor.zeros([2, 784]);
    using y = model.forward(good);
    expect(y.shape).toEqual([2, 10]);
  });

  test('a model that was disposed of says so', () => {
    const model = network();
    const [layer] = model.layers;
    const { weight } = layer as InstanceType<typeof Dense>;
    model.dispose();
    model.dispose();
    using x = Tensor.zeros([1, 784]);
    expect(() => model.forward(x)).toThrow(DisposedError);
    expect(() => layer?.forward(x)).toThrow('forward: this layer was disposed of');
    expect(() => weight.data()).toThrow(DisposedError);
    expect(String(model)).toBe('Module(disposed)');
  });

  test('layers that two models share live until both are gone', () => {
    const shared = new Dense(4, 4);
    const first = new Sequential([shared]);
    using second = new Sequential([shared, new ReLU()]);
    first.dispose();
    using x = Tensor.ones([1, 4]);
    using y = second.forward(x);
    expect(y.shape).toEqual([1, 4]);
  });
});
