#pragma once

// A times a B of two to three vectors' width, such as the ten classes of a classifier. An element of A is used for one
// short row of C only, too few times to pay for a copy into tiles, and B is small. So both are read in place.
//
//              B  +---+---+---+
//                 | 0 | 1 | 2 |       n = 10: vectors 0 and 1 are columns 0-3 and 4-7, vector 2 is columns 6-9. What
//                 +---+-+-+-+-+       two vectors share is computed twice, with the same bits, and stored twice:
//        A  +-+   | c   c   c |       nothing is padded.
//           |a|   | c   c   c |
//           |a|   | c   c   c |       3 rows x 3 vectors: 9 sums + 3 of B + 1 of A = 13 vector registers
//           +-+   +-----------+
//
// Each element of C adds its products one by one in the order of p, a long k in blocks (add_block.h). So the bits are
// the same as from any other tile.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <limits>

#include "matmul/args.h"
#include "matmul/packed/add_block.h"
#include "simd/lanes.h"
#include "simd/unroll.h"

namespace tinytorch::detail {
inline namespace TINYTORCH_ISA {

template <class V, class Rounding>
class NarrowProduct {
 public:
  using T = typename V::value_type;

  /// Whether this is the way for such a product.
  [[nodiscard]] static bool suits(const MatmulArgs<T>& args) {
    return V::width > 1 && args.b_col == 1 && args.n > 2 * V::width && args.n <= kVectors * V::width &&
           args.k * static_cast<std::size_t>(std::abs(args.b_row)) <= kMostBytes / sizeof(T);
  }

  /// C = floor(init + A . B), k in blocks of kc. `init` is C itself, one row of bias for all rows, or null for zeros.
  static void run(const MatmulArgs<T>& args, std::size_t kc, const T* init, T floor) {
    const std::size_t full = args.m / kRows * kRows;
    for (std::size_t i = 0; i < full; i += kRows) blocks<kRows>(args, kc, i, init, floor);
    for (std::size_t i = full; i < args.m; ++i) blocks<1>(args, kc, i, init, floor);
  }

 private:
  static constexpr int kRows = 3, kVectors = 3;
  /// The most bytes of B. Every tile reads all of B, which should be in the second-level cache.
  static constexpr std::size_t kMostBytes = 256 * 1024;

  /// The steps [p, p + k) of a tile: out = floor(init + A . B).
  struct Steps {
    std::size_t p, k;
    const T* init;
    std::ptrdiff_t init_row;
    T* out;
    std::ptrdiff_t out_row;
    T floor;
  };

  /// Computes a tile over all of k. Later blocks of k are summed in a buffer and then added.
  template <int Rows>
  static void blocks(const MatmulArgs<T>& args, std::size_t kc, std::size_t row, const T* init, T floor) {
    constexpr T no_floor = -std::numeric_limits<T>::infinity();
    static constexpr T zeros[kVectors * V::width] = {};
    const auto first = static_cast<std::ptrdiff_t>(row);
    const bool from_c = init == args.c;
    T* const c = args.c + first * args.c_row;
    const std::size_t steps = std::min(kc, args.k);
    tile<Rows>(args, row,
               {0, steps,
                from_c ? c
                : init ? init
                       : zeros,
                from_c ? args.c_row : 0, c, args.c_row, steps == args.k ? floor : no_floor});
    for (std::size_t p = steps; p < args.k; p += kc) {
      constexpr std::ptrdiff_t width = kVectors * V::width;
      T sums[Rows * width];
      const std::size_t left = std::min(kc, args.k - p);
      tile<Rows>(args, row, {p, left, zeros, 0, sums, width, no_floor});
      add_block<V>(Rows, args.n, sums, width, c, args.c_row, p + left == args.k ? floor : no_floor);
    }
  }

  template <int Rows>
  [[gnu::noinline]] static void tile(const MatmulArgs<T>& args, std::size_t first, const Steps& steps) {
    using simd::unroll;
    const auto row = static_cast<std::ptrdiff_t>(first), p0 = static_cast<std::ptrdiff_t>(steps.p);
    const std::ptrdiff_t last = static_cast<std::ptrdiff_t>(args.n) - V::width;
    const auto column = [&](auto j) TINYTORCH_INLINE { return j + 1 < kVectors ? j * V::width : last; };

    V sum[Rows][kVectors];
    unroll<Rows>([&](auto i) TINYTORCH_INLINE {
      unroll<kVectors>([&](auto j)
                           TINYTORCH_INLINE { sum[i][j] = V::load(steps.init + i * steps.init_row + column(j)); });
    });
    const T* a[Rows];
    unroll<Rows>([&](auto i) TINYTORCH_INLINE { a[i] = args.a + (row + i) * args.a_row + p0 * args.a_col; });
    const T *b = args.b + p0 * args.b_row, *b_last = b + last;
    for (std::size_t p = steps.k; p > 0; --p) {
      V line[kVectors];
      unroll<kVectors - 1>([&](auto j) TINYTORCH_INLINE { line[j] = V::load(b + j * V::width); });
      line[kVectors - 1] = V::load(b_last);
      unroll<Rows>([&](auto i) TINYTORCH_INLINE {
        const V x = V::load_splat(a[i]);
        unroll<kVectors>([&](auto j) TINYTORCH_INLINE { sum[i][j] = madd(Rounding{}, x, line[j], sum[i][j]); });
        a[i] += args.a_col;
      });
      b += args.b_row;
      b_last += args.b_row;
    }
    const V low = V::splat(steps.floor);
    unroll<Rows>([&](auto i) TINYTORCH_INLINE {
      T* const c = steps.out + i * steps.out_row;
      unroll<kVectors>([&](auto j) TINYTORCH_INLINE { at_least(sum[i][j], low).store(c + column(j)); });
    });
  }
};

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::detail
