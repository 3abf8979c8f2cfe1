#pragma once

// Matrices so small that nothing has to be decided: both are read in place, k is not cut, and whole tiles fill C. The
// tiles are the same as everywhere; this saves the macrokernel's arithmetic before and between them.
#include <algorithm>
#include <cstddef>
#include <limits>

#include "matmul/args.h"
#include "matmul/packed/block_sizes.h"
#include "matmul/packed/in_place.h"
#include "matmul/packed/micro_tile.h"
#include "simd/lanes.h"

namespace tinytorch::detail {
inline namespace TINYTORCH_ISA {

/// Columns and steps of the largest small product.
inline constexpr std::size_t kMostSmall = 128;

template <class Tiles>
class SmallProduct {
 public:
  using V = typename Tiles::vector;
  using T = typename Tiles::value_type;

  /// Whether this is the way for such a product. Beyond these sizes the macrokernel is as fast (docs/benchmarks.md,
  /// "Choices").
  [[nodiscard]] static bool suits(const MatmulArgs<T>& args, TileChoice tile) {
    return V::width > 1 && args.m >= kLeastRows && args.m <= kMaxMc && args.k <= kMost && args.n <= kMost &&
           args.n % V::width == 0 && args.b_col == 1 && args.b_row >= 0 && args.b_row <= kMostStride &&
           InPlace<Tiles>::reads_a(args, tile);
  }

  static void run(const KernelArgs<T>& args) {
    static constexpr T zeros[kMost] = {};
    TileArgs<T> tile;
    tile.k = args.k;
    tile.a_row = args.a_row;
    tile.a_step = args.a_col;
    tile.b_step = args.b_row;
    tile.c_row = args.c_row;
    tile.init_row = args.accumulate ? args.c_row : 0;
    tile.floor = args.activation == Activation::relu ? T(0) : -std::numeric_limits<T>::infinity();
    const T* const init = args.accumulate ? args.c : args.bias ? args.bias : zeros;
    for (std::size_t row = 0; row < args.m;) {
      const TileRun run = next_tiles(args.m - row, Tiles::usual_rows, 1);
      const auto first = static_cast<std::ptrdiff_t>(row);
      tile.tiles = run.tiles;
      tile.a = args.a + first * args.a_row;
      tile.a_tile = static_cast<std::ptrdiff_t>(run.height) * args.a_row;
      for (std::size_t column = 0; column < args.n; column += Tiles::nr) {
        tile.b = args.b + column;
        tile.init = init + first * tile.init_row + column;
        tile.c = args.c + first * args.c_row + column;
        Tiles::run_in_place(run.height, std::min(Tiles::nr, args.n - column) / V::width, tile);
      }
      row += run.tiles * run.rows;
    }
  }

 private:
  static constexpr std::size_t kLeastRows = 4, kMost = kMostSmall;
  static constexpr std::ptrdiff_t kMostStride = 256;
};

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::detail
