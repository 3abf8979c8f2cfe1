#pragma once

// The oracle of every matrix-product test: short, scalar, in double, and no part of the library.
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "matmul/packed/block_sizes.h"
#include "tinytorch/matmul.h"

namespace tinytorch::testing {

/// Wider than T, for oracles of single functions. (Too slow for products: long double is software in wasm.)
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

/// C in double, row-major without padding, and for each element the sum of the absolute values of all that was
/// added up: |A||B| + |C| + |bias|, to which rounding errors are relative. Double is exact to 1e-13 of that at the
/// tests' sizes, far inside both types' bounds.
struct Reference {
  std::vector<double> value;
  std::vector<double> magnitude;
};

/// `c_before` is C's old content (m x n, dense); read when the product is accumulated.
template <class T>
Reference reference_matmul(const MatmulArgs<T>& args, const std::vector<T>& c_before) {
  Reference result;
  for (std::size_t i = 0; i < args.m; ++i) {
    for (std::size_t j = 0; j < args.n; ++j) {
      double sum = args.accumulate ? c_before[i * args.n + j] : T(0);
      double magnitude = std::abs(sum);
      for (std::size_t p = 0; p < args.k; ++p) {
        const T a = args.a[static_cast<std::ptrdiff_t>(i) * args.a_row + static_cast<std::ptrdiff_t>(p) * args.a_col];
        const T b = args.b[static_cast<std::ptrdiff_t>(p) * args.b_row + static_cast<std::ptrdiff_t>(j) * args.b_col];
        const double product = static_cast<double>(a) * static_cast<double>(b);
        sum += product;
        magnitude += std::abs(product);
      }
      if (args.bias) {
        sum += args.bias[j];
        magnitude += std::abs(static_cast<double>(args.bias[j]));
      }
      if (args.activation == Activation::relu && sum < 0) sum = 0;
      result.value.push_back(sum);
      result.magnitude.push_back(magnitude);
    }
  }
  return result;
}

/// How far an element may lie from the reference, as a share of its magnitude. float32: gamma_n = n u / (1 - n u)
/// for n roundings (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1), which holds for any
/// order of summation, fused or not; k products and k - 1 sums along the longest path make k, the accumulated C
/// and the bias one more each. float64: 1e-10, the library's promise, far above gamma.
template <class T>
double error_bound(std::size_t k) {
  if constexpr (std::is_same_v<T, float>) {
    const double nu = static_cast<double>(k + 2) * 0x1p-24;
    return nu / (1 - nu);
  } else {
    return 1e-10;
  }
}

/// The same for a float32 rung that sums k in blocks, as tinytorch/matmul.h states it: gamma of kc + blocks.
inline double blocked_error_bound(std::size_t k) {
  const std::size_t blocks = (k + detail::kMaxKc<float> - 1) / detail::kMaxKc<float>;
  const double nu = static_cast<double>((k + blocks - 1) / blocks + blocks) * 0x1p-24;
  return nu / (1 - nu);
}

}  // namespace tinytorch::testing
