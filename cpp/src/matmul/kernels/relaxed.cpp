// The rung `relaxed`: simd with fused multiply-add. The only file that is compiled for relaxed SIMD (wasm) or FMA
// (x86-64): see CMakeLists.txt.
//
// 6 rows x 2 vectors: 12 sums + 2 of B + 1 of A = all of V8's 15 vector registers on x86-64. ARM has 32 registers, and
// some ARM processors begin four multiply-adds a cycle, each of which takes four cycles. It takes 16 sums, the tile of
// 8 rows, to keep them busy; that tile can be forced (set_tile).
#include "matmul/packed/packed_rung.h"

namespace tinytorch::detail {

template <class T>
using Packed = PackedRung<TileSet<simd::Vec<T>, simd::Fused, 8, 4, 2, 1, 6>>;

extern constinit const RungFunctions relaxed_rung{Packed<float>::functions, Packed<double>::functions};

}  // namespace tinytorch::detail
