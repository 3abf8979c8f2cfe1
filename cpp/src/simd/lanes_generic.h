#pragma once

// No vector instructions: the same lanes as arrays, so that everything builds, and gives the same bits,
// anywhere (the `scalar` wasm module). Included by lanes.h only.
#include <bit>
#include <cmath>
#include <utility>

namespace tinytorch::simd {
inline namespace TINYTORCH_ISA {

template <class T>
struct Vec {
  using value_type = T;
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  static constexpr int width = 16 / sizeof(T);
  T v[width];

  template <class F>
  static Vec make(F f) {
    Vec r;
    for (int i = 0; i < width; ++i) r.v[i] = f(i);
    return r;
  }
  template <class F>
  static Vec mask(F f) {
    return make([&](int i) { return std::bit_cast<T>(f(i) ? ~Bits{0} : Bits{0}); });
  }
  template <class F>
  static Vec bits(F f) {
    return make([&](int i) { return std::bit_cast<T>(f(i)); });
  }
  Bits u(int i) const { return std::bit_cast<Bits>(v[i]); }

  static Vec load(const T* p) {
    return make([&](int i) { return p[i]; });
  }
  static Vec load_splat(const T* p) { return splat(*p); }
  static Vec splat(T x) {
    return make([&](int) { return x; });
  }
  static Vec zero() { return splat(T(0)); }
  void store(T* p) const {
    for (int i = 0; i < width; ++i) p[i] = v[i];
  }
  friend Vec operator+(Vec a, Vec b) {
    return make([&](int i) { return a.v[i] + b.v[i]; });
  }
  friend Vec operator-(Vec a, Vec b) {
    return make([&](int i) { return a.v[i] - b.v[i]; });
  }
  friend Vec operator*(Vec a, Vec b) {
    return make([&](int i) { return a.v[i] * b.v[i]; });
  }
  friend Vec operator/(Vec a, Vec b) {
    return make([&](int i) { return a.v[i] / b.v[i]; });
  }
  friend Vec operator<(Vec a, Vec b) {
    return mask([&](int i) { return a.v[i] < b.v[i]; });
  }
  friend Vec operator<=(Vec a, Vec b) {
    return mask([&](int i) { return a.v[i] <= b.v[i]; });
  }
  friend Vec operator>(Vec a, Vec b) { return b < a; }
  friend Vec operator>=(Vec a, Vec b) { return b <= a; }
  friend Vec operator==(Vec a, Vec b) {
    return mask([&](int i) { return a.v[i] == b.v[i]; });
  }
  friend Vec operator!=(Vec a, Vec b) {
    return mask([&](int i) { return a.v[i] != b.v[i]; });
  }
  friend Vec operator&(Vec a, Vec b) {
    return bits([&](int i) { return a.u(i) & b.u(i); });
  }
  friend Vec operator|(Vec a, Vec b) {
    return bits([&](int i) { return a.u(i) | b.u(i); });
  }
  friend Vec operator^(Vec a, Vec b) {
    return bits([&](int i) { return a.u(i) ^ b.u(i); });
  }
  friend Vec and_not(Vec a, Vec b) {  ///< a & ~b
    return bits([&](int i) { return a.u(i) & ~b.u(i); });
  }
  friend Vec at_least(Vec a, Vec low) {
    return make([&](int i) { return a.v[i] < low.v[i] ? low.v[i] : a.v[i]; });
  }
  friend Vec sqrt(Vec a) {
    return make([&](int i) { return std::sqrt(a.v[i]); });
  }
  friend bool any(Vec mask) {
    for (int i = 0; i < width; ++i)
      if (mask.u(i)) return true;
    return false;
  }
};

template <int N, class T>
inline Vec<T> shift_left(Vec<T> a) {
  return Vec<T>::bits([&](int i) { return a.u(i) << N; });
}
template <int N, class T>
inline Vec<T> shift_right(Vec<T> a) {
  return Vec<T>::bits([&](int i) { return a.u(i) >> N; });
}

template <class T>
inline void transpose(Vec<T> (&r)[16 / sizeof(T)]) {
  for (int i = 0; i < Vec<T>::width; ++i)
    for (int j = 0; j < i; ++j) std::swap(r[i].v[j], r[j].v[i]);
}

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::simd
