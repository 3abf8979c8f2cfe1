// Eigen's own product, as a program that uses Eigen gets it. It shows what a well-kept library reaches, and so it is
// the yardstick of the ladder. This file is compiled with the build's normal flags.
#include <Eigen/Core>
#include <cassert>
#include <cstdint>

#include "matmul/kernels.h"

namespace tinytorch::detail {
namespace {

using Eigen::Dynamic;
using Eigen::Index;

template <class T>
using RowMajor = Eigen::Matrix<T, Dynamic, Dynamic, Eigen::RowMajor>;
template <class T>
using ConstMap = Eigen::Map<const RowMajor<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T>
using Result = Eigen::Map<RowMajor<T>, Eigen::Unaligned, Eigen::OuterStride<>>;

/// Eigen's product must know at compile time along which axis elements are contiguous. Here it is compiled for
/// row-major operands, and any other operand, such as a transposed one, is first copied into the workspace. An instance
/// for each combination of layouts would save that copy but make the module larger (docs/benchmarks.md, "Tried and
/// lost").
template <class T>
struct StridedMatrix {
  const T* data;
  std::ptrdiff_t row, col, rows, cols;
  [[nodiscard]] bool row_major() const { return col == 1 && row >= cols; }
  [[nodiscard]] std::size_t copy_size() const {
    return row_major() ? 0 : elements_of(static_cast<std::size_t>(rows), static_cast<std::size_t>(cols));
  }
};

template <class T>
StridedMatrix<T> matrix_a(const MatmulArgs<T>& args) {
  return {args.a, args.a_row, args.a_col, static_cast<Index>(args.m), static_cast<Index>(args.k)};
}
template <class T>
StridedMatrix<T> matrix_b(const MatmulArgs<T>& args) {
  return {args.b, args.b_row, args.b_col, static_cast<Index>(args.k), static_cast<Index>(args.n)};
}

template <class T>
StridedMatrix<T> dense(const StridedMatrix<T>& x, T* workspace) {
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.cols; ++j) workspace[i * x.cols + j] = x.data[i * x.row + j * x.col];
  }
  return {workspace, x.cols, 1, x.rows, x.cols};
}

template <class T>
void plan_eigen(const MatmulArgs<T>& args, Given, SinglePlan& plan) {
  plan.a_copy = {0, matrix_a(args).copy_size()};
  plan.b_copy = {plan.a_copy.size, matrix_b(args).copy_size()};
  plan.a = plan.a_copy.size ? From::copy : From::place;
  plan.b = plan.b_copy.size ? From::copy : From::place;
  plan.scratch = plan.a_copy.size + plan.b_copy.size;
  if (plan.scratch < plan.b_copy.size) plan.scratch = SIZE_MAX;
}

template <class T>
void matmul_eigen(const SinglePlan& plan, const KernelArgs<T>& args) {
  assert(plan.scratch <= args.workspace_elements);
  const StridedMatrix<T> a =
      plan.a == From::copy ? dense(matrix_a(args), args.workspace + plan.a_copy.at) : matrix_a(args);
  const StridedMatrix<T> b =
      plan.b == From::copy ? dense(matrix_b(args), args.workspace + plan.b_copy.at) : matrix_b(args);
  const ConstMap<T> lhs(a.data, a.rows, a.cols, Eigen::OuterStride<>(a.row));
  const ConstMap<T> rhs(b.data, b.rows, b.cols, Eigen::OuterStride<>(b.row));
  Result<T> c(args.c, a.rows, b.cols, Eigen::OuterStride<>(args.c_row));
  if (!args.accumulate) c.setZero();  // as Eigen's `=` does; so only `+=` is compiled
  c.noalias() += lhs * rhs;
}

}  // namespace

extern constinit const RungFunctions eigen_rung{{matmul_eigen<float>, plan_eigen<float>},
                                                {matmul_eigen<double>, plan_eigen<double>}};

}  // namespace tinytorch::detail
