// The definition, and the "before" of every speed-up: for each element of C one sum over k. The inner loop
// steps down a column of B, a whole row apart each time, so for a large B every step is a new cache line.
#include "matmul/kernels.h"

namespace tinytorch::detail {
namespace {

template <class T>
void matmul_naive(const SinglePlan&, const KernelArgs<T>& args) {
  const auto m = static_cast<std::ptrdiff_t>(args.m);
  const auto n = static_cast<std::ptrdiff_t>(args.n);
  const auto k = static_cast<std::ptrdiff_t>(args.k);
  for (std::ptrdiff_t i = 0; i < m; ++i) {
    for (std::ptrdiff_t j = 0; j < n; ++j) {
      T sum = 0;
      for (std::ptrdiff_t p = 0; p < k; ++p) {
        sum += args.a[i * args.a_row + p * args.a_col] * args.b[p * args.b_row + j * args.b_col];
      }
      T& c = args.c[i * args.c_row + j];
      c = args.accumulate ? c + sum : sum;
    }
  }
}

}  // namespace

extern constinit const RungFunctions naive_rung{{matmul_naive<float>}, {matmul_naive<double>}};

}  // namespace tinytorch::detail
