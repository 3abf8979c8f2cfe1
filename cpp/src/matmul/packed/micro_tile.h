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
// the bias or C, and every step adds one product. A long k is several such sums (add_block.h), cut where k alone says.
// That is why results have the same bits for any number of threads and any split of m and n.
#include <atomic>
#include <cstddef>

#include "matmul/plan.h"
#include "simd/lanes.h"
#include "simd/unroll.h"

namespace tinytorch::detail {
inline namespace TINYTORCH_ISA {

/// What the microkernel is given: `tiles` tiles of the same size, one below the other. Strides in elements. A, B and
/// the sums have types of their own, which are one and the same in all rungs so far.
template <class Left, class Right = Left, class Sum = Left>
struct TileArgs {
  std::size_t tiles = 1;
  std::size_t k = 0;  ///< at least 1
  const Left* a = nullptr;
  std::ptrdiff_t a_row = 1;     ///< from row to row: packed, the tile's MR numbers of a step are neighbours
  std::ptrdiff_t a_step = 0;    ///< from step to step
  std::ptrdiff_t a_tile = 0;    ///< from tile to tile
  const Right* b = nullptr;     ///< the columns of a step are neighbours
  std::ptrdiff_t b_step = 0;    ///< from step to step
  const Sum* init = nullptr;    ///< what the sums start from: C itself, or one row of bias or zeros for all
  std::ptrdiff_t init_row = 0;  ///< from row to row of it
  Sum* c = nullptr;
  std::ptrdiff_t c_row = 0;
  Sum floor = 0;  ///< C = sum < floor ? floor : sum: zero for ReLU, minus infinity for nothing (NaN stays)
};

/// Packed: a_row is 1, and one pointer steps through A; else each row has its own. V is a vector of the type in which
/// is computed: it loads from A and B, and loads and stores sums.
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
    // The first step is before the loop for V8's sake. It computes `memory base + offset` of each splat load
    // with an instruction of its own; where the same value exists before the loop, it stays in a register.
    // Without, the 6x8 tile has 33 instructions a step instead of 27. The loop is not unrolled: by two, LLVM joins both
    // steps of a sum, and V8 runs out of registers (docs/benchmarks.md, "Tried and lost").
    step();
    for (std::size_t p = 1; p < args.k; ++p) step();

    const V floor = V::splat(args.floor);
    unroll<MR>([&](auto i) TINYTORCH_INLINE {
      unroll<NV>([&](auto j) TINYTORCH_INLINE { at_least(sum[i][j], floor).store(c + i * c_row + j * V::width); });
    });
  }
}

/// The tiles of one rung, of up to MR rows by NV vectors: the usual one, and those that finish a matrix, down to
/// MinRows by MinNV. Each is about a kilobyte of code; what is smaller still is padded (macrokernel.h). Any height can
/// be the main one, with the same bits. It is Main, with A read in place if few columns share the cost of a
/// copy, unless another is forced (set_tile).
template <class V, class Rounding, int MR, int MinRows, int NV, int MinNV, int Main = MR>
struct TileSet {
  using vector = V;
  using rounding = Rounding;
  using value_type = typename V::value_type;
  static constexpr std::size_t mr = MR, min_rows = MinRows;
  static constexpr std::size_t usual_rows = Main;  ///< and the most where A is read in place
  static constexpr std::size_t nr = NV * V::width, min_columns = MinNV * V::width;

  /// The tile to plan with: its rows where A is packed, and whether it is packed even where that need not be.
  [[nodiscard]] static TileChoice choice() noexcept {
    const TileChoice forced = forced_tile.load(std::memory_order_relaxed);
    return forced.rows >= MinRows && forced.rows <= MR ? forced : TileChoice{Main, false};
  }

  /// The tile of MinRows to MR rows by MinNV to NV vectors. Called by its name, because a call by pointer
  /// costs V8 more.
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
