#pragma once

#include <utility>

#define TINYTORCH_INLINE __attribute__((always_inline))

namespace tinytorch::simd {

/// Calls f(0), f(1), ... f(N - 1), each with a compile-time index. A loop over an array of vectors must be written
/// this way, so that the array stays in registers. Mark the lambda TINYTORCH_INLINE.
template <int N, class F>
TINYTORCH_INLINE constexpr void unroll(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>)
      TINYTORCH_INLINE { (f(std::integral_constant<int, I>{}), ...); }(std::make_integer_sequence<int, N>{});
}

}  // namespace tinytorch::simd
