// The rung `simd`: packed, with 128-bit vectors. The product is rounded before it is added, so that the bits are the
// same on every machine.
//
// 4 rows x 2 vectors: 8 sums + 2 of B + 1 of A + the product = 12 of V8's 15 vector registers. 5 x 2 takes 14;
// tuning.cpp may choose it.
#include "matmul/kernels.h"
#include "matmul/packed/macrokernel.h"
#include "matmul/packed/peak_loop.h"

namespace tinytorch::detail {

namespace {
template <class T>
using Tiles = TileSet<simd::Vec<T>, simd::Separate, 5, 3, 2, 1, 4, 5>;
template <class T>
using Product = PackedProduct<Tiles<T>>;
}  // namespace

template <class T>
void matmul_simd(const KernelArgs<T>& args) {
  Product<T>(args).run(args);
}
template <class T>
std::size_t simd_workspace(const MatmulArgs<T>& args) {
  return Product<T>(args).workspace();
}
template <class T>
std::size_t simd_packed_b_size(const MatmulArgs<T>& args) {
  return Product<T>::packed_b_size(args.k, args.n);
}
template <class T>
void simd_pack_b(const MatmulArgs<T>& args, T* out) {
  Product<T>::pack_b(args, out);
}

template <class T>
TileHeights simd_tile_heights() noexcept {
  return Tiles<T>::heights();
}
template <class T>
Packing simd_packing(const MatmulArgs<T>& args) {
  return Product<T>(args).packing();
}
template <class T>
void simd_pack_a(const MatmulArgs<T>& args, std::size_t first, std::size_t last, T* out) {
  Product<T>(args).pack_a_blocks(args, first, last, out);
}

template <class T>
T simd_peak_loop(std::size_t multiply_adds, T x, T y) {
  return peak_loop<simd::Vec<T>, simd::Separate>(multiply_adds, x, y);
}

template void matmul_simd<float>(const KernelArgs<float>&);
template void matmul_simd<double>(const KernelArgs<double>&);
template std::size_t simd_workspace<float>(const MatmulArgs<float>&);
template std::size_t simd_workspace<double>(const MatmulArgs<double>&);
template std::size_t simd_packed_b_size<float>(const MatmulArgs<float>&);
template std::size_t simd_packed_b_size<double>(const MatmulArgs<double>&);
template void simd_pack_b<float>(const MatmulArgs<float>&, float*);
template void simd_pack_b<double>(const MatmulArgs<double>&, double*);
template TileHeights simd_tile_heights<float>() noexcept;
template TileHeights simd_tile_heights<double>() noexcept;
template Packing simd_packing<float>(const MatmulArgs<float>&);
template Packing simd_packing<double>(const MatmulArgs<double>&);
template void simd_pack_a<float>(const MatmulArgs<float>&, std::size_t, std::size_t, float*);
template void simd_pack_a<double>(const MatmulArgs<double>&, std::size_t, std::size_t, double*);
template float simd_peak_loop<float>(std::size_t, float, float);
template double simd_peak_loop<double>(std::size_t, double, double);

}  // namespace tinytorch::detail
