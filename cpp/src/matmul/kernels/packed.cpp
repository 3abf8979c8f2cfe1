// The rung `packed`: A and B copied into panels, a tile of C kept in registers, one number at a time. Compiled
// without auto-vectorisation, so that it shows what memory layout alone buys.
//
// 3 x 3 sums and 3 + 1 operands leave a few of 16 registers for the products; 4 x 4 would not fit.
#include "matmul/packed/packed_rung.h"

namespace tinytorch::detail {
namespace {

template <class T>
using Packed = PackedRung<TileSet<simd::OneLane<T>, simd::Separate, 3, 2, 3, 3>>;

template <class T>
constexpr KernelFunctions<T> functions() {
  constexpr KernelFunctions<T> all = Packed<T>::functions;
  // No panels to keep or to share: this rung is for showing, not for use.
  return {.run = all.run, .plan = all.plan, .peak_loop = all.peak_loop, .tiles = all.tiles};
}

}  // namespace

extern constinit const RungFunctions packed_rung{functions<float>(), functions<double>()};

}  // namespace tinytorch::detail
