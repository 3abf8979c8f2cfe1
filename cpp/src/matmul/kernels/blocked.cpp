// Reordered reads all of B once for every row of A: from the cache while B fits there, from memory when it
// does not. Here B is taken in blocks of kc x nc that stay in the cache while all rows of A pass by.
//
//            nc                The block of B is read m times from the cache, once from memory; C is read and
//          +----+              written k / kc times instead of once, which is why a product whose B fits
//       kc | B  |  ...         anyway is not blocked at all.
//          +----+
//            :
#include <algorithm>

#include "matmul/kernels.h"

namespace tinytorch::detail {
namespace {

template <class T>
void multiply_block(const KernelArgs<T>& args, std::ptrdiff_t p0, std::ptrdiff_t p1, std::ptrdiff_t j0,
                    std::ptrdiff_t j1) {
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(args.m); ++i) {
    T* c = args.c + i * args.c_row;
    if (p0 == 0 && !args.accumulate) {
      for (std::ptrdiff_t j = j0; j < j1; ++j) c[j] = 0;
    }
    for (std::ptrdiff_t p = p0; p < p1; ++p) {
      const T a = args.a[i * args.a_row + p * args.a_col];
      const T* b = args.b + p * args.b_row;
      for (std::ptrdiff_t j = j0; j < j1; ++j) c[j] += a * b[j * args.b_col];
    }
  }
}

}  // namespace

template <class T>
void matmul_blocked(const KernelArgs<T>& args) {
  const auto n = static_cast<std::ptrdiff_t>(args.n);
  const auto k = static_cast<std::ptrdiff_t>(args.k);
  constexpr std::ptrdiff_t fits_in_cache = (512 << 10) / sizeof(T);
  constexpr std::ptrdiff_t kc = 128;
  constexpr std::ptrdiff_t nc = 256;
  if (n <= fits_in_cache / k) {
    multiply_block(args, 0, k, 0, n);
    return;
  }
  for (std::ptrdiff_t j = 0; j < n; j += nc) {
    for (std::ptrdiff_t p = 0; p < k; p += kc) {
      multiply_block(args, p, std::min(p + kc, k), j, std::min(j + nc, n));
    }
  }
}

template void matmul_blocked<float>(const KernelArgs<float>&);
template void matmul_blocked<double>(const KernelArgs<double>&);

}  // namespace tinytorch::detail
