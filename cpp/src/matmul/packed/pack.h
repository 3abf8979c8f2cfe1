#pragma once

// Packing: copies of A and B in the order in which the microkernel reads them.
//
//   A (m x k), tiles of MR = 3 rows           panel: one column of the tile after the other
//   +-------------+
//   | 0 3 6 9 ... |                           0 1 2 | 3 4 5 | 6 7 8 | 9 ...
//   | 1 4 7 . ... |     ->                    step 0  step 1  step 2
//   | 2 5 8 . ... |
//   +-------------+
//
//   B (k x n), panels of NR = 4 columns       panel: one row of the panel after the other
//   +---------+---------+
//   | 0 1 2 3 | ...     |                     0 1 2 3 | 4 5 6 7 | 8 ...
//   | 4 5 6 7 |         |     ->              step 0    step 1
//   | 8 . . . |         |
//   +---------+---------+
//
// What it gains: every read of the inner loop is the next address. So no cache line is fetched for only a few of its
// numbers, no two lines of a panel compete for one place in the cache, and each page is visited once.
//
// When it does not pay: a copy takes time, which only reuse earns back. An element of B is used by m / MR tiles, an
// element of A by n / NR. With few rows hardly anything of B is used twice, so B is read in place, and so is a small B,
// which is in a near cache anyway. A is read in place for up to some hundred columns. The rules are in in_place.h.
#include <algorithm>
#include <cstddef>

#include "matmul/packed/block_sizes.h"
#include "simd/lanes.h"
#include "simd/unroll.h"

namespace tinytorch::detail {
inline namespace TINYTORCH_ISA {

/// Elements that pack_panel may write behind its height * k.
inline constexpr std::size_t kPackOverrun = 4;

/// What a packer reads: element p of line i (a row of A or a column of B), with strides. Another source, which gathers
/// its elements or has them in another type, needs the same four functions. The two about runs of memory may always
/// return false.
template <class T>
struct StridedSource {
  using value_type = T;
  const T* data;
  std::ptrdiff_t line, step;

  [[nodiscard]] const T* at(std::size_t i, std::size_t p) const {
    return data + static_cast<std::ptrdiff_t>(i) * line + static_cast<std::ptrdiff_t>(p) * step;
  }
  [[nodiscard]] T value(std::size_t i, std::size_t p) const { return *at(i, p); }
  [[nodiscard]] bool lines_are_runs() const { return step == 1; }  ///< a line's elements are neighbours from at(i, 0)
  [[nodiscard]] bool steps_are_runs() const { return line == 1; }  ///< a step's elements are neighbours from at(0, p)
};

/// Packs `k` steps of `lines` lines into a panel: out[p * height + i] = source(i, p). Padding lines
/// (lines <= i < height) repeat the last one; results computed from them are never stored. Nothing outside the source
/// is read. V is a vector of the type of `out`.
template <class V, class Source>
[[gnu::noinline]] void pack_panel(std::size_t lines, std::size_t height, std::size_t k, const Source& source,
                                  typename V::value_type* out) {
  using T = typename V::value_type;
  constexpr std::size_t w = V::width;
  const auto existing = [&](std::size_t i) { return std::min(i, lines - 1); };
  std::size_t packed = 0;  // steps done by the vector loops
  if (source.lines_are_runs()) {
    // Each line is a run of memory: w lines at a time are transposed in registers, in blocks of w x w. The last lines
    // go first. If the height is not a multiple of w, they write too far, into places that other lines then overwrite.
    packed = k / w * w;
    for (std::size_t i = round_up(height, w); i > 0;) {
      i -= w;
      const T* from[w];
      for (std::size_t r = 0; r < w; ++r) from[r] = source.at(existing(i + r), 0);
      T* to = out + i;
      for (std::size_t p = 0; p < packed; p += w, to += w * height) {
        V block[w];
        simd::unroll<w>([&](auto r) TINYTORCH_INLINE { block[r] = V::load(from[r] + p); });
        transpose(block);
        simd::unroll<w>([&](auto r) TINYTORCH_INLINE { block[r].store(to + r * height); });
      }
    }
  } else if (source.steps_are_runs() && lines == height && height == 2 * w) {
    // Each step is two vectors: the usual panel of B.
    constexpr std::size_t at_once = 4;
    packed = k / at_once * at_once;
    T* to = out;
    for (std::size_t p = 0; p < packed; p += at_once, to += at_once * height) {
      simd::unroll<at_once>([&](auto r) TINYTORCH_INLINE {
        const T* from = source.at(0, p + r);
        const V first = V::load(from), second = V::load(from + w);
        first.store(to + r * height);
        second.store(to + r * height + w);
      });
    }
  } else if (source.steps_are_runs() && lines == height && height > w && height < 2 * w) {
    // Each step is a run of memory of less than two vectors: they overlap.
    packed = k;
    T* to = out;
    for (std::size_t p = 0; p < packed; ++p, to += height) {
      const T* from = source.at(0, p);
      const V first = V::load(from), last = V::load(from + height - w);
      first.store(to);
      last.store(to + height - w);
    }
  }
  for (std::size_t p = packed; p < k; ++p) {
    for (std::size_t i = 0; i < height; ++i) out[p * height + i] = source.value(existing(i), p);
  }
}

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::detail
