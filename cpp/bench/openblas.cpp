#include "openblas.h"

#include <cblas.h>

#include "tinytorch/threads.h"

namespace tinytorch::bench {
namespace {

struct BlasMatrix {
  CBLAS_TRANSPOSE transposed;
  blasint stride;
};

BlasMatrix blas_matrix(std::ptrdiff_t row, std::ptrdiff_t col) {
  if (col == 1) return {CblasNoTrans, static_cast<blasint>(row)};
  return {CblasTrans, static_cast<blasint>(col)};
}

template <class T, class Gemm>
void call(const MatmulArgs<T>& args, Gemm gemm) {
  openblas_set_num_threads(num_threads());
  const BlasMatrix a = blas_matrix(args.a_row, args.a_col);
  const BlasMatrix b = blas_matrix(args.b_row, args.b_col);
  gemm(CblasRowMajor, a.transposed, b.transposed, static_cast<blasint>(args.m), static_cast<blasint>(args.n),
       static_cast<blasint>(args.k), T(1), args.a, a.stride, args.b, b.stride, T(0), args.c,
       static_cast<blasint>(args.c_row));
}

}  // namespace

void openblas_matmul(const MatmulArgs<float>& args) { call(args, cblas_sgemm); }
void openblas_matmul(const MatmulArgs<double>& args) { call(args, cblas_dgemm); }

}  // namespace tinytorch::bench
