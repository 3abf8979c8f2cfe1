#pragma once

#include <cstddef>

#include "simd/lanes.h"
#include "simd/unroll.h"

namespace tinytorch::detail {
inline namespace TINYTORCH_ISA {

/// Independent multiply-adds on registers only: the most that a processor can do in this instruction set. 13 chains
/// cover a latency of 6 cycles at two multiply-adds a cycle. Together with both operands they fill V8's 15 registers.
inline constexpr int kPeakChains = 13;

/// Runs that many multiply-adds, rounded down to whole steps of all chains; each lane's counts as one. x and y are
/// arguments because V8 builds a constant vector anew at every use. The sum is returned so that nothing is optimised
/// away.
template <class V, class Rounding>
typename V::value_type peak_loop(std::size_t multiply_adds, typename V::value_type x, typename V::value_type y) {
  const V factor = V::splat(x), term = V::splat(y);
  V chain[kPeakChains];
  simd::unroll<kPeakChains>([&](auto i) TINYTORCH_INLINE { chain[i] = V::splat(x + y * i); });
  for (std::size_t s = multiply_adds / (kPeakChains * V::width); s > 0; --s) {
    simd::unroll<kPeakChains>([&](auto i) TINYTORCH_INLINE { chain[i] = madd(Rounding{}, chain[i], factor, term); });
  }
  simd::unroll<kPeakChains - 1>([&](auto i) TINYTORCH_INLINE { chain[0] = chain[0] + chain[i + 1]; });
  typename V::value_type lanes[V::width];
  chain[0].store(lanes);
  return lanes[0];
}

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::detail
