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
// The file has no intrinsics and no idea of the instruction set: that is in Tiles, a TileSet. Edge tiles are
// smaller tiles of the same code; what is smaller than the smallest is padded with zeros, computed, and only the part
// that exists is copied to C.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <limits>

#include "matmul/args.h"
#include "matmul/packed/add_block.h"
#include "matmul/packed/block_sizes.h"
#include "matmul/packed/in_place.h"
#include "matmul/packed/micro_tile.h"
#include "matmul/packed/narrow_product.h"
#include "matmul/packed/pack.h"
#include "matmul/packed/row_product.h"

namespace tinytorch::detail {

template <class Tiles>
class PackedProduct {
 public:
  using V = typename Tiles::vector;
  using T = typename Tiles::value_type;
  using Rows = RowProduct<V, typename Tiles::rounding>;
  using Narrow = NarrowProduct<V, typename Tiles::rounding>;

  /// Everything that is decided from the shape and strides alone, before anything is computed.
  explicit PackedProduct(const MatmulArgs<T>& args)
      : mr_(Tiles::chosen.load(std::memory_order_relaxed).rows),
        m_(args.m),
        n_(args.n),
        k_(args.k),
        kc_(block_of_k<T>(args.k)),
        mc_(even_step(args.m, kMaxMc, mr_)),
        nc_(even_step(args.n, kMaxNc, Tiles::nr)),
        pack_a_(!InPlace<Tiles>::reads_a(args)),
        pack_b_(!InPlace<Tiles>::reads_b(args)),
        keep_b_(pack_b_ && args.m > mc_),
        by_rows_(Rows::suits(args)),
        row_scratch_(by_rows_ ? Rows::workspace(args) : 0),
        narrow_(!by_rows_ && Narrow::suits(args)),
        keeping_b_pays_(InPlace<Tiles>::pays_to_keep_b(args)) {}

  /// Elements of scratch: the packed block of A, then that of B. The ways that pack nothing need none, or a row.
  [[nodiscard]] std::size_t workspace() const {
    if (by_rows_) return row_scratch_;
    if (narrow_) return 0;
    const std::size_t last = n_ % Tiles::nr;  // columns of the last panel, which is padded where they fill no vector
    const bool needs_b = pack_b_ || (last && panel_width(last) != last);
    return (pack_a_ ? a_elements() : 0) + (needs_b ? kc_ * (keep_b_ ? b_columns() : Tiles::nr) + kPackOverrun : 0);
  }

  /// Elements of B as `pack_b` lays it out, to be kept for many products: KernelArgs::packed_b.
  [[nodiscard]] static std::size_t packed_b_size(std::size_t k, std::size_t n) {
    const std::size_t last = n % Tiles::nr;
    return k * (n - last + (last ? panel_width(last) : 0)) + kPackOverrun;
  }

  /// All panels of B, each over the whole of k, one after the other.
  static void pack_b(const MatmulArgs<T>& args, T* out) {
    for (std::size_t j = 0; j < args.n; j += Tiles::nr) {
      const std::size_t columns = std::min(Tiles::nr, args.n - j), width = panel_width(columns);
      pack_panel<V>(columns, width, args.k, args.b + static_cast<std::ptrdiff_t>(j) * args.b_col, args.b_col,
                    args.b_row, out);
      out += width * args.k;
    }
  }

  /// What run() would pack of this product.
  [[nodiscard]] Packing packing() const {
    if (by_rows_ || narrow_) return {};
    const std::size_t blocks = (m_ + mc_ - 1) / mc_;
    if (!pack_a_) return {0, 0, pack_b_, keeping_b_pays_};
    return {blocks * packed_block(), blocks, pack_b_, keeping_b_pays_};
  }

  /// Blocks of A as run() wants them in KernelArgs::packed_a: all tiles of mc rows, each over the whole of k, and room
  /// for what pack_panel writes behind them, so that blocks can be packed at the same time.
  void pack_a_blocks(const MatmulArgs<T>& args, std::size_t first, std::size_t last, T* out) const {
    for (std::size_t i = first; i < last; ++i) {
      pack_a(args, i * mc_, std::min(mc_, m_ - i * mc_), 0, args.k, out + i * packed_block());
    }
  }

  void run(const KernelArgs<T>& args) const {
    assert(workspace() <= args.workspace_elements);
    if (args.accumulate && args.bias) add_bias(args);
    if constexpr (V::width > 1) {
      if (by_rows_) {
        run_by_rows(args);
        return;
      }
      if (narrow_) {
        Narrow::run(args, kc_, args.accumulate ? args.c : args.bias, floor_of(args));
        return;
      }
    }
    const bool in_place = !pack_a_ && !args.packed_a;
    const std::size_t height = in_place ? Tiles::usual_rows : mr_, least = in_place ? 1 : Tiles::min_rows;
    T* const a_block = args.workspace;
    T* const b_block = args.workspace + (pack_a_ ? a_elements() : 0);
    for (std::size_t jc = 0; jc < args.n; jc += nc_) {
      const std::size_t nc = std::min(nc_, args.n - jc);
      for (std::size_t pc = 0; pc < args.k; pc += kc_) {
        const std::size_t kc = std::min(kc_, args.k - pc);
        for (std::size_t ic = 0; ic < args.m; ic += mc_) {
          const std::size_t mc = std::min(mc_, args.m - ic);
          // Tiles packed elsewhere have all of k, those packed here kc steps.
          const std::size_t depth = args.packed_a ? args.k : kc;
          if (!in_place && !args.packed_a) pack_a(args, ic, mc, pc, kc, a_block);
          for (std::size_t jr = 0; jr < nc; jr += Tiles::nr) {
            const std::size_t columns = std::min(Tiles::nr, nc - jr);
            // With one block of rows a panel of B is used once: one place is enough for all.
            T* const place = keep_b_ ? b_block + jr * kc : b_block;
            const Panel b = b_panel(args, jc + jr, columns, pc, kc, ic == 0 || !keep_b_, place);
            const T* a = args.packed_a ? args.packed_a + ic / mc_ * packed_block() : a_block;
            for (std::size_t ir = 0; ir < mc;) {
              const TileRun run = next_tiles(mc - ir, height, least);
              multiply(args, in_place ? rows_in_place(args, ic + ir, pc, run) : packed_rows(args, a, depth, pc, run), b,
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
  /// A panel of B, packed or where it stands: `width` columns, of which `columns` are C's.
  struct Panel {
    const T* data;
    std::ptrdiff_t step;
    std::size_t column, columns, width;
  };

  /// The rows of A for tiles below each other, packed or where they stand.
  struct TileRows {
    const T* data;
    std::ptrdiff_t row, step, tile;
    bool in_place;
  };

  /// Of a panel with that many of C's columns.
  [[nodiscard]] static std::size_t panel_width(std::size_t columns) {
    return std::max(round_up(columns, V::width), Tiles::min_columns);
  }

  [[nodiscard]] std::size_t a_elements() const {
    return round_up((mc_ + Tiles::min_rows) * kc_ + kPackOverrun, 64 / sizeof(T));
  }
  [[nodiscard]] std::size_t b_columns() const { return round_up(nc_, Tiles::nr); }

  [[nodiscard]] static T floor_of(const MatmulArgs<T>& args) {
    return args.activation == Activation::relu ? T(0) : -std::numeric_limits<T>::infinity();
  }

  void run_by_rows(const KernelArgs<T>& args) const {
    const T floor = floor_of(args);
    for (std::size_t i = 0; i < args.m; ++i) {
      T* const c = args.c + static_cast<std::ptrdiff_t>(i) * args.c_row;
      Rows::run(args, kc_, args.a + static_cast<std::ptrdiff_t>(i) * args.a_row, args.accumulate ? c : args.bias, c,
                floor);
    }
  }

  void pack_a(const MatmulArgs<T>& args, std::size_t ic, std::size_t mc, std::size_t pc, std::size_t kc, T* out) const {
    for (std::size_t ir = 0; ir < mc;) {
      const TileRun run = next_tiles(mc - ir, mr_, Tiles::min_rows);
      for (std::size_t t = 0; t < run.tiles; ++t, ir += run.rows, out += run.height * kc) {
        const T* a =
            args.a + static_cast<std::ptrdiff_t>(ic + ir) * args.a_row + static_cast<std::ptrdiff_t>(pc) * args.a_col;
        pack_panel<V>(run.rows, run.height, kc, a, args.a_row, args.a_col, out);
      }
    }
  }

  [[nodiscard]] Panel b_panel(const KernelArgs<T>& args, std::size_t column, std::size_t columns, std::size_t pc,
                              std::size_t kc, bool pack, T* place) const {
    const std::size_t width = panel_width(columns);
    const auto packed_step = static_cast<std::ptrdiff_t>(width);
    if (args.packed_b) return {args.packed_b + column * args.k + pc * width, packed_step, column, columns, width};
    const T* const b =
        args.b + static_cast<std::ptrdiff_t>(pc) * args.b_row + static_cast<std::ptrdiff_t>(column) * args.b_col;
    if (!pack_b_ && width == columns) return {b, args.b_row, column, columns, width};
    if (pack) pack_panel<V>(columns, width, kc, b, args.b_col, args.b_row, place);
    return {place, packed_step, column, columns, width};
  }

  /// Of packed tiles that have `depth` steps.
  [[nodiscard]] static TileRows packed_rows(const KernelArgs<T>& args, const T* a, std::size_t depth, std::size_t pc,
                                            const TileRun& run) {
    return {args.packed_a ? a + pc * run.height : a, 1, static_cast<std::ptrdiff_t>(run.height),
            static_cast<std::ptrdiff_t>(run.height * depth), false};
  }
  [[nodiscard]] static TileRows rows_in_place(const KernelArgs<T>& args, std::size_t row, std::size_t pc,
                                              const TileRun& run) {
    const T* const a =
        args.a + static_cast<std::ptrdiff_t>(row) * args.a_row + static_cast<std::ptrdiff_t>(pc) * args.a_col;
    return {a, args.a_row, args.a_col, static_cast<std::ptrdiff_t>(run.height) * args.a_row, true};
  }

  /// Tiles below each other in one panel of C, over one block of k (add_block.h).
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

  /// Tiles of a block of k that is not the first: summed aside, then added to what exists of them in C.
  static void add_tiles(TileArgs<T> tile, const TileRun& run, const Panel& b, bool in_place) {
    T sums[std::max(kMaxMc, Tiles::mr) * Tiles::nr];
    T* const c = tile.c;
    const std::ptrdiff_t c_row = tile.c_row;
    const T floor = tile.floor;
    tile.c = sums;
    tile.c_row = static_cast<std::ptrdiff_t>(b.width);
    tile.floor = -std::numeric_limits<T>::infinity();
    run_tiles(run.height, b.width / V::width, tile, in_place);
    // Where tiles are padded there is only one, so the rows that exist follow each other.
    add_block<V>(run.tiles * run.rows, b.columns, sums, tile.c_row, c, c_row, floor);
  }

  /// One tile of which only `rows` x b.columns exist in C, by way of a full one.
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

  static void add_bias(const KernelArgs<T>& args) {
    for (std::size_t i = 0; i < args.m; ++i) {
      T* const row = args.c + static_cast<std::ptrdiff_t>(i) * args.c_row;
      for (std::size_t j = 0; j < args.n; ++j) row[j] += args.bias[j];
    }
  }

  [[nodiscard]] std::size_t packed_block() const {
    return round_up((mc_ + Tiles::min_rows) * k_ + kPackOverrun, 64 / sizeof(T));
  }

  std::size_t mr_;  ///< rows of the main tile
  std::size_t m_, n_, k_, kc_, mc_, nc_;
  bool pack_a_;   ///< else read where it stands
  bool pack_b_;   ///< else read where it stands
  bool keep_b_;   ///< packed panels are used by more than one block of rows
  bool by_rows_;  ///< too few rows for tiles
  std::size_t row_scratch_;
  bool narrow_;  ///< too few columns for packing
  bool keeping_b_pays_;
};

}  // namespace tinytorch::detail
