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
// What it buys: every read of the inner loop is the next address, so that no cache line is fetched for a few of
// its numbers, no two lines of a panel compete for one place in the cache, and each page is visited once.
//
// When it does not pay: a copy costs about half a cycle for each element, and is earned back by reuse. An element
// of B is used by m / MR tiles, an element of A by n / NR. With m <= MR nothing of B is used twice, so B is read
// where it stands; nor does a B that fits the first-level cache need it. A's rows are contiguous runs
// already when A is row-major: the tile can walk MR of them side by side. The rules are in macrokernel.h.
#include <cstddef>

#include "simd/lanes.h"

namespace tinytorch::detail {

/// Columns [0, cols) of B's rows [0, k) into a panel of `width` columns; what is missing to `width` becomes zero
/// (those sums are computed and not stored). b is at its first element; strides in elements.
template <class V>
void pack_b_panel(std::size_t k, std::size_t cols, std::size_t width, const typename V::value_type* b,
                  std::ptrdiff_t b_row, std::ptrdiff_t b_col, typename V::value_type* out) {
  using T = typename V::value_type;
  constexpr std::size_t w = V::width;
  for (std::size_t j = 0; j < width; j += w) {
    const T* from = b + static_cast<std::ptrdiff_t>(j) * b_col;
    T* to = out + j;
    std::size_t p = 0;
    if (j + w <= cols && b_col == 1) {
      for (; p < k; ++p, from += b_row, to += width) V::load(from).store(to);
    } else if (j + w <= cols && b_row == 1) {
      for (; p + w <= k; p += w, from += w, to += w * width) {
        V block[w];
        for (std::size_t i = 0; i < w; ++i) block[i] = V::load(from + static_cast<std::ptrdiff_t>(i) * b_col);
        transpose(block);
        for (std::size_t i = 0; i < w; ++i) block[i].store(to + i * width);
      }
    }
    for (; p < k; ++p, from += b_row, to += width) {
      for (std::size_t i = 0; i < w; ++i) to[i] = j + i < cols ? from[static_cast<std::ptrdiff_t>(i) * b_col] : T(0);
    }
  }
}

/// Elements that pack_a_panel may write behind its rows * k.
inline constexpr std::size_t kPackAOverrun = 4;

/// `rows` rows of A's columns [0, k) into a panel of that height: out[p * rows + i] = A(i, p).
template <class V>
void pack_a_panel(std::size_t rows, std::size_t k, const typename V::value_type* a, std::ptrdiff_t a_row,
                  std::ptrdiff_t a_col, typename V::value_type* out) {
  using T = typename V::value_type;
  constexpr std::size_t w = V::width;
  std::size_t p = 0;
  if (a_col == 1) {
    // Blocks of w x w, transposed in registers. Where the rows are not a multiple of w the lowest block repeats the
    // last row; it goes first, because what it writes too much is overwritten by the next step's top block.
    for (; p + w <= k; p += w) {
      for (std::size_t i = (rows + w - 1) / w * w; i > 0;) {
        i -= w;
        V block[w];
        for (std::size_t r = 0; r < w; ++r) {
          const std::size_t row = i + r < rows ? i + r : rows - 1;
          block[r] = V::load(a + static_cast<std::ptrdiff_t>(row) * a_row + p);
        }
        transpose(block);
        for (std::size_t r = 0; r < w; ++r) block[r].store(out + (p + r) * rows + i);
      }
    }
  } else if (a_row == 1 && rows >= w) {
    for (; p < k; ++p) {
      const T* from = a + static_cast<std::ptrdiff_t>(p) * a_col;
      T* to = out + p * rows;
      for (std::size_t i = 0; i + w <= rows; i += w) V::load(from + i).store(to + i);
      V::load(from + (rows - w)).store(to + (rows - w));
    }
  }
  for (; p < k; ++p) {
    for (std::size_t i = 0; i < rows; ++i) {
      out[p * rows + i] = a[static_cast<std::ptrdiff_t>(i) * a_row + static_cast<std::ptrdiff_t>(p) * a_col];
    }
  }
}

}  // namespace tinytorch::detail
