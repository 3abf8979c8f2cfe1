// Plain JavaScript in double precision: what the library's answers are compared with.

/** A small deterministic generator, so that a failing case can be repeated. */
export function numbers(count: number, seed = 1): Float64Array {
  let state = seed >>> 0;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** C[m,n] = A[m,k] . B[k,n], and |A| . |B| for the error bound. */
export function matmul(a: ArrayLike<number>, b: ArrayLike<number>, m: number, n: number, k: number) {
  const c = new Float64Array(m * n);
  const magnitude = new Float64Array(m * n);
  for (let i = 0; i < m; ++i) {
    for (let j = 0; j < n; ++j) {
      for (let p = 0; p < k; ++p) {
        const product = (a[i * k + p] as number) * (b[p * n + j] as number);
        c[i * n + j] = (c[i * n + j] as number) + product;
        magnitude[i * n + j] = (magnitude[i * n + j] as number) + Math.abs(product);
      }
    }
  }
  return { c, magnitude };
}

/** gamma_k = k u / (1 - k u): how far a sum of k rounded products can be off, as a part of |A| . |B|. */
export function gamma(k: number, dtype: 'float32' | 'float64'): number {
  const u = dtype === 'float32' ? 2 ** -24 : 2 ** -53;
  return (k * u) / (1 - k * u);
}

/** The largest of |x - y| / (1 + |y|). */
export function distance(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length !== y.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < x.length; ++i) {
    const expected = y[i] as number;
    const off = Math.abs((x[i] as number) - expected) / (1 + Math.abs(expected));
    if (!(off <= largest)) largest = off;
  }
  return largest;
}
