// The judge: the network in plain JavaScript doubles, and how far a float32 network may be from it.
// It shares no code with the library, so that a mistake there cannot hide here.

export interface DenseWeights {
  inputs: number;
  outputs: number;
  /** [inputs, outputs], row-major. */
  weight: Float32Array | Float64Array;
  bias: Float32Array | Float64Array;
}

export interface ReferenceResult {
  output: Float64Array;
  /** Largest difference that rounding alone can explain, for each output. */
  bound: Float64Array;
}

/** gamma_n = n u / (1 - n u): the most that n roundings of size u can add up to. */
export function gamma(n: number, unitRoundoff: number): number {
  const nu = n * unitRoundoff;
  return nu / (1 - nu);
}

export const FLOAT32_ROUNDOFF = 2 ** -24;
export const FLOAT64_ROUNDOFF = 2 ** -53;

/**
 * Dense layers with ReLU between them (none after the last), in double precision.
 *
 * The bound follows the layers. With e the bound of a layer's input x, the computed input is x' with
 * |x' - x| <= e, so that |x'| <= |x| + e. Its product with W has k roundings a term, whatever the order of
 * summation, and the bias one more:
 *
 *     e_next = e . |W|  +  gamma_(k+1) ((|x| + e) . |W| + |bias|)
 *
 * ReLU brings values no further apart. A fused multiply-add rounds less often, so the bound holds for it too.
 */
export function referenceForward(
  input: Float32Array | Float64Array,
  batch: number,
  layers: DenseWeights[],
): ReferenceResult {
  let x = Float64Array.from(input);
  let e = new Float64Array(x.length);
  layers.forEach(({ inputs, outputs, weight, bias }, index) => {
    const g = gamma(inputs + 1, FLOAT32_ROUNDOFF);
    const y = new Float64Array(batch * outputs);
    const bound = new Float64Array(batch * outputs);
    for (let b = 0; b < batch; b++) {
      const to = b * outputs;
      for (let j = 0; j < outputs; j++) {
        y[to + j] = bias[j]!;
        bound[to + j] = g * Math.abs(bias[j]!);
      }
      for (let p = 0; p < inputs; p++) {
        const xp = x[b * inputs + p]!;
        const ep = e[b * inputs + p]!;
        if (xp === 0 && ep === 0) continue;
        const spread = ep + g * (Math.abs(xp) + ep);
        for (let j = 0; j < outputs; j++) {
          const w = weight[p * outputs + j]!;
          y[to + j]! += xp * w;
          bound[to + j]! += spread * Math.abs(w);
        }
      }
    }
    if (index < layers.length - 1) for (let i = 0; i < y.length; i++) y[i] = Math.max(0, y[i]!);
    x = y;
    e = bound;
  });
  return { output: x, bound: e };
}

export interface Agreement {
  maxError: number;
  boundShare: number;
  verified: boolean;
}

/** Every value inside its own bound? NaN, or a wrong number of values, is never verified. */
export function compare(values: ArrayLike<number>, reference: ReferenceResult): Agreement {
  const { output, bound } = reference;
  let maxError = 0;
  let boundShare = 0;
  let verified = values.length === output.length;
  for (let i = 0; i < output.length; i++) {
    const error = Math.abs((values[i] ?? NaN) - output[i]!);
    const limit = bound[i]!;
    if (!(error <= limit)) verified = false;
    maxError = error > maxError || Number.isNaN(error) ? error : maxError;
    if (limit > 0) boundShare = Math.max(boundShare, error / limit);
  }
  return { maxError, boundShare, verified };
}

/**
 * Whether C = A . B exactly, for square matrices of small integers, in O(n^2): with a random integer
 * vector r, C r and A (B r) are equal where C is right, and differ with a probability of at least
 * 1 - 2^-16 where any element of C is wrong (Freivalds, 1977). |a|, |b| <= 64 and n <= 2048 keep every
 * intermediate number an integer below 2^53, so doubles compute both sides without rounding.
 */
export function isExactProduct(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  c: ArrayLike<number>,
  n: number,
  random: () => number,
): boolean {
  if (c.length !== n * n) return false;
  const r = Float64Array.from({ length: n }, () => Math.floor(random() * 65536));
  const times = (matrix: ArrayLike<number>, vector: Float64Array): Float64Array => {
    const result = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += matrix[i * n + j]! * vector[j]!;
      result[i] = sum;
    }
    return result;
  };
  const left = times(c, r);
  const right = times(a, times(b, r));
  return left.every((value, i) => value === right[i]);
}
