#pragma once

// The microkernel: one register tile of C, MR rows by NV vectors, over kc steps of k.
//
//                 B panel: NV vectors a step
//                 +-----+-----+
//                 | b0  | b1  |  step p
//                 +-----+-----+
//        +----+   +-----+-----+
//        | a0 |   | c00 | c01 |        every step: NV loads of B, MR loads of A that copy one number into
//        | a1 |   | c10 | c11 |        all lanes, MR * NV multiply-adds. Nothing of C touches memory
//        | .. |   | ..  | ..  |        between the first step and the last.
//        +----+   +-----+-----+
//        step p
//
// Each element of C is the sum over p = 0, 1, ... in that order, whatever the tile, the block sizes or the
// place of the element: acc starts from C (or zero) and every step adds one product. That is why results have
// the same bits for any number of threads and any split of m and n, and why k blocks need no extra sums.
#include <cstddef>
#include <type_traits>

#include "simd/lanes.h"
#include "simd/unroll.h"

namespace tinytorch::detail {

/// What a tile is given. Strides in elements.
template <class T>
struct TileArgs {
  std::size_t k = 0;
  const T* a = nullptr;
  std::ptrdiff_t a_stride = 0;  ///< ByRows: from row to row; ByColumns: from step to step
  const T* b = nullptr;
  std::ptrdiff_t b_stride = 0;  ///< from step to step; the columns of a step are neighbours
  T* c = nullptr;
  std::ptrdiff_t c_stride = 0;
  const T* bias = nullptr;  ///< of the tile's columns; null: none
  bool load_c = false;      ///< start from C instead of zero
  bool relu = false;
};

/// How the tile finds A. ByRows: each row's steps are neighbours (row-major A as it stands). ByColumns: each
/// step's rows are neighbours (a packed panel, or a transposed A as it stands).
struct ByRows {};
struct ByColumns {};

template <class V, class Rounding, int MR, int NV, class Layout>
void micro_tile(const TileArgs<typename V::value_type>& args) {
  using T = typename V::value_type;
  using simd::unroll;
  constexpr bool by_rows = std::is_same_v<Layout, ByRows>;
  const std::ptrdiff_t a_stride = args.a_stride, b_stride = args.b_stride, c_stride = args.c_stride;
  const T* a[by_rows ? MR : 1];
  unroll<by_rows ? MR : 1>([&](auto i) TINYTORCH_INLINE { a[i] = args.a + i * a_stride; });
  const T* b = args.b;
  T* const c = args.c;

  V acc[MR][NV];
  if (args.load_c) {
    unroll<MR>([&](auto i) TINYTORCH_INLINE {
      unroll<NV>([&](auto j) TINYTORCH_INLINE { acc[i][j] = V::load(c + i * c_stride + j * V::width); });
    });
  } else {
    unroll<MR>([&](auto i) TINYTORCH_INLINE { unroll<NV>([&](auto j) TINYTORCH_INLINE { acc[i][j] = V::zero(); }); });
  }

  const auto splat_a = [&](auto i) TINYTORCH_INLINE {
    if constexpr (by_rows) {
      return V::load_splat(a[i]);
    } else {
      return V::load_splat(a[0] + i);
    }
  };
  const auto step = [&]() TINYTORCH_INLINE {
    // Whichever of the two sides needs fewer registers stays; the other passes through one of them.
    if constexpr (NV <= MR) {
      V row[NV];
      unroll<NV>([&](auto j) TINYTORCH_INLINE { row[j] = V::load(b + j * V::width); });
      unroll<MR>([&](auto i) TINYTORCH_INLINE {
        const V x = splat_a(i);
        unroll<NV>([&](auto j) TINYTORCH_INLINE { acc[i][j] = madd(Rounding{}, x, row[j], acc[i][j]); });
      });
    } else {
      V column[MR];
      unroll<MR>([&](auto i) TINYTORCH_INLINE { column[i] = splat_a(i); });
      unroll<NV>([&](auto j) TINYTORCH_INLINE {
        const V x = V::load(b + j * V::width);
        unroll<MR>([&](auto i) TINYTORCH_INLINE { acc[i][j] = madd(Rounding{}, column[i], x, acc[i][j]); });
      });
    }
    unroll<by_rows ? MR : 1>([&](auto i) TINYTORCH_INLINE { a[i] += by_rows ? 1 : a_stride; });
    b += b_stride;
  };
  // The first step stands before the loop for V8's sake: it computes `memory base + offset` of each splat
  // load with an instruction of its own, and keeps the sums in registers only if they exist before the loop.
  // Without: 33 instructions a step of the 6x8 tile instead of 27, 85 % of the peak instead of 98 %.
  // The loop is not unrolled: by two, LLVM reorders the steps, V8 spills, and the same tile falls to 71 %.
  step();
  for (std::size_t p = 1; p < args.k; ++p) step();

  if (args.bias) {
    unroll<NV>([&](auto j) TINYTORCH_INLINE {
      const V x = V::load(args.bias + j * V::width);
      unroll<MR>([&](auto i) TINYTORCH_INLINE { acc[i][j] = acc[i][j] + x; });
    });
  }
  if (args.relu) {
    unroll<MR>([&](auto i)
                   TINYTORCH_INLINE { unroll<NV>([&](auto j) TINYTORCH_INLINE { acc[i][j] = relu(acc[i][j]); }); });
  }
  unroll<MR>([&](auto i) TINYTORCH_INLINE {
    unroll<NV>([&](auto j) TINYTORCH_INLINE { acc[i][j].store(c + i * c_stride + j * V::width); });
  });
}

template <class T>
using MicroTile = void (*)(const TileArgs<T>&);

/// All heights and widths of a tile, so that the edges of C run the same code as its middle:
/// `micro_tiles<...>.by_rows[rows - 1][vectors - 1]`.
template <class V, class Rounding, int MR, int NV>
struct MicroTiles {
  using T = typename V::value_type;
  MicroTile<T> by_rows[MR][NV], by_columns[MR][NV];

  constexpr MicroTiles() : by_rows(), by_columns() {
    simd::unroll<MR>([&](auto i) {
      simd::unroll<NV>([&](auto j) {
        by_rows[i][j] = micro_tile<V, Rounding, i + 1, j + 1, ByRows>;
        by_columns[i][j] = micro_tile<V, Rounding, i + 1, j + 1, ByColumns>;
      });
    });
  }
};
template <class V, class Rounding, int MR, int NV>
inline constexpr MicroTiles<V, Rounding, MR, NV> micro_tiles{};

}  // namespace tinytorch::detail
