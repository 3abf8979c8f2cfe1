#pragma once

#include <cstddef>

#include "matmul/args.h"

/// The rungs of the ladder, slow to fast: one file in kernels/ each, defined there for float and double.
/// Every one computes the whole contract of MatmulArgs, for any strides and with `accumulate`.
namespace tinytorch::detail {

template <class T>
void matmul_naive(const KernelArgs<T>& args);
template <class T>
void matmul_reordered(const KernelArgs<T>& args);
template <class T>
void matmul_blocked(const KernelArgs<T>& args);
template <class T>
void matmul_eigen(const KernelArgs<T>& args);
template <class T>
void matmul_packed(const KernelArgs<T>& args);
template <class T>
void matmul_simd(const KernelArgs<T>& args);
template <class T>
void matmul_relaxed(const KernelArgs<T>& args);
template <class T>
void matmul_threaded(const KernelArgs<T>& args);

// Elements of scratch that a rung wants for these arguments (0: none). Rungs not listed want none.
template <class T>
std::size_t eigen_workspace(const MatmulArgs<T>& args);
template <class T>
std::size_t packed_workspace(const MatmulArgs<T>& args);
template <class T>
std::size_t simd_workspace(const MatmulArgs<T>& args);
template <class T>
std::size_t relaxed_workspace(const MatmulArgs<T>& args);
template <class T>
std::size_t threaded_workspace(const MatmulArgs<T>& args);

// B in a rung's panels, to be kept for many products (KernelArgs::packed_b): how many elements, and the copy.
template <class T>
std::size_t simd_packed_b_size(const MatmulArgs<T>& args);
template <class T>
void simd_pack_b(const MatmulArgs<T>& args, T* out);
template <class T>
std::size_t relaxed_packed_b_size(const MatmulArgs<T>& args);
template <class T>
void relaxed_pack_b(const MatmulArgs<T>& args, T* out);
template <class T>
std::size_t threaded_packed_b_size(const MatmulArgs<T>& args);
template <class T>
void threaded_pack_b(const MatmulArgs<T>& args, T* out);
template <class T>
Packing threaded_packing(const MatmulArgs<T>& args);

// What threads share of a product: registry.h.
template <class T>
TileHeights simd_tile_heights() noexcept;
template <class T>
Packing simd_packing(const MatmulArgs<T>& args);
template <class T>
void simd_pack_a(const MatmulArgs<T>& args, std::size_t first, std::size_t last, T* out);
template <class T>
TileHeights relaxed_tile_heights() noexcept;
template <class T>
Packing relaxed_packing(const MatmulArgs<T>& args);
template <class T>
void relaxed_pack_a(const MatmulArgs<T>& args, std::size_t first, std::size_t last, T* out);

// The arithmetic of a rung on registers alone, for peak_probe.cpp: see packed/peak_loop.h.
template <class T>
T packed_peak_loop(std::size_t multiply_adds, T x, T y);
template <class T>
T simd_peak_loop(std::size_t multiply_adds, T x, T y);
template <class T>
T relaxed_peak_loop(std::size_t multiply_adds, T x, T y);

}  // namespace tinytorch::detail
