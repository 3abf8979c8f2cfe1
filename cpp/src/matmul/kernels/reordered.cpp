// The same multiplications in the order i, k, j: one element of A at a time meets a whole row of B and is added
// into a row of C. Both rows are walked in memory order, so each cache line is fetched once and used up.
#include <type_traits>

#include "matmul/kernels.h"

namespace tinytorch::detail {
namespace {

/// `b_col` is a constant where B's rows are contiguous: in WebAssembly a step that is only known at run time costs
/// an addition for each element, which makes the whole rung much slower.
template <class T, class Step>
void multiply(const KernelArgs<T>& args, Step b_col) {
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
      for (std::ptrdiff_t j = 0; j < n; ++j) c[j] += a * b[j * b_col];
    }
  }
}

template <class T>
void matmul_reordered(const SinglePlan&, const KernelArgs<T>& args) {
  if (args.b_col == 1) {
    multiply(args, std::integral_constant<std::ptrdiff_t, 1>{});
  } else {
    multiply(args, args.b_col);
  }
}

}  // namespace

extern constinit const RungFunctions reordered_rung{{matmul_reordered<float>}, {matmul_reordered<double>}};

}  // namespace tinytorch::detail
