// The page's own judgement: a mark that says "verified" is worth something only if wrong results lose it.
import { describe, expect, it } from 'vitest';
import { compare, gamma, isExactProduct, referenceForward } from '../../web/demo/jobs/reference';

const random = (() => {
  let state = 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
})();

describe('the float64 reference', () => {
  it('computes dense layers with ReLU between them', () => {
    const { output } = referenceForward(Float32Array.of(1, -2), 1, [
      { inputs: 2, outputs: 2, weight: Float32Array.of(1, 2, 3, 4), bias: Float32Array.of(0.5, 10) },
      { inputs: 2, outputs: 1, weight: Float32Array.of(2, 3), bias: Float32Array.of(-1) },
    ]);
    // Hidden: relu(1 - 6 + 0.5) = 0 and relu(2 - 8 + 10) = 4; then 4 * 3 - 1.
    expect([...output]).toEqual([11]);
  });

  it('bounds one layer by gamma_(k+1) (|x| . |W| + |b|)', () => {
    const { bound } = referenceForward(Float32Array.of(1, -2), 1, [
      { inputs: 2, outputs: 1, weight: Float32Array.of(3, 4), bias: Float32Array.of(-5) },
    ]);
    expect(bound[0]).toBeCloseTo(gamma(3, 2 ** -24) * (3 + 8 + 5), 18);
  });

  it('accepts float32 sums in another order, and nothing that is off by more than rounding', () => {
    const [inputs, outputs] = [784, 16];
    const x = Float32Array.from({ length: inputs }, () => random());
    const weight = Float32Array.from({ length: inputs * outputs }, () => random() - 0.5);
    const bias = Float32Array.from({ length: outputs }, () => random());
    const reference = referenceForward(x, 1, [{ inputs, outputs, weight, bias }]);
    const backwards = Float32Array.from(bias);
    for (let p = inputs - 1; p >= 0; p--) {
      for (let j = 0; j < outputs; j++)
        backwards[j] = Math.fround(backwards[j]! + Math.fround(x[p]! * weight[p * outputs + j]!));
    }
    expect(compare(backwards, reference)).toMatchObject({ verified: true });
    const wrong = Float32Array.from(backwards);
    wrong[5]! += 0.01;
    expect(compare(wrong, reference)).toMatchObject({ verified: false });
    wrong[5] = NaN;
    expect(compare(wrong, reference)).toMatchObject({ verified: false, maxError: NaN });
    expect(compare(backwards.subarray(1), reference).verified).toBe(false);
  });
});

describe('the exact product', () => {
  const n = 37;
  const integers = () => Float32Array.from({ length: n * n }, () => Math.floor(random() * 129) - 64);
  const a = integers();
  const b = integers();
  const c = new Float32Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let p = 0; p < n; p++) for (let j = 0; j < n; j++) c[i * n + j]! += a[i * n + p]! * b[p * n + j]!;
  }

  it('is recognised', () => expect(isExactProduct(a, b, c, n, Math.random)).toBe(true));

  it('is refused with any one element off by one', () => {
    for (const at of [0, n - 1, n * 17 + 20, n * n - 1]) {
      const wrong = Float32Array.from(c);
      wrong[at]! += 1;
      expect(isExactProduct(a, b, wrong, n, random)).toBe(false);
    }
  });

  it('is refused with NaN or with too few elements', () => {
    const wrong = Float32Array.from(c);
    wrong[3] = NaN;
    expect(isExactProduct(a, b, wrong, n, random)).toBe(false);
    expect(isExactProduct(a, b, c.subarray(1), n, random)).toBe(false);
  });
});
