#pragma once

// A times a B of two to three vectors' width, such as the ten classes of a classifier: an element of A is used for one
// row of C only, too few times to earn back its copy into tiles, and B is small. So both are read where they stand.
//
//              B  +---+---+---+
//                 | 0 | 1 | 2 |       n = 10: vectors 0 and 1 are columns 0-3 and 4-7, vector 2 is columns 6-9. What
//                 +---+-+-+-+-+       two vectors share is computed twice, with the same bits, and stored twice:
//        A  +-+   | c   c   c |       nothing is padded.
//           |a|   | c   c   c |
//           |a|   | c   c   c |       3 rows x 3 vectors: 9 sums + 3 of B + 1 of A = 13 vector registers
//           +-+   +-----------+
//
// Measured in wasm, float32: 64x128x10 4.4 us, packed 7.2; 64x784x10 24 us, packed 35; with A transposed, 128x64x10,
// 4.4 us, packed 8.3.
//
// Each element of C adds its products one by one in the order of p: the same bits as any other tile.
#include <cstddef>
#include <cstdlib>

#include "matmul/args.h"
#include "simd/lanes.h"
#include "simd/unroll.h"

namespace tinytorch::detail {

template <class V, class Rounding>
class NarrowProduct {
 public:
  using T = typename V::value_type;

  /// Whether this is the way for such a product.
  [[nodiscard]] static bool suits(const MatmulArgs<T>& args) {
    return V::width > 1 && args.b_col == 1 && args.n > 2 * V::width && args.n <= kVectors * V::width &&
           args.k * static_cast<std::size_t>(std::abs(args.b_row)) <= kMostBytes / sizeof(T);
  }

  /// C = floor(init + A . B). `init` is C itself, one row of bias for all rows, or null for zeros.
  static void run(const MatmulArgs<T>& args, const T* init, T floor) {
    const std::size_t full = args.m / kRows * kRows;
    for (std::size_t i = 0; i < full; i += kRows) tile<kRows>(args, i, init, floor);
    for (std::size_t i = full; i < args.m; ++i) tile<1>(args, i, init, floor);
  }

 private:
  static constexpr int kRows = 3, kVectors = 3;
  /// Of B, which every tile reads from the second-level cache: 64x6000x10 (240 KB) 158 us, packed 238.
  static constexpr std::size_t kMostBytes = 256 * 1024;

  template <int Rows>
  [[gnu::noinline]] static void tile(const MatmulArgs<T>& args, std::size_t first, const T* init, T floor) {
    using simd::unroll;
    static constexpr T zeros[kVectors * V::width] = {};
    const auto row = static_cast<std::ptrdiff_t>(first);
    const std::ptrdiff_t last = static_cast<std::ptrdiff_t>(args.n) - V::width;
    const auto column = [&](auto j) TINYTORCH_INLINE { return j + 1 < kVectors ? j * V::width : last; };
    const bool from_c = init == args.c;
    if (from_c) init += row * args.c_row;
    if (!init) init = zeros;
    const std::ptrdiff_t init_row = from_c ? args.c_row : 0;

    V sum[Rows][kVectors];
    unroll<Rows>([&](auto i) TINYTORCH_INLINE {
      unroll<kVectors>([&](auto j) TINYTORCH_INLINE { sum[i][j] = V::load(init + i * init_row + column(j)); });
    });
    const T* a[Rows];
    unroll<Rows>([&](auto i) TINYTORCH_INLINE { a[i] = args.a + (row + i) * args.a_row; });
    const T *b = args.b, *b_last = args.b + last;
    for (std::size_t p = 0; p < args.k; ++p) {
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
    const V low = V::splat(floor);
    unroll<Rows>([&](auto i) TINYTORCH_INLINE {
      T* const c = args.c + (row + i) * args.c_row;
      unroll<kVectors>([&](auto j) TINYTORCH_INLINE { at_least(sum[i][j], low).store(c + column(j)); });
    });
  }
};

}  // namespace tinytorch::detail
