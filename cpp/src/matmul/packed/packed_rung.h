#pragma once

// A tile set as a rung of the ladder: what the table (kernels.h) asks of it.
#include "matmul/kernels.h"
#include "matmul/packed/macrokernel.h"
#include "matmul/packed/peak_loop.h"
#include "matmul/packed/small_product.h"

namespace tinytorch::detail {

template <class Tiles>
class PackedRung {
  using T = typename Tiles::value_type;
  using Product = PackedProduct<Tiles>;
  using Small = SmallProduct<Tiles>;

  static void run(const KernelArgs<T>& args) {
    if constexpr (Product::V::width > 1) {
      if (Small::suits(args)) return Small::run(args);
    }
    Product(args).run(args);
  }
  static std::size_t workspace_size(const KernelArgs<T>& args) {
    return Small::suits(args) ? 0 : Product(args).workspace();
  }
  static T peak(std::size_t multiply_adds, T x, T y) {
    return peak_loop<typename Tiles::vector, typename Tiles::rounding>(multiply_adds, x, y);
  }
  static std::size_t packed_b_size(const MatmulArgs<T>& args) { return Product::packed_b_size(args.k, args.n); }
  static Packing packing(const MatmulArgs<T>& args) { return Product(args).packing(); }
  static void pack_a(const MatmulArgs<T>& args, std::size_t first, std::size_t last, T* out) {
    Product(args).pack_a_blocks(args, first, last, out);
  }

 public:
  static constexpr KernelFunctions<T> functions{.run = run,
                                                .workspace_size = workspace_size,
                                                .peak_loop = peak,
                                                .packed_b_size = packed_b_size,
                                                .pack_b = Product::pack_b,
                                                .packing = packing,
                                                .pack_a = pack_a,
                                                .tile_choices = Tiles::choices};
};

}  // namespace tinytorch::detail
