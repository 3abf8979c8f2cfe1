#pragma once

// A tile set as a rung of the ladder: what the table (kernels.h) asks of it.
#include "matmul/kernels.h"
#include "matmul/packed/macrokernel.h"
#include "matmul/packed/peak_loop.h"
#include "matmul/packed/small_product.h"
#include "simd/lanes.h"

namespace tinytorch::detail {
inline namespace TINYTORCH_ISA {

template <class Tiles>
class PackedRung {
  using T = typename Tiles::value_type;
  using Product = PackedProduct<Tiles>;
  using Small = SmallProduct<Tiles>;

  static void plan(const MatmulArgs<T>& args, Given given, SinglePlan& plan) {
    const TileChoice tile = Tiles::choice();
    if (!Small::suits(args, tile)) return Product::plan(args, given, tile, plan);
    plan.way = Way::small;
    plan.tile_rows = Tiles::usual_rows;
    plan.tile_columns = Tiles::nr;
  }
  static void run(const SinglePlan& plan, const KernelArgs<T>& args) {
    if constexpr (Product::V::width > 1) {
      if (plan.way == Way::small) return Small::run(args);
    }
    Product(plan).run(args);
  }
  static T peak(std::size_t multiply_adds, T x, T y) {
    return peak_loop<typename Tiles::vector, typename Tiles::rounding>(multiply_adds, x, y);
  }
  static void pack_a(const SinglePlan& plan, const MatmulArgs<T>& args, std::size_t first, std::size_t last, T* out) {
    Product(plan).pack_a_blocks(args, first, last, out);
  }

 public:
  static constexpr KernelFunctions<T> functions{.run = run,
                                                .plan = plan,
                                                .peak_loop = peak,
                                                .packed_b_size = Product::packed_b_size,
                                                .pack_b = Product::pack_b,
                                                .keeping_b_pays = Product::keeping_b_pays,
                                                .pack_a = pack_a,
                                                .tiles = {Tiles::min_rows, Tiles::mr, Tiles::nr}};
};

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::detail
