// The rung `simd`: packed, with 128-bit vectors. The product is rounded before it is added, so that the bits are the
// same on every machine.
//
// 4 rows x 2 vectors: 8 sums + 2 of B + 1 of A + the product = 12 of V8's 15 vector registers. 5 x 2 takes 14
// and can be forced (set_tile).
#include "matmul/packed/packed_rung.h"

namespace tinytorch::detail {

template <class T>
using Packed = PackedRung<TileSet<simd::Vec<T>, simd::Separate, 5, 3, 2, 1, 4>>;

extern constinit const RungFunctions simd_rung{Packed<float>::functions, Packed<double>::functions};

}  // namespace tinytorch::detail
