// The rung `packed`: A and B copied into panels, a tile of C kept in registers, one number at a time. Compiled
// without auto-vectorisation, so that it shows what memory layout alone buys.
//
// 3 x 3 sums and 3 + 1 operands leave a few of 16 registers for the products; 4 x 4 would not fit.
#include "matmul/kernels.h"
#include "matmul/packed/macrokernel.h"
#include "matmul/packed/peak_loop.h"

namespace tinytorch::detail {

namespace {
template <class T>
using Product = PackedProduct<TileSet<simd::OneLane<T>, simd::Separate, 3, 2, 3, 3>>;
}

template <class T>
void matmul_packed(const KernelArgs<T>& args) {
  KernelArgs<T> unpacked = args;
  unpacked.packed_b = nullptr;  // those panels are a vector wide
  Product<T>(args).run(unpacked);
}
template <class T>
std::size_t packed_workspace(const MatmulArgs<T>& args) {
  return Product<T>(args).workspace();
}

template <class T>
T packed_peak_loop(std::size_t multiply_adds, T x, T y) {
  return peak_loop<simd::OneLane<T>, simd::Separate>(multiply_adds, x, y);
}

template void matmul_packed<float>(const KernelArgs<float>&);
template void matmul_packed<double>(const KernelArgs<double>&);
template std::size_t packed_workspace<float>(const MatmulArgs<float>&);
template std::size_t packed_workspace<double>(const MatmulArgs<double>&);
template float packed_peak_loop<float>(std::size_t, float, float);
template double packed_peak_loop<double>(std::size_t, double, double);

}  // namespace tinytorch::detail
