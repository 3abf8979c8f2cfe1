#pragma once

// How much of A, B and C is worked on at a time, in the words of BLIS: mc, kc, nc for the blocks that live in
// caches, MR and NR for the tile that lives in registers.
#include <algorithm>
#include <cstddef>

#include "simd/lanes.h"

namespace tinytorch::detail {
inline namespace TINYTORCH_ISA {

/// k is cut so that one panel of B (kc x NR) stays in the first-level cache while one panel of A (MR x kc) streams
/// past it. float32: 512 * 8 * 4 = 16 KB of B and 512 * 6 * 4 = 12 KB of A; float64 (NR = 4): 10 KB and 15 KB. Both
/// fit the 32 KB of older processors. Longer is better otherwise: each cut costs one more pass over C.
template <class T>
inline constexpr std::size_t kMaxKc = sizeof(T) == 4 ? 512 : 320;

/// A block of A (mc x kc) stays in the second-level cache: 96 * 512 * 4 = 192 KB, 96 * 320 * 8 = 240 KB.
inline constexpr std::size_t kMaxMc = 96;

/// A block of B (kc x nc) stays in the last-level cache: 512 * 1024 * 4 = 2 MB, 320 * 1024 * 8 = 2.5 MB.
inline constexpr std::size_t kMaxNc = 1024;

[[nodiscard]] constexpr std::size_t round_up(std::size_t size, std::size_t unit) {
  return (size + unit - 1) / unit * unit;
}

/// `size` in as few steps of at most `limit` as possible, all about equal (500 + 500, not 512 + 488), each but
/// the last a multiple of `unit`.
[[nodiscard]] constexpr std::size_t even_step(std::size_t size, std::size_t limit, std::size_t unit) {
  if (size <= limit) return size;
  const std::size_t steps = (size + limit - 1) / limit;
  return std::min(round_up((size + steps - 1) / steps, unit), limit / unit * unit);
}

/// Tiles that follow each other: `tiles` of `height` rows each, of which `rows` are C's (fewer than the
/// height only in a padded last tile).
struct TileRun {
  std::size_t height, rows, tiles;
};

/// The next tiles where `rows` rows are left: full ones, but the last two share what is left, because a tile of
/// one or two rows has too few sums to keep the multipliers busy (10 = 5 + 5, not 6 + 4).
[[nodiscard]] constexpr TileRun next_tiles(std::size_t rows, std::size_t mr, std::size_t min_rows) {
  if (rows >= 2 * mr) return {mr, mr, rows / mr - (rows % mr != 0)};
  const std::size_t next = rows <= mr ? rows : (rows + 1) / 2;
  return {std::max(next, min_rows), next, 1};
}

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::detail
