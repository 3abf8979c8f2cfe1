#pragma once

// WebAssembly simd128. Included by lanes.h only.
#include <wasm_simd128.h>

namespace tinytorch::simd {
inline namespace TINYTORCH_ISA {

template <>
struct Vec<float> {
  using value_type = float;
  static constexpr int width = 4;
  v128_t v;
  static Vec load(const float* p) { return {wasm_v128_load(p)}; }
  static Vec load_splat(const float* p) { return {wasm_v128_load32_splat(p)}; }
  static Vec splat(float x) { return {wasm_f32x4_splat(x)}; }
  static Vec zero() { return {wasm_f32x4_const_splat(0)}; }
  void store(float* p) const { wasm_v128_store(p, v); }
  friend Vec operator+(Vec a, Vec b) { return {wasm_f32x4_add(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {wasm_f32x4_sub(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {wasm_f32x4_mul(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {wasm_f32x4_div(a.v, b.v)}; }
  friend Vec operator<(Vec a, Vec b) { return {wasm_f32x4_lt(a.v, b.v)}; }
  friend Vec operator<=(Vec a, Vec b) { return {wasm_f32x4_le(a.v, b.v)}; }
  friend Vec operator>(Vec a, Vec b) { return {wasm_f32x4_gt(a.v, b.v)}; }
  friend Vec operator>=(Vec a, Vec b) { return {wasm_f32x4_ge(a.v, b.v)}; }
  friend Vec operator==(Vec a, Vec b) { return {wasm_f32x4_eq(a.v, b.v)}; }
  friend Vec operator!=(Vec a, Vec b) { return {wasm_f32x4_ne(a.v, b.v)}; }
  friend Vec operator&(Vec a, Vec b) { return {wasm_v128_and(a.v, b.v)}; }
  friend Vec operator|(Vec a, Vec b) { return {wasm_v128_or(a.v, b.v)}; }
  friend Vec operator^(Vec a, Vec b) { return {wasm_v128_xor(a.v, b.v)}; }
  friend Vec and_not(Vec a, Vec b) { return {wasm_v128_andnot(a.v, b.v)}; }  ///< a & ~b
  friend Vec at_least(Vec a, Vec low) { return {wasm_f32x4_pmax(a.v, low.v)}; }
  friend Vec sqrt(Vec a) { return {wasm_f32x4_sqrt(a.v)}; }
  friend bool any(Vec mask) { return wasm_v128_any_true(mask.v); }
};

template <>
struct Vec<double> {
  using value_type = double;
  static constexpr int width = 2;
  v128_t v;
  static Vec load(const double* p) { return {wasm_v128_load(p)}; }
  static Vec load_splat(const double* p) { return {wasm_v128_load64_splat(p)}; }
  static Vec splat(double x) { return {wasm_f64x2_splat(x)}; }
  static Vec zero() { return {wasm_f64x2_const_splat(0)}; }
  void store(double* p) const { wasm_v128_store(p, v); }
  friend Vec operator+(Vec a, Vec b) { return {wasm_f64x2_add(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {wasm_f64x2_sub(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {wasm_f64x2_mul(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {wasm_f64x2_div(a.v, b.v)}; }
  friend Vec operator<(Vec a, Vec b) { return {wasm_f64x2_lt(a.v, b.v)}; }
  friend Vec operator<=(Vec a, Vec b) { return {wasm_f64x2_le(a.v, b.v)}; }
  friend Vec operator>(Vec a, Vec b) { return {wasm_f64x2_gt(a.v, b.v)}; }
  friend Vec operator>=(Vec a, Vec b) { return {wasm_f64x2_ge(a.v, b.v)}; }
  friend Vec operator==(Vec a, Vec b) { return {wasm_f64x2_eq(a.v, b.v)}; }
  friend Vec operator!=(Vec a, Vec b) { return {wasm_f64x2_ne(a.v, b.v)}; }
  friend Vec operator&(Vec a, Vec b) { return {wasm_v128_and(a.v, b.v)}; }
  friend Vec operator|(Vec a, Vec b) { return {wasm_v128_or(a.v, b.v)}; }
  friend Vec operator^(Vec a, Vec b) { return {wasm_v128_xor(a.v, b.v)}; }
  friend Vec and_not(Vec a, Vec b) { return {wasm_v128_andnot(a.v, b.v)}; }  ///< a & ~b
  friend Vec at_least(Vec a, Vec low) { return {wasm_f64x2_pmax(a.v, low.v)}; }
  friend Vec sqrt(Vec a) { return {wasm_f64x2_sqrt(a.v)}; }
  friend bool any(Vec mask) { return wasm_v128_any_true(mask.v); }
};

template <int N>
inline Vec<float> shift_left(Vec<float> a) {
  return {wasm_i32x4_shl(a.v, N)};
}
template <int N>
inline Vec<double> shift_left(Vec<double> a) {
  return {wasm_i64x2_shl(a.v, N)};
}
template <int N>
inline Vec<float> shift_right(Vec<float> a) {
  return {wasm_u32x4_shr(a.v, N)};
}
template <int N>
inline Vec<double> shift_right(Vec<double> a) {
  return {wasm_u64x2_shr(a.v, N)};
}

inline void transpose(Vec<float> (&r)[4]) {
  const v128_t a = wasm_i32x4_shuffle(r[0].v, r[1].v, 0, 4, 1, 5), b = wasm_i32x4_shuffle(r[2].v, r[3].v, 0, 4, 1, 5);
  const v128_t c = wasm_i32x4_shuffle(r[0].v, r[1].v, 2, 6, 3, 7), d = wasm_i32x4_shuffle(r[2].v, r[3].v, 2, 6, 3, 7);
  r[0].v = wasm_i64x2_shuffle(a, b, 0, 2);
  r[1].v = wasm_i64x2_shuffle(a, b, 1, 3);
  r[2].v = wasm_i64x2_shuffle(c, d, 0, 2);
  r[3].v = wasm_i64x2_shuffle(c, d, 1, 3);
}
inline void transpose(Vec<double> (&r)[2]) {
  const v128_t a = wasm_i64x2_shuffle(r[0].v, r[1].v, 0, 2);
  r[1].v = wasm_i64x2_shuffle(r[0].v, r[1].v, 1, 3);
  r[0].v = a;
}

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::simd
