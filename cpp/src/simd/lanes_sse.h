#pragma once

// x86-64: SSE2 alone, and the fused multiply-add where the file is compiled with it. Included by lanes.h only.
#include <immintrin.h>

namespace tinytorch::simd {
inline namespace TINYTORCH_ISA {

template <>
struct Vec<float> {
  using value_type = float;
  static constexpr int width = 4;
  __m128 v;
  static Vec load(const float* p) { return {_mm_loadu_ps(p)}; }
  static Vec load_splat(const float* p) { return {_mm_set1_ps(*p)}; }
  static Vec splat(float x) { return {_mm_set1_ps(x)}; }
  static Vec zero() { return {_mm_setzero_ps()}; }
  void store(float* p) const { _mm_storeu_ps(p, v); }
  friend Vec operator+(Vec a, Vec b) { return {_mm_add_ps(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {_mm_sub_ps(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {_mm_mul_ps(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {_mm_div_ps(a.v, b.v)}; }
  friend Vec operator<(Vec a, Vec b) { return {_mm_cmplt_ps(a.v, b.v)}; }
  friend Vec operator<=(Vec a, Vec b) { return {_mm_cmple_ps(a.v, b.v)}; }
  friend Vec operator>(Vec a, Vec b) { return {_mm_cmpgt_ps(a.v, b.v)}; }
  friend Vec operator>=(Vec a, Vec b) { return {_mm_cmpge_ps(a.v, b.v)}; }
  friend Vec operator==(Vec a, Vec b) { return {_mm_cmpeq_ps(a.v, b.v)}; }
  friend Vec operator!=(Vec a, Vec b) { return {_mm_cmpneq_ps(a.v, b.v)}; }
  friend Vec operator&(Vec a, Vec b) { return {_mm_and_ps(a.v, b.v)}; }
  friend Vec operator|(Vec a, Vec b) { return {_mm_or_ps(a.v, b.v)}; }
  friend Vec operator^(Vec a, Vec b) { return {_mm_xor_ps(a.v, b.v)}; }
  friend Vec and_not(Vec a, Vec b) { return {_mm_andnot_ps(b.v, a.v)}; }  ///< a & ~b
  friend Vec at_least(Vec a, Vec low) { return {_mm_max_ps(low.v, a.v)}; }
  friend Vec sqrt(Vec a) { return {_mm_sqrt_ps(a.v)}; }
  friend bool any(Vec mask) { return _mm_movemask_ps(mask.v) != 0; }
};

template <>
struct Vec<double> {
  using value_type = double;
  static constexpr int width = 2;
  __m128d v;
  static Vec load(const double* p) { return {_mm_loadu_pd(p)}; }
  static Vec load_splat(const double* p) { return {_mm_set1_pd(*p)}; }
  static Vec splat(double x) { return {_mm_set1_pd(x)}; }
  static Vec zero() { return {_mm_setzero_pd()}; }
  void store(double* p) const { _mm_storeu_pd(p, v); }
  friend Vec operator+(Vec a, Vec b) { return {_mm_add_pd(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {_mm_sub_pd(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {_mm_mul_pd(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {_mm_div_pd(a.v, b.v)}; }
  friend Vec operator<(Vec a, Vec b) { return {_mm_cmplt_pd(a.v, b.v)}; }
  friend Vec operator<=(Vec a, Vec b) { return {_mm_cmple_pd(a.v, b.v)}; }
  friend Vec operator>(Vec a, Vec b) { return {_mm_cmpgt_pd(a.v, b.v)}; }
  friend Vec operator>=(Vec a, Vec b) { return {_mm_cmpge_pd(a.v, b.v)}; }
  friend Vec operator==(Vec a, Vec b) { return {_mm_cmpeq_pd(a.v, b.v)}; }
  friend Vec operator!=(Vec a, Vec b) { return {_mm_cmpneq_pd(a.v, b.v)}; }
  friend Vec operator&(Vec a, Vec b) { return {_mm_and_pd(a.v, b.v)}; }
  friend Vec operator|(Vec a, Vec b) { return {_mm_or_pd(a.v, b.v)}; }
  friend Vec operator^(Vec a, Vec b) { return {_mm_xor_pd(a.v, b.v)}; }
  friend Vec and_not(Vec a, Vec b) { return {_mm_andnot_pd(b.v, a.v)}; }  ///< a & ~b
  friend Vec at_least(Vec a, Vec low) { return {_mm_max_pd(low.v, a.v)}; }
  friend Vec sqrt(Vec a) { return {_mm_sqrt_pd(a.v)}; }
  friend bool any(Vec mask) { return _mm_movemask_pd(mask.v) != 0; }
};

template <int N>
inline Vec<float> shift_left(Vec<float> a) {
  return {_mm_castsi128_ps(_mm_slli_epi32(_mm_castps_si128(a.v), N))};
}
template <int N>
inline Vec<double> shift_left(Vec<double> a) {
  return {_mm_castsi128_pd(_mm_slli_epi64(_mm_castpd_si128(a.v), N))};
}
template <int N>
inline Vec<float> shift_right(Vec<float> a) {
  return {_mm_castsi128_ps(_mm_srli_epi32(_mm_castps_si128(a.v), N))};
}
template <int N>
inline Vec<double> shift_right(Vec<double> a) {
  return {_mm_castsi128_pd(_mm_srli_epi64(_mm_castpd_si128(a.v), N))};
}

inline void transpose(Vec<float> (&r)[4]) { _MM_TRANSPOSE4_PS(r[0].v, r[1].v, r[2].v, r[3].v); }
inline void transpose(Vec<double> (&r)[2]) {
  const __m128d a = _mm_unpacklo_pd(r[0].v, r[1].v);
  r[1].v = _mm_unpackhi_pd(r[0].v, r[1].v);
  r[0].v = a;
}

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::simd
