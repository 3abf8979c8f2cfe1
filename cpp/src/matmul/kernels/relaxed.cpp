// The rung `relaxed`: simd with fused multiply-add. The only file that is compiled for relaxed SIMD (wasm) or FMA
// (x86-64): see CMakeLists.txt.
//
// 6 rows x 2 vectors: 12 sums + 2 of B + 1 of A = all of V8's 15 vector registers on x86-64. ARM has 32, and some of
// its processors begin four multiply-adds a cycle that take four cycles: 16 sums keep them busy, 8 rows. tuning.cpp
// decides.
#include "matmul/kernels.h"
#include "matmul/packed/macrokernel.h"
#include "matmul/packed/peak_loop.h"

namespace tinytorch::detail {

namespace {
template <class T>
using Tiles = TileSet<simd::Vec<T>, simd::Fused, 8, 4, 2, 1, 6, 8>;
template <class T>
using Product = PackedProduct<Tiles<T>>;
}  // namespace

template <class T>
void matmul_relaxed(const KernelArgs<T>& args) {
  Product<T>(args).run(args);
}
template <class T>
std::size_t relaxed_workspace(const MatmulArgs<T>& args) {
  return Product<T>(args).workspace();
}
template <class T>
std::size_t relaxed_packed_b_size(const MatmulArgs<T>& args) {
  return Product<T>::packed_b_size(args.k, args.n);
}
template <class T>
void relaxed_pack_b(const MatmulArgs<T>& args, T* out) {
  Product<T>::pack_b(args, out);
}

template <class T>
TileHeights relaxed_tile_heights() noexcept {
  return Tiles<T>::heights();
}
template <class T>
Packing relaxed_packing(const MatmulArgs<T>& args) {
  return Product<T>(args).packing();
}
template <class T>
void relaxed_pack_a(const MatmulArgs<T>& args, std::size_t first, std::size_t last, T* out) {
  Product<T>(args).pack_a_blocks(args, first, last, out);
}

template <class T>
T relaxed_peak_loop(std::size_t multiply_adds, T x, T y) {
  return peak_loop<simd::Vec<T>, simd::Fused>(multiply_adds, x, y);
}

template void matmul_relaxed<float>(const KernelArgs<float>&);
template void matmul_relaxed<double>(const KernelArgs<double>&);
template std::size_t relaxed_workspace<float>(const MatmulArgs<float>&);
template std::size_t relaxed_workspace<double>(const MatmulArgs<double>&);
template std::size_t relaxed_packed_b_size<float>(const MatmulArgs<float>&);
template std::size_t relaxed_packed_b_size<double>(const MatmulArgs<double>&);
template void relaxed_pack_b<float>(const MatmulArgs<float>&, float*);
template void relaxed_pack_b<double>(const MatmulArgs<double>&, double*);
template TileHeights relaxed_tile_heights<float>() noexcept;
template TileHeights relaxed_tile_heights<double>() noexcept;
template Packing relaxed_packing<float>(const MatmulArgs<float>&);
template Packing relaxed_packing<double>(const MatmulArgs<double>&);
template void relaxed_pack_a<float>(const MatmulArgs<float>&, std::size_t, std::size_t, float*);
template void relaxed_pack_a<double>(const MatmulArgs<double>&, std::size_t, std::size_t, double*);
template float relaxed_peak_loop<float>(std::size_t, float, float);
template double relaxed_peak_loop<double>(std::size_t, double, double);

}  // namespace tinytorch::detail
