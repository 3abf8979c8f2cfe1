#pragma once

// The constants by which plan.cpp divides products among threads.
#include <cstddef>

#include "matmul/policy.h"

namespace tinytorch::detail {

/// From which sizes on it pays to divide. Work is counted in multiply-adds. These are variables so that tests can make
/// them small: then small products are divided, too.
struct DivisionLimits {
  double least_shared = kLeastSharedWork;
  double least_part = 64.0 * 1024;  ///< the least work that is worth claiming a part
  double usual_part = 512.0 * 1024;
  double waking = 4096.0 * 1024;          ///< the least work that is worth waking a sleeping worker
  std::size_t pack_together = 16 * 1024;  ///< elements that a thread packs at a time
  std::size_t most_shared = 64 << 20;     ///< the most bytes of an operand that is packed for all parts
  std::size_t cached_b = 4 << 20;         ///< bytes of B that every part reads from the last-level cache
};
inline DivisionLimits division_limits;

inline constexpr std::size_t kRowUnit = 12;  ///< whole tiles of 4 and of 6 rows
template <class T>
inline constexpr std::size_t kColumnUnit = 64 / sizeof(T);  ///< a cache line, and two panels
inline constexpr std::size_t kPartsPerThread = 6;           ///< more only if parts would be larger than a block
// The size of a part: at least two or three tiles. The most leaves room for rounding to whole tiles, so that a part is
// still at most one block (block_sizes.h).
inline constexpr std::size_t kLeastRows = 16, kMostRows = 84, kMostColumns = 960;

[[nodiscard]] constexpr std::size_t divide_up(std::size_t size, std::size_t part) { return (size + part - 1) / part; }

/// Columns [begin, end) of the product.
template <class Args>
[[nodiscard]] Args columns_of(Args args, std::size_t begin, std::size_t end) {
  const auto offset = static_cast<std::ptrdiff_t>(begin);
  args.n = end - begin;
  args.b += offset * args.b_col;
  args.c += offset;
  if (args.bias) args.bias += offset;
  if constexpr (requires { args.packed_b; }) {
    if (args.packed_b) args.packed_b += begin * args.k;
  }
  return args;
}

/// Rows [begin, end) of the product.
template <class Args>
[[nodiscard]] Args rows_of(Args args, std::size_t begin, std::size_t end) {
  args.m = end - begin;
  args.a += static_cast<std::ptrdiff_t>(begin) * args.a_row;
  args.c += static_cast<std::ptrdiff_t>(begin) * args.c_row;
  return args;
}

}  // namespace tinytorch::detail
