#pragma once

// AArch64. Included by lanes.h only.
#include <arm_neon.h>

namespace tinytorch::simd {
inline namespace TINYTORCH_ISA {

template <>
struct Vec<float> {
  using value_type = float;
  static constexpr int width = 4;
  float32x4_t v;
  static Vec bits(uint32x4_t x) { return {vreinterpretq_f32_u32(x)}; }
  uint32x4_t u() const { return vreinterpretq_u32_f32(v); }
  static Vec load(const float* p) { return {vld1q_f32(p)}; }
  static Vec load_splat(const float* p) { return {vld1q_dup_f32(p)}; }
  static Vec splat(float x) { return {vdupq_n_f32(x)}; }
  static Vec zero() { return {vdupq_n_f32(0)}; }
  void store(float* p) const { vst1q_f32(p, v); }
  friend Vec operator+(Vec a, Vec b) { return {vaddq_f32(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {vsubq_f32(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {vmulq_f32(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {vdivq_f32(a.v, b.v)}; }
  friend Vec operator<(Vec a, Vec b) { return bits(vcltq_f32(a.v, b.v)); }
  friend Vec operator<=(Vec a, Vec b) { return bits(vcleq_f32(a.v, b.v)); }
  friend Vec operator>(Vec a, Vec b) { return bits(vcgtq_f32(a.v, b.v)); }
  friend Vec operator>=(Vec a, Vec b) { return bits(vcgeq_f32(a.v, b.v)); }
  friend Vec operator==(Vec a, Vec b) { return bits(vceqq_f32(a.v, b.v)); }
  friend Vec operator!=(Vec a, Vec b) { return bits(vmvnq_u32(vceqq_f32(a.v, b.v))); }
  friend Vec operator&(Vec a, Vec b) { return bits(vandq_u32(a.u(), b.u())); }
  friend Vec operator|(Vec a, Vec b) { return bits(vorrq_u32(a.u(), b.u())); }
  friend Vec operator^(Vec a, Vec b) { return bits(veorq_u32(a.u(), b.u())); }
  friend Vec and_not(Vec a, Vec b) { return bits(vbicq_u32(a.u(), b.u())); }  ///< a & ~b
  friend Vec at_least(Vec a, Vec low) { return {vbslq_f32(vcltq_f32(a.v, low.v), low.v, a.v)}; }
  friend Vec sqrt(Vec a) { return {vsqrtq_f32(a.v)}; }
  friend bool any(Vec mask) { return vmaxvq_u32(mask.u()) != 0; }
};

template <>
struct Vec<double> {
  using value_type = double;
  static constexpr int width = 2;
  float64x2_t v;
  static Vec bits(uint64x2_t x) { return {vreinterpretq_f64_u64(x)}; }
  uint64x2_t u() const { return vreinterpretq_u64_f64(v); }
  static Vec load(const double* p) { return {vld1q_f64(p)}; }
  static Vec load_splat(const double* p) { return {vld1q_dup_f64(p)}; }
  static Vec splat(double x) { return {vdupq_n_f64(x)}; }
  static Vec zero() { return {vdupq_n_f64(0)}; }
  void store(double* p) const { vst1q_f64(p, v); }
  friend Vec operator+(Vec a, Vec b) { return {vaddq_f64(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {vsubq_f64(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {vmulq_f64(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {vdivq_f64(a.v, b.v)}; }
  friend Vec operator<(Vec a, Vec b) { return bits(vcltq_f64(a.v, b.v)); }
  friend Vec operator<=(Vec a, Vec b) { return bits(vcleq_f64(a.v, b.v)); }
  friend Vec operator>(Vec a, Vec b) { return bits(vcgtq_f64(a.v, b.v)); }
  friend Vec operator>=(Vec a, Vec b) { return bits(vcgeq_f64(a.v, b.v)); }
  friend Vec operator==(Vec a, Vec b) { return bits(vceqq_f64(a.v, b.v)); }
  friend Vec operator!=(Vec a, Vec b) { return bits(veorq_u64(vceqq_f64(a.v, b.v), vdupq_n_u64(~std::uint64_t{0}))); }
  friend Vec operator&(Vec a, Vec b) { return bits(vandq_u64(a.u(), b.u())); }
  friend Vec operator|(Vec a, Vec b) { return bits(vorrq_u64(a.u(), b.u())); }
  friend Vec operator^(Vec a, Vec b) { return bits(veorq_u64(a.u(), b.u())); }
  friend Vec and_not(Vec a, Vec b) { return bits(vbicq_u64(a.u(), b.u())); }  ///< a & ~b
  friend Vec at_least(Vec a, Vec low) { return {vbslq_f64(vcltq_f64(a.v, low.v), low.v, a.v)}; }
  friend Vec sqrt(Vec a) { return {vsqrtq_f64(a.v)}; }
  friend bool any(Vec mask) { return vmaxvq_u32(vreinterpretq_u32_f64(mask.v)) != 0; }
};

template <int N>
inline Vec<float> shift_left(Vec<float> a) {
  return Vec<float>::bits(vshlq_n_u32(a.u(), N));
}
template <int N>
inline Vec<double> shift_left(Vec<double> a) {
  return Vec<double>::bits(vshlq_n_u64(a.u(), N));
}
template <int N>
inline Vec<float> shift_right(Vec<float> a) {
  return Vec<float>::bits(vshrq_n_u32(a.u(), N));
}
template <int N>
inline Vec<double> shift_right(Vec<double> a) {
  return Vec<double>::bits(vshrq_n_u64(a.u(), N));
}

inline void transpose(Vec<float> (&r)[4]) {
  const float64x2_t a = vreinterpretq_f64_f32(vzip1q_f32(r[0].v, r[1].v));
  const float64x2_t b = vreinterpretq_f64_f32(vzip1q_f32(r[2].v, r[3].v));
  const float64x2_t c = vreinterpretq_f64_f32(vzip2q_f32(r[0].v, r[1].v));
  const float64x2_t d = vreinterpretq_f64_f32(vzip2q_f32(r[2].v, r[3].v));
  r[0].v = vreinterpretq_f32_f64(vzip1q_f64(a, b));
  r[1].v = vreinterpretq_f32_f64(vzip2q_f64(a, b));
  r[2].v = vreinterpretq_f32_f64(vzip1q_f64(c, d));
  r[3].v = vreinterpretq_f32_f64(vzip2q_f64(c, d));
}
inline void transpose(Vec<double> (&r)[2]) {
  const float64x2_t a = vzip1q_f64(r[0].v, r[1].v);
  r[1].v = vzip2q_f64(r[0].v, r[1].v);
  r[0].v = a;
}

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::simd
