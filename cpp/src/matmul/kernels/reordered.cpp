// The same multiplications in the order i, k, j: one element of A at a time meets a whole row of B and is added
// into a row of C. Both rows are walked in memory order, so each cache line is fetched once and used up.
#include "matmul/kernels.h"

namespace tinytorch::detail {

template <class T>
void matmul_reordered(const KernelArgs<T>& args) {
  const auto m = static_cast<std::ptrdiff_t>(args.m);
  const auto n = static_cast<std::ptrdiff_t>(args.n);
  const auto k = static_cast<std::ptrdiff_t>(args.k);
  for (std::ptrdiff_t i = 0; i < m; ++i) {
    T* c = args.c + i * args.c_row;
    if (!args.accumulate) {
      for (std::ptrdiff_t j = 0; j < n; ++j) c[j] = 0;
    }
    for (std::ptrdiff_t p = 0; p < k; ++p) {
      const T a = args.a[i * args.a_row + p * args.a_col];
      const T* b = args.b + p * args.b_row;
      for (std::ptrdiff_t j = 0; j < n; ++j) c[j] += a * b[j * args.b_col];
    }
  }
}

template void matmul_reordered<float>(const KernelArgs<float>&);
template void matmul_reordered<double>(const KernelArgs<double>&);

}  // namespace tinytorch::detail
