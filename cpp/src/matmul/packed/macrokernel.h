#pragma once

// The packed matrix product in the structure of BLIS (Van Zee and van de Geijn, "BLIS: a framework for rapidly
// instantiating BLAS functionality", 2015): five loops around a microkernel.
//
//     jc: nc columns of B and C          (last-level cache)
//       pc: kc steps                     -> B block kc x nc
//         ic: mc rows of A and C         -> A block mc x kc (second level)
//           jr: NR columns               -> B panel kc x NR (first level)
//             ir: MR rows                -> micro_tile (registers)
//
// The file has no intrinsics and no idea of the instruction set: V is its vector, Rounding how it multiplies and
// adds. Edge tiles are tiles of smaller templates; only a last panel whose columns do not fill a vector goes through
// a small buffer.
#include <algorithm>
#include <cstddef>

#include "matmul/args.h"
#include "matmul/packed/block_sizes.h"
#include "matmul/packed/micro_tile.h"
#include "matmul/packed/pack.h"

namespace tinytorch::detail {

/// How one product is carried out: decided from the shape and strides alone, before anything is computed.
struct PackedPlan {
  std::size_t mc = 0, kc = 0, nc = 0;
  bool pack_a = false, pack_b = false;
};

template <class V, class Rounding, int MR, int NV>
class PackedProduct {
 public:
  using T = typename V::value_type;
  static constexpr std::size_t kVector = V::width;
  static constexpr std::size_t kNr = NV * V::width;

  explicit PackedProduct(const MatmulArgs<T>& args) : plan_(make_plan(args)) {}

  /// Elements of scratch: the packed block of A, then that of B.
  [[nodiscard]] static std::size_t workspace(const MatmulArgs<T>& args) {
    const PackedPlan plan = make_plan(args);
    return a_elements(plan) + b_elements(args, plan);
  }

  void run(const KernelArgs<T>& args) const {
    T* const a_block = args.workspace;
    T* const b_block = args.workspace + a_elements(plan_);
    for (std::size_t jc = 0; jc < args.n; jc += plan_.nc) {
      const std::size_t nc = std::min(plan_.nc, args.n - jc);
      for (std::size_t pc = 0; pc < args.k; pc += plan_.kc) {
        const std::size_t kc = std::min(plan_.kc, args.k - pc);
        for (std::size_t ic = 0; ic < args.m; ic += plan_.mc) {
          const std::size_t mc = std::min(plan_.mc, args.m - ic);
          if (plan_.pack_a) pack_a_block(args, ic, mc, pc, kc, a_block);
          for (std::size_t jr = 0; jr < nc; jr += kNr) {
            const Panel b = b_panel(args, jc + jr, std::min(kNr, nc - jr), pc, kc, ic == 0, jr, b_block);
            for (std::size_t ir = 0; ir < mc;) {
              const std::size_t rows = tile_height(mc - ir, MR);
              tile(args, b, ic + ir, rows, a_block + ir * kc, pc, kc);
              ir += rows;
            }
          }
        }
      }
    }
  }

 private:
  /// A panel of B, packed or where it stands.
  struct Panel {
    const T* data;
    std::ptrdiff_t stride;
    std::size_t column, columns;
  };

  [[nodiscard]] static PackedPlan make_plan(const MatmulArgs<T>& args) {
    PackedPlan plan;
    plan.kc = even_step(args.k, kMaxKc<T>, 1);
    plan.mc = even_step(args.m, kMaxMc, MR);
    plan.nc = even_step(args.n, kMaxNc, kNr);
    plan.pack_b = args.b_col != 1 || args.m > 2 * MR;
    plan.pack_a = (args.a_col != 1 && args.a_row != 1) || args.n > 4 * kNr;
    return plan;
  }

  [[nodiscard]] static std::size_t a_elements(const PackedPlan& plan) {
    constexpr std::size_t line = 64 / sizeof(T);
    return plan.pack_a ? (plan.mc * plan.kc + kPackAOverrun + line - 1) / line * line : 0;
  }
  /// One panel is enough where each is used for one block of rows only, and for the partial last one of a B that
  /// is read where it stands.
  [[nodiscard]] static bool keeps_b(const MatmulArgs<T>& args, const PackedPlan& plan) {
    return plan.pack_b && args.m > plan.mc;
  }
  [[nodiscard]] static std::size_t b_elements(const MatmulArgs<T>& args, const PackedPlan& plan) {
    return plan.kc * (keeps_b(args, plan) ? (plan.nc + kNr - 1) / kNr * kNr : kNr);
  }

  static void pack_a_block(const KernelArgs<T>& args, std::size_t ic, std::size_t mc, std::size_t pc, std::size_t kc,
                           T* out) {
    for (std::size_t ir = 0; ir < mc;) {
      const std::size_t rows = tile_height(mc - ir, MR);
      pack_a_panel<V>(rows, kc, a_at(args, ic + ir, pc), args.a_row, args.a_col, out + ir * kc);
      ir += rows;
    }
  }

  [[nodiscard]] Panel b_panel(const KernelArgs<T>& args, std::size_t column, std::size_t columns, std::size_t pc,
                              std::size_t kc, bool first_rows, std::size_t jr, T* b_block) const {
    const std::size_t width = (columns + kVector - 1) / kVector * kVector;
    if (args.packed_b) {
      return {args.packed_b + column * args.k + pc * width, static_cast<std::ptrdiff_t>(width), column, columns};
    }
    const T* const b =
        args.b + static_cast<std::ptrdiff_t>(pc) * args.b_row + static_cast<std::ptrdiff_t>(column) * args.b_col;
    if (!plan_.pack_b && width == columns) return {b, args.b_row, column, columns};
    const bool keep = keeps_b(args, plan_);
    T* const out = keep ? b_block + jr * kc : b_block;
    if (first_rows || !keep) pack_b_panel<V>(kc, columns, width, b, args.b_row, args.b_col, out);
    return {out, static_cast<std::ptrdiff_t>(width), column, columns};
  }

  void tile(const KernelArgs<T>& args, const Panel& b, std::size_t row, std::size_t rows, const T* packed_a,
            std::size_t pc, std::size_t kc) const {
    constexpr const auto& tiles = micro_tiles<V, Rounding, MR, NV>;
    const bool last = pc + kc == args.k;
    const std::size_t vectors = (b.columns + kVector - 1) / kVector;
    const bool by_rows = !plan_.pack_a && args.a_col == 1;

    TileArgs<T> tile;
    tile.k = kc;
    tile.a = plan_.pack_a ? packed_a : a_at(args, row, pc);
    tile.a_stride = plan_.pack_a ? static_cast<std::ptrdiff_t>(rows) : by_rows ? args.a_row : args.a_col;
    tile.b = b.data;
    tile.b_stride = b.stride;
    tile.c = args.c + static_cast<std::ptrdiff_t>(row) * args.c_row + b.column;
    tile.c_stride = args.c_row;
    tile.bias = last && args.bias ? args.bias + b.column : nullptr;
    tile.load_c = args.accumulate || pc > 0;
    tile.relu = last && args.activation == Activation::relu;
    const MicroTile<T> microkernel = (by_rows ? tiles.by_rows : tiles.by_columns)[rows - 1][vectors - 1];
    if (vectors * kVector == b.columns) {
      microkernel(tile);
    } else {
      run_partial(microkernel, tile, rows, b.columns, vectors * kVector);
    }
  }

  /// The same tile on a copy of C (and bias) that is a whole number of vectors wide.
  static void run_partial(MicroTile<T> microkernel, TileArgs<T> tile, std::size_t rows, std::size_t columns,
                          std::size_t width) {
    T buffer[MR * kNr], bias[kNr] = {};
    T* const c = tile.c;
    if (tile.load_c) {
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < width; ++j) {
          buffer[i * width + j] = j < columns ? c[static_cast<std::ptrdiff_t>(i) * tile.c_stride + j] : T(0);
        }
      }
    }
    if (tile.bias) {
      std::copy_n(tile.bias, columns, bias);
      tile.bias = bias;
    }
    const std::ptrdiff_t c_stride = tile.c_stride;
    tile.c = buffer;
    tile.c_stride = static_cast<std::ptrdiff_t>(width);
    microkernel(tile);
    for (std::size_t i = 0; i < rows; ++i) {
      std::copy_n(buffer + i * width, columns, c + static_cast<std::ptrdiff_t>(i) * c_stride);
    }
  }

  [[nodiscard]] static const T* a_at(const KernelArgs<T>& args, std::size_t row, std::size_t step) {
    return args.a + static_cast<std::ptrdiff_t>(row) * args.a_row + static_cast<std::ptrdiff_t>(step) * args.a_col;
  }

  PackedPlan plan_;
};

}  // namespace tinytorch::detail
