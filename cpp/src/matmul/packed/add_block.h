#pragma once

// How a long k is summed. It is cut into blocks of kc steps (block_sizes.h). The first block's sums start from zero,
// the bias or C; each later block is summed by itself, from zero, and its sums are added to C:
//
//     C = (((init + block 0) + block 1) + block 2) + ...
//
// One running sum over all of k would lose the digits of products that are small beside it. Its error grows with k, the
// error of the blocks only with kc + k / kc. kc depends on k alone, so that every way to compute a product, whatever
// its tiles and packing, sums in the same order.
#include <cstddef>

#include "matmul/packed/block_sizes.h"
#include "simd/lanes.h"

namespace tinytorch::detail {
inline namespace TINYTORCH_ISA {

/// The kc of a product: the same for each of its elements.
template <class T>
[[nodiscard]] constexpr std::size_t block_of_k(std::size_t k) {
  return even_step(k, kMaxKc<T>, 1);
}

/// C = floor(C + sums): `rows` x `columns` sums of a block that is not the first.
template <class V>
[[gnu::noinline]] void add_block(std::size_t rows, std::size_t columns, const typename V::value_type* sums,
                                 std::ptrdiff_t sums_row, typename V::value_type* c, std::ptrdiff_t c_row,
                                 typename V::value_type floor) {
  const V low = V::splat(floor);
  for (; rows > 0; --rows, sums += sums_row, c += c_row) {
    std::size_t j = 0;
    for (; j + V::width <= columns; j += V::width) at_least(V::load(c + j) + V::load(sums + j), low).store(c + j);
    for (; j < columns; ++j) {
      const auto sum = c[j] + sums[j];
      c[j] = sum < floor ? floor : sum;
    }
  }
}

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::detail
