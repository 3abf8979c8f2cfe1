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
// Each sum is over p = 0, 1, ... in that order, whatever the tile or the place of the element: it starts from zero,
// the bias or C, and every step adds one product. A long k is cut into several such sums (add_block.h), at places that
// depend on k alone. So results have the same bits for any number of threads and any split of m and n.
#include <atomic>
#include <cstddef>

#include "matmul/plan.h"
#include "simd/lanes.h"
#include "simd/unroll.h"

namespace tinytorch::detail {
inline namespace TINYTORCH_ISA {

/// What the microkernel is given: `tiles` tiles of the same size, one below the other. Strides in elements. A, B and
/// the sums may have different types; in all rungs so far they have the same.
template <class Left, class Right = Left, class Sum = Left>
struct TileArgs {
  std::size_t tiles = 1;
  std::size_t k = 0;  ///< at least 1
  const Left* a = nullptr;
  std::ptrdiff_t a_row = 1;     ///< from row to row; 1 if packed: the tile's MR numbers of a step are neighbours
  std::ptrdiff_t a_step = 0;    ///< from step to step
  std::ptrdiff_t a_tile = 0;    ///< from tile to tile
  const Right* b = nullptr;     ///< the columns of a step are neighbours
  std::ptrdiff_t b_step = 0;    ///< from step to step
  const Sum* init = nullptr;    ///< what the sums start from: C itself, or one row of bias or zeros for all
  std::ptrdiff_t init_row = 0;  ///< from row to row of `init`
  Sum* c = nullptr;
  std::ptrdiff_t c_row = 0;
  Sum floor = 0;  ///< C = sum < floor ? floor : sum: zero for ReLU, minus infinity for nothing (NaN stays)
};

/// Packed: a_row is 1, and one pointer steps through A; else each row has its own. V is a vector of the type of the
/// computation: it loads from A and B, and loads and stores sums.
template <class V, class Rounding, int MR, int NV, bool Packed = true, class Left, class Right, class Sum>
[[gnu::noinline]] void micro_tile(const TileArgs<Left, Right, Sum>& args) {
  using simd::unroll;
  const std::ptrdiff_t a_step = args.a_step, b_step = args.b_step, init_row = args.init_row, c_row = args.c_row;
  const Left* a_tile = args.a;
  const Sum* init = args.init;
  Sum* c = args.c;
  for (std::size_t t = args.tiles; t > 0; --t, a_tile += args.a_tile, init += MR * init_row, c += MR * c_row) {
    constexpr int pointers = Packed ? 1 : MR;
    const Left* a[pointers];
    unroll<pointers>([&](auto i) TINYTORCH_INLINE { a[i] = a_tile + i * args.a_row; });
    const Right* b = args.b;
    V sum[MR][NV];
    unroll<MR>([&](auto i) TINYTORCH_INLINE {
      unroll<NV>([&](auto j) TINYTORCH_INLINE { sum[i][j] = V::load(init + i * init_row + j * V::width); });
    });
    const auto step = [&]() TINYTORCH_INLINE {
      V row[NV];
      unroll<NV>([&](auto j) TINYTORCH_INLINE { row[j] = V::load(b + j * V::width); });
      unroll<MR>([&](auto i) TINYTORCH_INLINE {
        const V x = V::load_splat(Packed ? a[0] + i : a[Packed ? 0 : i]);
        unroll<NV>([&](auto j) TINYTORCH_INLINE { sum[i][j] = madd(Rounding{}, x, row[j], sum[i][j]); });
      });
      unroll<pointers>([&](auto i) TINYTORCH_INLINE { a[i] += a_step; });
      b += b_step;
    };
    // The first step is before the loop because of V8. V8 computes `memory base + offset` of each splat load with an
    // instruction of its own, at every step, unless the same value exists before the loop and stays in a register.
    // The loop is not unrolled: LLVM would join the steps of a sum, and V8 would run out of registers
    // (docs/benchmarks.md, "Tried and lost", has both).
    step();
    for (std::size_t p = 1; p < args.k; ++p) step();

    const V floor = V::splat(args.floor);
    unroll<MR>([&](auto i) TINYTORCH_INLINE {
      unroll<NV>([&](auto j) TINYTORCH_INLINE { at_least(sum[i][j], floor).store(c + i * c_row + j * V::width); });
    });
  }
}

/// The tiles of one rung, of up to MR rows by NV vectors: the main one, and those that finish a matrix, down to MinRows
/// by MinNV. Each adds code, so a still smaller edge has no tile of its own and is padded (macrokernel.h).
///
/// The main tile has Main rows, unless set_tile() forces another height; the bits are the same for all of them. If few
/// columns share the cost of copying A, A is read in place.
template <class V, class Rounding, int MR, int MinRows, int NV, int MinNV, int Main = MR>
struct TileSet {
  using vector = V;
  using rounding = Rounding;
  using value_type = typename V::value_type;
  static constexpr std::size_t mr = MR, min_rows = MinRows;
  static constexpr std::size_t usual_rows = Main;  ///< also the most rows if A is read in place
  static constexpr std::size_t nr = NV * V::width, min_columns = MinNV * V::width;

  /// The tile to plan with: its rows if A is packed, and whether A is packed even where it could be read in place.
  [[nodiscard]] static TileChoice choice() noexcept {
    const TileChoice forced = forced_tile.load(std::memory_order_relaxed);
    return forced.rows >= MinRows && forced.rows <= MR ? forced : TileChoice{Main, false};
  }

  /// Runs the tile of MinRows to MR rows by MinNV to NV vectors. It is called by its name, because a call by pointer
  /// is slower in V8 (docs/benchmarks.md, "Choices").
  static void run(std::size_t rows, std::size_t vectors, const TileArgs<value_type>& tile) {
    simd::unroll<MR - MinRows + 1>([&](auto i) {
      simd::unroll<NV - MinNV + 1>([&](auto j) {
        if (rows == MinRows + i && vectors == MinNV + j) micro_tile<V, Rounding, MinRows + i, MinNV + j>(tile);
      });
    });
  }
  /// The same for 1 to Main rows of an A that is not packed.
  static void run_in_place(std::size_t rows, std::size_t vectors, const TileArgs<value_type>& tile) {
    simd::unroll<Main>([&](auto i) {
      simd::unroll<NV - MinNV + 1>([&](auto j) {
        if (rows == 1 + i && vectors == MinNV + j) micro_tile<V, Rounding, 1 + i, MinNV + j, false>(tile);
      });
    });
  }
};

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::detail
