// What this JavaScript engine can run. A module with one unknown instruction does not load at all, so each
// probe is a complete tiny module, and the question is whether the engine accepts it.

/** (module (func (result v128) i32.const 0  i8x16.splat  i8x16.popcnt)) */
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98,
  11,
];

/**
 * (module (func (result v128)
 *   i32.const 1  i8x16.splat  i32.const 1  i8x16.splat  i32.const 1  i8x16.splat  f32x4.relaxed_madd))
 */
const RELAXED_SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 1, 253, 15, 65, 1,
  253, 15, 65, 1, 253, 15, 253, 133, 2, 11,
];

/** (module (func try catch_all end)): exceptions, in the encoding that every browser since 2021 takes. */
const EXCEPTIONS = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 8, 1, 6, 0, 6, 64, 25, 11, 11,
];

/** (module (memory 1 1 shared) (func i32.const 0  i32.atomic.load  drop)) */
const THREADS = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 4, 1, 3, 1, 1, 10, 11, 1, 9, 0, 65, 0, 254,
  16, 2, 0, 26, 11,
];

const validates = (bytes: readonly number[]): boolean =>
  typeof WebAssembly === 'object' && WebAssembly.validate(new Uint8Array(bytes));

/** The WebAssembly features that decide which build is loaded. */
export interface Features {
  /** WebAssembly itself, with exceptions: without it nothing runs. */
  readonly base: boolean;
  /** 128-bit vectors. */
  readonly simd: boolean;
  /** Fused multiply-add. */
  readonly relaxed: boolean;
  /** Atomic instructions on shared memory. Whether a page may use them is another question. */
  readonly threads: boolean;
}

/** Asks the engine, without loading anything. */
export function probe(): Features {
  const simd = validates(SIMD);
  return {
    base: validates(EXCEPTIONS),
    simd,
    relaxed: simd && validates(RELAXED_SIMD),
    threads: validates(THREADS),
  };
}
