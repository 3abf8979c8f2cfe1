#pragma once

// The packed matrix product in the structure of BLIS (Van Zee and van de Geijn, "BLIS: a framework for rapidly
// instantiating BLAS functionality", 2015): five loops around a microkernel.
//
//     jc: nc columns of B and C          (last-level cache)
//       pc: kc steps                     -> B block kc x nc
//         ic: mc rows of A and C         -> A block mc x kc (second level)
//           jr: NR columns               -> B panel kc x NR (first level)
//             ir: MR rows                -> micro_tile (registers; its own loop over full tiles)
//
// The file has no intrinsics and does not know the instruction set: that is in Tiles, a TileSet. Edge tiles are smaller
// tiles of the same code. An edge that is smaller than the smallest tile is padded: the whole tile is computed, and
// only the part that exists is copied to C.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "matmul/args.h"
#include "matmul/packed/add_block.h"
#include "matmul/packed/block_sizes.h"
#include "matmul/packed/in_place.h"
#include "matmul/packed/micro_tile.h"
#include "matmul/packed/narrow_product.h"
#include "matmul/packed/pack.h"
#include "matmul/packed/row_product.h"
#include "matmul/plan.h"
#include "simd/lanes.h"

namespace tinytorch::detail {
inline namespace TINYTORCH_ISA {

template <class Tiles>
class PackedProduct {
 public:
  using V = typename Tiles::vector;
  using T = typename Tiles::value_type;
  using Rows = RowProduct<V, typename Tiles::rounding>;
  using Narrow = NarrowProduct<V, typename Tiles::rounding>;

  explicit PackedProduct(const SinglePlan& plan) : plan_(plan) {}

  static void plan(const MatmulArgs<T>& args, Given given, TileChoice tile, SinglePlan& plan) {
    plan.kc = static_cast<std::uint32_t>(block_of_k<T>(args.k));
    if (Rows::suits(args)) {
      plan.way = Way::rows;
      plan.sums.size = plan.scratch = Rows::sums(args);
      return;
    }
    if (Narrow::suits(args)) {
      plan.way = Way::narrow;
      return;
    }
    plan.way = Way::blocks;
    plan.a = given.a ? From::given : InPlace<Tiles>::reads_a(args, tile) ? From::place : From::copy;
    plan.b = given.b ? From::given : InPlace<Tiles>::reads_b(args) ? From::place : From::copy;
    plan.tile_rows = plan.a == From::place ? Tiles::usual_rows : tile.rows;
    plan.tile_columns = Tiles::nr;
    const std::size_t mc = even_step(args.m, kMaxMc, plan.tile_rows), nc = even_step(args.n, kMaxNc, Tiles::nr);
    plan.mc = static_cast<std::uint32_t>(mc);
    plan.nc = static_cast<std::uint32_t>(nc);
    plan.reuses_b = plan.b == From::copy && args.m > mc;
    if (plan.a == From::copy) plan.a_copy.size = rows_of_a(mc, plan.kc);
    if (plan.a == From::given) plan.a_block = rows_of_a(mc, args.k);
    const std::size_t last =
        args.n % Tiles::nr;  // columns of the last panel, which is padded where they fill no vector
    const bool copies_b = plan.b == From::copy || (plan.b == From::place && last && panel_width(last) != last);
    const std::size_t columns = plan.reuses_b ? round_up(nc, Tiles::nr) : Tiles::nr;
    if (copies_b) plan.b_copy = {plan.a_copy.size, plan.kc * columns + kPackOverrun};
    plan.scratch = plan.a_copy.size + plan.b_copy.size;
  }

  /// Whether such products are faster with kept panels of B.
  [[nodiscard]] static bool keeping_b_pays(const MatmulArgs<T>& args) {
    return !Rows::suits(args) && !Narrow::suits(args) && InPlace<Tiles>::pays_to_keep_b(args);
  }

  /// Elements of B as `pack_b` lays it out, to be kept for many products: KernelArgs::packed_b.
  [[nodiscard]] static std::size_t packed_b_size(std::size_t k, std::size_t n) {
    const std::size_t last = n % Tiles::nr;
    return k * (n - last + (last ? panel_width(last) : 0)) + kPackOverrun;
  }

  /// Packs all panels of B, each over the whole of k, one after the other.
  static void pack_b(const MatmulArgs<T>& args, T* out) {
    for (std::size_t j = 0; j < args.n; j += Tiles::nr) {
      const std::size_t columns = std::min(Tiles::nr, args.n - j), width = panel_width(columns);
      pack_panel<V>(columns, width, args.k, source_of_b(args, 0, j), out);
      out += width * args.k;
    }
  }

  /// Packs blocks of A as run() reads them from KernelArgs::packed_a: all tiles of mc rows, each over the whole of k.
  /// Each block has room behind it for what pack_panel writes too far, so that threads can pack blocks side by side.
  void pack_a_blocks(const MatmulArgs<T>& args, std::size_t first, std::size_t last, T* out) const {
    const std::size_t mc = plan_.mc;
    for (std::size_t i = first; i < last; ++i) {
      pack_a(args, i * mc, std::min(mc, args.m - i * mc), 0, args.k, out + i * plan_.a_block);
    }
  }

  void run(const KernelArgs<T>& args) const {
    assert(plan_.scratch <= args.workspace_elements);
    assert(!(args.accumulate && args.bias));
    if constexpr (V::width > 1) {
      if (plan_.way == Way::rows) {
        run_by_rows(args);
        return;
      }
      if (plan_.way == Way::narrow) {
        Narrow::run(args, plan_.kc, args.accumulate ? args.c : args.bias, floor_of(args));
        return;
      }
    }
    const bool in_place = plan_.a == From::place, given_a = plan_.a == From::given;
    const std::size_t height = plan_.tile_rows, least = in_place ? 1 : Tiles::min_rows;
    const std::size_t max_mc = plan_.mc, max_kc = plan_.kc, max_nc = plan_.nc;
    T* const a_block = args.workspace + plan_.a_copy.at;
    T* const b_block = args.workspace + plan_.b_copy.at;
    for (std::size_t jc = 0; jc < args.n; jc += max_nc) {
      const std::size_t nc = std::min(max_nc, args.n - jc);
      for (std::size_t pc = 0; pc < args.k; pc += max_kc) {
        const std::size_t kc = std::min(max_kc, args.k - pc);
        for (std::size_t ic = 0; ic < args.m; ic += max_mc) {
          const std::size_t mc = std::min(max_mc, args.m - ic);
          // Tiles of a given A have all of k, those packed here have kc steps.
          const std::size_t depth = given_a ? args.k : kc;
          if (plan_.a == From::copy) pack_a(args, ic, mc, pc, kc, a_block);
          for (std::size_t jr = 0; jr < nc; jr += Tiles::nr) {
            const std::size_t columns = std::min(Tiles::nr, nc - jr);
            // With one block of rows each panel of B is used once, so all panels can use one place.
            T* const place = plan_.reuses_b ? b_block + jr * kc : b_block;
            const Panel b = b_panel(args, jc + jr, columns, pc, kc, ic == 0 || !plan_.reuses_b, place);
            const T* a = given_a ? args.packed_a + ic / max_mc * plan_.a_block : a_block;
            for (std::size_t ir = 0; ir < mc;) {
              const TileRun run = next_tiles(mc - ir, height, least);
              multiply(args, in_place ? rows_in_place(args, ic + ir, pc, run) : packed_rows(a, depth, pc, run), b,
                       ic + ir, run, pc, kc);
              if (!in_place) a += run.tiles * run.height * depth;
              ir += run.tiles * run.rows;
            }
          }
        }
      }
    }
  }

 private:
  /// A panel of B, packed or in place: `width` columns, of which `columns` are C's.
  struct Panel {
    const T* data;
    std::ptrdiff_t step;
    std::size_t column, columns, width;
  };

  /// The rows of A for tiles below each other, packed or in place.
  struct TileRows {
    const T* data;
    std::ptrdiff_t row, step, tile;
    bool in_place;
  };

  /// The width of a panel with that many of C's columns.
  [[nodiscard]] static std::size_t panel_width(std::size_t columns) {
    return std::max(round_up(columns, V::width), Tiles::min_columns);
  }

  /// A from one of its rows on, B from one of its columns on, both from step p.
  [[nodiscard]] static StridedSource<T> source_of_a(const MatmulArgs<T>& args, std::size_t row, std::size_t p) {
    const StridedSource<T> all{args.a, args.a_row, args.a_col};
    return {all.at(row, p), all.line, all.step};
  }
  [[nodiscard]] static StridedSource<T> source_of_b(const MatmulArgs<T>& args, std::size_t p, std::size_t column) {
    const StridedSource<T> all{args.b, args.b_col, args.b_row};
    return {all.at(column, p), all.line, all.step};
  }

  /// Elements of the packed tiles of that many rows of A, and of what pack_panel writes behind them.
  [[nodiscard]] static std::size_t rows_of_a(std::size_t rows, std::size_t k) {
    return round_up((rows + Tiles::min_rows) * k + kPackOverrun, 64 / sizeof(T));
  }

  [[nodiscard]] static T floor_of(const MatmulArgs<T>& args) {
    return args.activation == Activation::relu ? T(0) : -std::numeric_limits<T>::infinity();
  }

  void run_by_rows(const KernelArgs<T>& args) const {
    const T floor = floor_of(args);
    for (std::size_t i = 0; i < args.m; ++i) {
      T* const c = args.c + static_cast<std::ptrdiff_t>(i) * args.c_row;
      Rows::run(args, plan_.kc, args.a + static_cast<std::ptrdiff_t>(i) * args.a_row, args.accumulate ? c : args.bias,
                c, floor);
    }
  }

  void pack_a(const MatmulArgs<T>& args, std::size_t ic, std::size_t mc, std::size_t pc, std::size_t kc, T* out) const {
    for (std::size_t ir = 0; ir < mc;) {
      const TileRun run = next_tiles(mc - ir, plan_.tile_rows, Tiles::min_rows);
      for (std::size_t t = 0; t < run.tiles; ++t, ir += run.rows, out += run.height * kc) {
        pack_panel<V>(run.rows, run.height, kc, source_of_a(args, ic + ir, pc), out);
      }
    }
  }

  [[nodiscard]] Panel b_panel(const KernelArgs<T>& args, std::size_t column, std::size_t columns, std::size_t pc,
                              std::size_t kc, bool pack, T* place) const {
    const std::size_t width = panel_width(columns);
    const auto packed_step = static_cast<std::ptrdiff_t>(width);
    if (plan_.b == From::given)
      return {args.packed_b + column * args.k + pc * width, packed_step, column, columns, width};
    const StridedSource<T> b = source_of_b(args, pc, column);
    if (plan_.b == From::place && width == columns) return {b.data, args.b_row, column, columns, width};
    if (pack) pack_panel<V>(columns, width, kc, b, place);
    return {place, packed_step, column, columns, width};
  }

  /// The rows of packed tiles that have `depth` steps.
  [[nodiscard]] TileRows packed_rows(const T* a, std::size_t depth, std::size_t pc, const TileRun& run) const {
    return {plan_.a == From::given ? a + pc * run.height : a, 1, static_cast<std::ptrdiff_t>(run.height),
            static_cast<std::ptrdiff_t>(run.height * depth), false};
  }
  [[nodiscard]] static TileRows rows_in_place(const KernelArgs<T>& args, std::size_t row, std::size_t pc,
                                              const TileRun& run) {
    return {source_of_a(args, row, pc).data, args.a_row, args.a_col,
            static_cast<std::ptrdiff_t>(run.height) * args.a_row, true};
  }

  /// Computes tiles below each other in one panel of C, over one block of k (add_block.h).
  void multiply(const KernelArgs<T>& args, const TileRows& a, const Panel& b, std::size_t row, const TileRun& run,
                std::size_t pc, std::size_t kc) const {
    static constexpr T zeros[Tiles::nr] = {};
    TileArgs<T> tile;
    tile.tiles = run.tiles;
    tile.k = kc;
    tile.a = a.data;
    tile.a_row = a.row;
    tile.a_step = a.step;
    tile.a_tile = a.tile;
    tile.b = b.data;
    tile.b_step = b.step;
    tile.c = args.c + static_cast<std::ptrdiff_t>(row) * args.c_row + b.column;
    tile.c_row = args.c_row;
    const bool relu = args.activation == Activation::relu && pc + kc == args.k;
    tile.floor = relu ? T(0) : -std::numeric_limits<T>::infinity();
    if (pc > 0) {
      tile.init = zeros;
      add_tiles(tile, run, b, a.in_place);
      return;
    }
    if (args.accumulate) {
      tile.init = tile.c;
      tile.init_row = tile.c_row;
    } else {
      tile.init = args.bias ? args.bias + b.column : zeros;
    }

    if (b.columns == b.width && run.rows == run.height) {
      run_tiles(run.height, b.width / V::width, tile, a.in_place);
      return;
    }
    tile.tiles = 1;
    for (std::size_t t = 0; t < run.tiles; ++t) {
      multiply_padded(tile, run, b, a.in_place);
      tile.a += tile.a_tile;
      tile.c += static_cast<std::ptrdiff_t>(run.rows) * tile.c_row;
      tile.init += static_cast<std::ptrdiff_t>(run.rows) * tile.init_row;
    }
  }

  /// Computes tiles over a block of k that is not the first, in a buffer. The part that exists in C is then added to C.
  static void add_tiles(TileArgs<T> tile, const TileRun& run, const Panel& b, bool in_place) {
    T sums[std::max(kMaxMc, Tiles::mr) * Tiles::nr];
    T* const c = tile.c;
    const std::ptrdiff_t c_row = tile.c_row;
    const T floor = tile.floor;
    tile.c = sums;
    tile.c_row = static_cast<std::ptrdiff_t>(b.width);
    tile.floor = -std::numeric_limits<T>::infinity();
    run_tiles(run.height, b.width / V::width, tile, in_place);
    // If tiles are padded, there is only one tile, so the rows that exist follow each other.
    add_block<V>(run.tiles * run.rows, b.columns, sums, tile.c_row, c, c_row, floor);
  }

  /// Computes one full tile in a buffer and copies to C the part that exists there, `rows` x b.columns.
  static void multiply_padded(TileArgs<T> tile, const TileRun& run, const Panel& b, bool in_place) {
    const std::size_t rows = run.rows;
    T buffer[Tiles::mr * Tiles::nr] = {};
    T* const c = tile.c;
    const std::ptrdiff_t c_row = tile.c_row;
    const std::size_t init_rows = tile.init_row == 0 ? 1 : rows;
    for (std::size_t i = 0; i < init_rows; ++i) {
      std::copy_n(tile.init + static_cast<std::ptrdiff_t>(i) * tile.init_row, b.columns, buffer + i * b.width);
    }
    tile.init = tile.c = buffer;
    tile.c_row = static_cast<std::ptrdiff_t>(b.width);
    if (tile.init_row != 0) tile.init_row = tile.c_row;
    run_tiles(run.height, b.width / V::width, tile, in_place);
    for (std::size_t i = 0; i < rows; ++i) {
      std::copy_n(buffer + i * b.width, b.columns, c + static_cast<std::ptrdiff_t>(i) * c_row);
    }
  }

  static void run_tiles(std::size_t height, std::size_t vectors, const TileArgs<T>& tile, bool in_place) {
    if constexpr (V::width > 1) {
      if (in_place) return Tiles::run_in_place(height, vectors, tile);
    }
    Tiles::run(height, vectors, tile);
  }

  const SinglePlan& plan_;
};

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::detail
