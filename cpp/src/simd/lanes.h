#pragma once

// 128-bit vectors, with one interface for all instruction sets: Vec<float> of 4 lanes, Vec<double> of 2. All vector
// code of the library uses this file, so that native tests and sanitizers run the same source that ships to the
// browser. This is the only file that asks which instruction set it is compiled for.
//
//   V::load(p)  v.store(p)                 unaligned
//   V::splat(x)  V::load_splat(p)  V::zero()
//   a + b  a - b  a * b  a / b  -a         each rounded once; nothing is contracted
//   madd(Separate{}, a, b, c)              a * b + c, the product rounded first
//   madd(Fused{}, a, b, c)                 one rounding; exists only where kHasFused
//   sqrt  abs  relu  max  min              NaN in, NaN out; see below
//   at_least(a, low)                       a < low ? low : a, so NaN stays
//   a < b  a <= b  a > b  a >= b           masks: a Vec with all bits of a lane set or clear
//   a == b  a != b  a & b  a | b  a ^ b    bitwise
//   select(mask, a, b)  any(mask)
//   shift_left<N>(a)  shift_right<N>(a)    the bits of each element; shift_right brings in zeros
//   nearest(a)  transpose(rows)  sum(a)  load_partial  store_partial
//
// Everything gives the same bits on every instruction set (except the bits inside a NaN, and Fused).
//
// Files compiled with different flags are linked together (kernels/relaxed.cpp), so each instruction set has a
// namespace of its own, TINYTORCH_ISA: an inline function or a template on Vec<float> is another function in each of
// them. Otherwise the linker would keep only one version, and a processor that lacks its instructions could run it.
#if defined(__wasm_relaxed_simd__)
#define TINYTORCH_ISA wasm_relaxed
#define TINYTORCH_ISA_HEADER "simd/lanes_wasm.h"
#define TINYTORCH_FUSED(wasm, sse, neon) wasm
#elif defined(__wasm_simd128__)
#define TINYTORCH_ISA wasm_simd
#define TINYTORCH_ISA_HEADER "simd/lanes_wasm.h"
#elif defined(__SSE2__) && defined(__FMA__)
#define TINYTORCH_ISA sse_fma
#define TINYTORCH_ISA_HEADER "simd/lanes_sse.h"
#define TINYTORCH_FUSED(wasm, sse, neon) sse
#elif defined(__SSE2__)
#define TINYTORCH_ISA sse
#define TINYTORCH_ISA_HEADER "simd/lanes_sse.h"
#elif defined(__aarch64__)
#define TINYTORCH_ISA neon
#define TINYTORCH_ISA_HEADER "simd/lanes_neon.h"
#define TINYTORCH_FUSED(wasm, sse, neon) neon
#else
#define TINYTORCH_ISA generic
#define TINYTORCH_ISA_HEADER "simd/lanes_generic.h"
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace tinytorch::simd {

/// How a * b + c rounds.
struct Separate {};  ///< the product, then the sum: the same bits everywhere
struct Fused {};     ///< once

inline namespace TINYTORCH_ISA {
template <class T>
struct Vec;
}

}  // namespace tinytorch::simd

#include TINYTORCH_ISA_HEADER

namespace tinytorch::simd {
inline namespace TINYTORCH_ISA {

/// One lane with the same interface, for the rung `packed`, which works without vectors.
template <class T>
struct OneLane {
  using value_type = T;
  static constexpr int width = 1;
  T v;
  static OneLane load(const T* p) { return {*p}; }
  static OneLane load_splat(const T* p) { return {*p}; }
  static OneLane splat(T x) { return {x}; }
  static OneLane zero() { return {T(0)}; }
  void store(T* p) const { *p = v; }
  friend OneLane operator+(OneLane a, OneLane b) { return {a.v + b.v}; }
  friend OneLane operator*(OneLane a, OneLane b) { return {a.v * b.v}; }
  friend OneLane at_least(OneLane a, OneLane low) { return {a.v < low.v ? low.v : a.v}; }
};
template <class T>
inline void transpose(OneLane<T> (&)[1]) {}

template <class V>
inline V madd(Separate, V a, V b, V c) {
  return a * b + c;
}

#ifdef TINYTORCH_FUSED
inline constexpr bool kHasFused = true;
inline Vec<float> madd(Fused, Vec<float> a, Vec<float> b, Vec<float> c) {
  return {
      TINYTORCH_FUSED(wasm_f32x4_relaxed_madd(a.v, b.v, c.v), _mm_fmadd_ps(a.v, b.v, c.v), vfmaq_f32(c.v, a.v, b.v))};
}
inline Vec<double> madd(Fused, Vec<double> a, Vec<double> b, Vec<double> c) {
  return {
      TINYTORCH_FUSED(wasm_f64x2_relaxed_madd(a.v, b.v, c.v), _mm_fmadd_pd(a.v, b.v, c.v), vfmaq_f64(c.v, a.v, b.v))};
}
#else
inline constexpr bool kHasFused = false;
#endif

template <class T>
inline Vec<T> select(Vec<T> mask, Vec<T> a, Vec<T> b) {
  return (mask & a) | and_not(b, mask);
}

/// max(a, 0) where relu(NaN) is NaN and relu(-0) is -0: the same as `x < 0 ? 0 : x`.
template <class T>
inline Vec<T> relu(Vec<T> a) {
  return at_least(a, Vec<T>::zero());
}

/// Set where a is NaN.
template <class T>
inline Vec<T> is_nan(Vec<T> a) {
  return a != a;
}

/// The larger; NaN if either is; of two zeros the second.
template <class T>
inline Vec<T> max(Vec<T> a, Vec<T> b) {
  return select((a > b) | is_nan(a), a, b);
}
template <class T>
inline Vec<T> min(Vec<T> a, Vec<T> b) {
  return select((a < b) | is_nan(a), a, b);
}

template <class T>
inline Vec<T> abs(Vec<T> a) {
  return and_not(a, Vec<T>::splat(T(-0.0)));
}
template <class T>
inline Vec<T> operator-(Vec<T> a) {
  return a ^ Vec<T>::splat(T(-0.0));
}

/// nearest() rounds to the nearest integer, ties to even, for |a| < 2^22 (float) or 2^51 (double): adding 1.5 * 2^23
/// (double: 1.5 * 2^52) pushes the fraction out of the significand. The low bits of that sum hold the integer, which
/// power_of_two() in tensor/vector_math.h uses.
template <class T>
inline constexpr T kRoundMagic = std::is_same_v<T, float> ? T(12582912.0) : T(6755399441055744.0);
template <class T>
inline Vec<T> nearest(Vec<T> a) {
  const Vec<T> magic = Vec<T>::splat(kRoundMagic<T>);
  return (a + magic) - magic;
}

/// The sum of the lanes in a fixed order: ((0 + 1) + (2 + 3)).
inline float sum(Vec<float> a) {
  float lanes[4];
  a.store(lanes);
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}
inline double sum(Vec<double> a) {
  double lanes[2];
  a.store(lanes);
  return lanes[0] + lanes[1];
}

/// Loads the first `count` <= width elements. The other lanes are zero; memory behind those elements is not touched.
template <class V>
inline V load_partial(const typename V::value_type* p, std::size_t count) {
  typename V::value_type lanes[V::width] = {};
  for (std::size_t i = 0; i < count; ++i) lanes[i] = p[i];
  return V::load(lanes);
}
template <class V>
inline void store_partial(V a, typename V::value_type* p, std::size_t count) {
  typename V::value_type lanes[V::width];
  a.store(lanes);
  for (std::size_t i = 0; i < count; ++i) p[i] = lanes[i];
}

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::simd
