// A stack that overflows: JavaScript's, in the middle of calls, and modules that are nested too deep. Later calls are right.

import { describe, expect, test } from 'vitest';
import { InvalidArgumentError, type Module, type Tensor } from 'tinytorch-wasm';
import { build, builds } from '../builds.js';

/** Pushes that much on the stack before `block` runs: overflows come at another place each time. */
function deeper(levels: number, block: () => void): void {
  if (levels === 0) block();
  else deeper(levels - 1, block);
}

describe.each(builds())('%s', async (name) => {
  const tt = await build(name);
  const work: Record<string, (x: Tensor) => Tensor> = {
    product: (x) => x.matmul(x),
    softmax: (x) => x.softmax(0),
    copy: (x) => x.add(1),
    text: (x) => (expect(tt.kernels()[0]?.name).toBe('naive'), x.sum()),
    error: (x) => {
      expect(() => x.reshape([7, 7])).toThrow();
      return x.mean({ dim: 0 });
    },
  };

  test.each(Object.keys(work))('JavaScript that recurses over calls until the stack is full: %s', (kind) => {
    const call = work[kind] as (x: Tensor) => Tensor;
    tt.manualSeed(1);
    using x = tt.Tensor.randn([12, 12]);
    using before = call(x);
    const expected = before.data();
    const memory = tt.memory();
    for (let round = 0; round < 40; ++round) {
      const recurse = (): void => {
        call(x).dispose();
        recurse();
      };
      expect(() => deeper(round, recurse)).toThrow();
      using after = call(x);
      expect(after.data()).toEqual(expected);
    }
    using large = tt.Tensor.ones([150, 150]);
    using product = large.matmul(large);
    expect(product.data()).toEqual(new Float32Array(22_500).fill(150));
    product.dispose();
    large.dispose();
    expect(tt.memory().tensors - memory.tensors).toBe(0);
  });

  test('with large products, whose parts others compute', () => {
    using x = tt.Tensor.ones([200, 200]);
    for (let round = 0; round < 10; ++round) {
      let depth = 0;
      const recurse = (): void => {
        if (++depth % 50 === 0) x.matmul(x).dispose();
        recurse();
      };
      expect(() => deeper(round, recurse)).toThrow(RangeError);
      using after = x.matmul(x);
      expect(after.data()).toEqual(new Float32Array(40_000).fill(200));
    }
  });

  test('modules nested up to the limit run, and one more is an error', () => {
    const before = tt.memory();
    let model: Module = new tt.Dense(3, 3);
    for (let depth = 2; depth <= 100; ++depth) model = new tt.Sequential([model]);
    expect(() => new tt.Sequential([model])).toThrow(InvalidArgumentError);
    expect(() => new tt.Sequential([model])).toThrow('at most 100 modules may be nested, these are 101');
    using x = tt.Tensor.ones([2, 3]);
    using y = model.forward(x);
    expect(y.shape).toEqual([2, 3]);
    using loss = y.sum();
    loss.backward();
    expect(model.parameters()[0]?.grad?.shape).toEqual([3, 3]);
    expect(model.eval().train().summary([2, 3]).total.parameters).toBe(12);
    expect(tt.saveModel(model).length).toBeGreaterThan(0);
    model.dispose();
    expect(tt.memory().bytes - before.bytes).toBeLessThan(1000);
  });
});
