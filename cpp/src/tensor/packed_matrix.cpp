#include "packed_matrix.h"

#include "dispatch.h"
#include "matmul/args.h"
#include "matmul/registry.h"
#include "storage.h"

namespace tinytorch::detail {

namespace {

template <class T>
MatmulArgs<T> arguments(const Tensor& b, std::int64_t rows) {
  MatmulArgs<T> args;
  args.m = static_cast<std::size_t>(rows);
  args.k = static_cast<std::size_t>(b.size(0));
  args.n = static_cast<std::size_t>(b.size(1));
  args.b = b.strided_data<T>();
  args.b_row = static_cast<std::ptrdiff_t>(b.strides()[0]);
  args.b_col = static_cast<std::ptrdiff_t>(b.strides()[1]);
  return args;
}

}  // namespace

KernelId panels_kernel(KernelId kernel) { return kernel == kAutoKernel ? best_single_kernel() : single_of(kernel); }

std::size_t packed_size(const Tensor& b, std::int64_t rows, KernelId rung) {
  return for_floating(b.dtype(), [&]<class T>() { return packed_b_size<T>(arguments<T>(b, rows), rung); });
}

Tensor pack_matrix(const Tensor& b, std::size_t size, KernelId rung) {
  Tensor panels = Tensor::empty({static_cast<std::int64_t>(size)}, b.dtype());
  for_floating(b.dtype(), [&]<class T>() { pack_b<T>(arguments<T>(b, 1), rung, panels.mutable_data<T>()); });
  return panels;
}

}  // namespace tinytorch::detail
