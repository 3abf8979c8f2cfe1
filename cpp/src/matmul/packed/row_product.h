#pragma once

// A few rows of A times B, for a batch of one to three. Every element of B is used only once for each row, so packing
// would not pay, and the speed is that of reading B. There are two ways, by the size of B:
//
//   strips (B within the second-level cache)         streams (B beyond it)
//   +--------+--------+--                            +---------------------+
//   | | 32   |        |                              | ------------------> |  six rows of B at a time,
//   | | cols |        |                              | ------------------> |  in memory order; the row of C
//   | v      |        |                              |                     |  is loaded and stored each time
//   +--------+--------+--                            +---------------------+
//   the sums stay in registers: 1 x 32 tile          prefetching works: one page after the other
//
// Strips of 16 or 48 columns are slower than of 32. Figures: docs/benchmarks.md, "Choices".
//
// In both ways each element of C adds its products one by one in the order of p, a long k in blocks (add_block.h). So
// the bits are the same as from any other tile.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <limits>

#include "matmul/args.h"
#include "matmul/packed/add_block.h"
#include "matmul/packed/micro_tile.h"
#include "simd/lanes.h"

namespace tinytorch::detail {
inline namespace TINYTORCH_ISA {

template <class V, class Rounding>
class RowProduct {
 public:
  using T = typename V::value_type;

  /// Whether this is the way for such a product.
  [[nodiscard]] static bool suits(const MatmulArgs<T>& args) {
    if (V::width == 1 || args.b_col != 1 || args.n < V::width) return false;
    return args.m == 1 || (args.m <= kMaxRows && strips(args));
  }

  /// Elements of scratch: a row for streams of more than one block, whose sums are kept apart from C.
  [[nodiscard]] static std::size_t sums(const MatmulArgs<T>& args) {
    return !strips(args) && args.k > block_of_k<T>(args.k) ? args.n : 0;
  }

  /// One row: c = floor(init + a . B), k in blocks of kc. `init` is c itself, a row of bias, or null for zeros.
  /// args.workspace has room for sums().
  static void run(const KernelArgs<T>& args, std::size_t kc, const T* a, const T* init, T* c, T floor) {
    if (!strips(args)) {
      run_stream(args, kc, a, init, c, floor);
    } else if (args.n >= kWide * V::width) {
      run_strips<kWide>(args, kc, a, init, c, floor);
    } else {
      run_strips<1>(args, kc, a, init, c, floor);
    }
  }

 private:
  static constexpr std::size_t kMaxRows = 3;           // from 4 on, tiles are about as fast
  static constexpr std::size_t kStripBytes = 1 << 20;  // a second-level cache
  static constexpr int kWide = 8;
  static constexpr int kStreams = 6;

  /// Counts the distance between rows of B, not their length: if B is some columns of a larger matrix, the rows lie as
  /// far apart as that matrix's.
  [[nodiscard]] static bool strips(const MatmulArgs<T>& args) {
    return args.k * static_cast<std::size_t>(std::abs(args.b_row)) <= kStripBytes / sizeof(T);
  }

  template <int Vectors>
  static void run_strips(const KernelArgs<T>& args, std::size_t kc, const T* a, const T* init, T* c, T floor) {
    constexpr std::size_t width = Vectors * V::width;
    constexpr T no_floor = -std::numeric_limits<T>::infinity();
    static constexpr T zeros[width] = {};
    TileArgs<T> tile;
    tile.a_step = args.a_col;
    tile.b_step = args.b_row;
    const auto strip = [&](std::size_t column, T* out) {
      tile.k = std::min(kc, args.k);
      tile.a = a;
      tile.b = args.b + column;
      tile.init = init ? init + column : zeros;
      tile.c = out;
      tile.floor = args.k <= kc ? floor : no_floor;
      micro_tile<V, Rounding, 1, Vectors>(tile);
      T sums[width];
      tile.init = zeros;
      tile.c = sums;
      for (std::size_t p = kc; p < args.k; p += kc) {
        tile.k = std::min(kc, args.k - p);
        tile.a = a + static_cast<std::ptrdiff_t>(p) * args.a_col;
        tile.b = args.b + static_cast<std::ptrdiff_t>(p) * args.b_row + column;
        micro_tile<V, Rounding, 1, Vectors>(tile);
        add_block<V>(1, width, sums, 0, out, 0, p + tile.k == args.k ? floor : no_floor);
      }
    };
    // The last strip may overlap the one before. So it is computed first, while C is untouched, into a buffer.
    const std::size_t rest = args.n % width;
    T last[width];
    if (rest) strip(args.n - width, last);
    for (std::size_t j = 0; j + width <= args.n; j += width) strip(j, c + j);
    if (rest) std::copy_n(last + width - rest, rest, c + args.n - rest);
  }

  static void run_stream(const KernelArgs<T>& args, std::size_t kc, const T* a, const T* init, T* c, T floor) {
    if (!init) {
      std::fill_n(c, args.n, T(0));
    } else if (init != c) {
      std::copy_n(init, args.n, c);
    }
    T* sums = c;
    for (std::size_t p = 0; p < args.k;) {
      const std::size_t end = p + std::min(kc, args.k - p);
      const bool first = p == 0;
      if (!first) {
        sums = args.workspace;
        std::fill_n(sums, args.n, T(0));
      }
      for (; p + kStreams <= end; p += kStreams) add_rows<kStreams>(args, a, p, sums);
      for (; p < end; ++p) add_rows<1>(args, a, p, sums);
      if (!first) add_block<V>(1, args.n, sums, 0, c, 0, -std::numeric_limits<T>::infinity());
    }
    for (std::size_t j = 0; j < args.n; ++j) c[j] = c[j] < floor ? floor : c[j];
  }

  /// c += a[p] * B[p] + ... for Rows rows of B.
  template <int Rows>
  static void add_rows(const KernelArgs<T>& args, const T* a, std::size_t p, T* c) {
    constexpr std::size_t w = V::width;
    V x[Rows];
    const T* row[Rows];
    simd::unroll<Rows>([&](auto r) TINYTORCH_INLINE {
      x[r] = V::load_splat(a + static_cast<std::ptrdiff_t>(p + r) * args.a_col);
      row[r] = args.b + static_cast<std::ptrdiff_t>(p + r) * args.b_row;
    });
    const auto add = [&](auto v) TINYTORCH_INLINE {
      V sum = V::load(c + v * w);
      simd::unroll<Rows>([&](auto r) TINYTORCH_INLINE { sum = madd(Rounding{}, x[r], V::load(row[r] + v * w), sum); });
      sum.store(c + v * w);
    };
    const auto advance = [&](std::size_t columns) TINYTORCH_INLINE {
      c += columns;
      simd::unroll<Rows>([&](auto r) TINYTORCH_INLINE { row[r] += columns; });
    };
    std::size_t left = args.n;
    for (; left >= 4 * w; left -= 4 * w) {
      simd::unroll<4>(add);
      advance(4 * w);
    }
    for (; left >= w; left -= w) {
      simd::unroll<1>(add);
      advance(w);
    }
    if (left) {
      V sum = simd::load_partial<V>(c, left);
      simd::unroll<Rows>(
          [&](auto r) TINYTORCH_INLINE { sum = madd(Rounding{}, x[r], simd::load_partial<V>(row[r], left), sum); });
      store_partial(sum, c, left);
    }
  }
};

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::detail
