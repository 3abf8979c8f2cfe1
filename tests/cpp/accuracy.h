#pragma once

// The elementary functions, what they should give, and how far off they may be. docs/accuracy.md states the same bounds
// to users; tensor_vector_math_test.cpp holds both, accuracy.cpp measures every float32 there is.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tinytorch/ops.h"

namespace tinytorch::testing {

/// The error of `got` where the exact result is `want`, in units of the last place of T around `want` (of the smallest
/// normal number below it).
template <class T, class Exact>
double ulp_error(T got, Exact want) {
  const T rounded = static_cast<T>(want);
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : INFINITY;
  if (got == rounded && std::isinf(got)) return 0;
  if (std::isinf(rounded) || std::isinf(got)) return INFINITY;
  int exponent = 0;
  (void)std::frexp(want, &exponent);
  constexpr int lowest = std::numeric_limits<T>::min_exponent - std::numeric_limits<T>::digits;
  const int unit = std::max(exponent - std::numeric_limits<T>::digits, lowest);
  return static_cast<double>(std::abs(std::ldexp(static_cast<Exact>(got) - want, -unit)));
}

/// The exact functions, in a type wider than the one that is judged. Far from where anything happens their first terms
/// are exact enough and cost nothing, which is most of all floats.
namespace exact {

template <class W>
constexpr W tiny = std::numeric_limits<W>::digits > 53 ? W(1e-19) : W(1e-10);

template <class W>
W exp(W x) {
  if (std::abs(x) < tiny<W>) return 1 + x;
  return x > 800 ? std::numeric_limits<W>::infinity() : x < -800 ? W(0) : std::exp(x);
}
template <class W>
W log(W x) {
  return x < 0 ? std::numeric_limits<W>::quiet_NaN() : std::log(x);
}
template <class W>
W tanh(W x) {
  return std::abs(x) < tiny<W> ? x : std::abs(x) > 40 ? std::copysign(W(1), x) : std::tanh(x);
}
template <class W>
W sigmoid(W x) {
  if (std::abs(x) < tiny<W>) return W(0.5) + x / 4;
  return x > 50 ? W(1) : x < -800 ? W(0) : (x < 0 ? exp(x) : W(1)) / (1 + exp(-std::abs(x)));
}
/// x times the normal distribution. In the tail, what the rounding of x / sqrt 2 does to its square is made up for.
template <class W>
W gelu(W x) {
  if (std::abs(x) < tiny<W>) return x / 2;
  if (x > 40) return x;
  if (x < -40) return -W(0);
  const W z = std::abs(x) * W(0.707106781186547524400844362104849039L), square = z * z, all = x * x;
  if (x > 0) return x * (1 - std::erfc(z) / 2);
  const W lost = (all / 2 - square) + (std::fma(x, x, -all) / 2 - std::fma(z, z, -square));
  return x * (std::erfc(z) / 2) * (1 - lost);
}

}  // namespace exact

struct ElementaryFunction {
  const char* name;
  Tensor (*op)(const Tensor&, Tensor*);
  double (*of_float)(double);
  long double (*of_double)(long double);
  double float32, float64;  ///< the bounds
};

inline constexpr ElementaryFunction elementary_functions[] = {
    {"exp", ops::exp, exact::exp<double>, exact::exp<long double>, 1, 1},
    {"log", ops::log, exact::log<double>, exact::log<long double>, 1, 1},
    {"tanh", ops::tanh, exact::tanh<double>, exact::tanh<long double>, 2, 2},
    {"sigmoid", ops::sigmoid, exact::sigmoid<double>, exact::sigmoid<long double>, 3, 3},
    {"gelu", ops::gelu, exact::gelu<double>, exact::gelu<long double>, 6, 6},
};
inline constexpr double pow_bound_float32 = 0.51, pow_bound_float64 = 0.6;

}  // namespace tinytorch::testing
