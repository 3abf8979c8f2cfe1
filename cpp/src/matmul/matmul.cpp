// The front of every matrix product: settle what needs no kernel, choose one, give it memory, run it.
#include <cassert>
#include <cstdint>
#include <new>
#include <string>
#include <utility>

#include "matmul/policy.h"
#include "matmul/registry.h"
#include "matmul/tuning.h"
#include "matmul/workspace.h"
#include "tinytorch/error.h"
#include "tinytorch/profile.h"

namespace tinytorch {
namespace {

using detail::KernelArgs;
using detail::KernelRow;

#ifndef NDEBUG
/// The bytes [first, last) that a rows x cols operand touches, whatever the signs of its strides.
struct Extent {
  std::uintptr_t first, last;
  [[nodiscard]] bool overlaps(const Extent& other) const { return first < other.last && other.first < last; }
};

template <class T>
Extent extent_of(const T* data, std::size_t rows, std::size_t cols, std::ptrdiff_t row, std::ptrdiff_t col) {
  std::ptrdiff_t low = 0, high = 0;
  for (const auto& [size, stride] : {std::pair(rows, row), std::pair(cols, col)}) {
    std::ptrdiff_t reach = 0;
    [[maybe_unused]] bool overflow = __builtin_mul_overflow(static_cast<std::ptrdiff_t>(size - 1), stride, &reach);
    overflow |= __builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high);
    assert(!overflow && "matmul: an operand's strides leave the address space");
  }
  const auto base = reinterpret_cast<std::uintptr_t>(data);
  return {base + static_cast<std::uintptr_t>(low) * sizeof(T),
          base + static_cast<std::uintptr_t>(high + 1) * sizeof(T)};
}

template <class T>
void check(const MatmulArgs<T>& args) {
  assert(args.c && "matmul: c is null");
  assert((args.m == 1 || args.c_row >= static_cast<std::ptrdiff_t>(args.n)) && "matmul: rows of c overlap");
  const Extent c = extent_of(args.c, args.m, args.n, args.c_row, 1);
  if (args.bias) assert(!c.overlaps(extent_of(args.bias, 1, args.n, 0, 1)) && "matmul: c overlaps bias");
  if (args.k == 0) return;
  assert(args.a && args.b && "matmul: an operand is null");
  assert(!c.overlaps(extent_of(args.a, args.m, args.k, args.a_row, args.a_col)) && "matmul: c overlaps a");
  assert(!c.overlaps(extent_of(args.b, args.k, args.n, args.b_row, args.b_col)) && "matmul: c overlaps b");
}
#endif

/// A dimension of size 1 is never stepped along, so its stride may be anything: give it a dense operand's, and
/// kernels that ask "are the rows contiguous?" get the useful answer.
template <class T>
void settle_strides(MatmulArgs<T>& args) {
  if (args.k == 1) args.a_col = 1;
  if (args.m == 1) args.a_row = args.a_col == 1 ? static_cast<std::ptrdiff_t>(args.k) : 1;
  if (args.n == 1) args.b_col = 1;
  if (args.k == 1) args.b_row = args.b_col == 1 ? static_cast<std::ptrdiff_t>(args.n) : 1;
  if (args.m == 1) args.c_row = static_cast<std::ptrdiff_t>(args.n);
}

template <class T>
void fill_zero(const MatmulArgs<T>& args) {
  for (std::size_t i = 0; i < args.m; ++i) {
    T* row = args.c + static_cast<std::ptrdiff_t>(i) * args.c_row;
    for (std::size_t j = 0; j < args.n; ++j) row[j] = 0;
  }
}

/// Bias and activation as a second pass over C, for the rungs that do not do it while C is in registers.
template <class T>
void epilogue(const MatmulArgs<T>& args, const T* bias, Activation activation) {
  if (!bias && activation == Activation::none) return;
  const ProfileScope scope("matmul.epilogue");
  for (std::size_t i = 0; i < args.m; ++i) {
    T* row = args.c + static_cast<std::ptrdiff_t>(i) * args.c_row;
    if (bias) {
      for (std::size_t j = 0; j < args.n; ++j) row[j] += bias[j];
    }
    if (activation == Activation::relu) {
      for (std::size_t j = 0; j < args.n; ++j) row[j] = row[j] < 0 ? 0 : row[j];  // NaN stays
    }
  }
}

template <class T>
[[noreturn]] void throw_out_of_memory(const MatmulArgs<T>& args, const KernelRow& row) {
  throw Error(ErrorCode::out_of_memory, "matmul: out of memory for the workspace of [" + std::to_string(args.m) + "," +
                                            std::to_string(args.k) + "] . [" + std::to_string(args.k) + "," +
                                            std::to_string(args.n) + "] with kernel '" + std::string(row.name()) + "'");
}

template <class T>
void run(const KernelRow& row, KernelArgs<T>& args) {
  const detail::KernelFunctions<T>& functions = row.template functions<T>();
  if (functions.workspace_size) {
    if (const std::size_t elements = functions.workspace_size(args); elements > args.workspace_elements) {
      args.workspace = static_cast<T*>(detail::workspace(elements, sizeof(T)));
      if (!args.workspace) throw_out_of_memory<T>(args, row);
      args.workspace_elements = elements;
    }
  }
  const auto flops = 2.0 * static_cast<double>(args.m) * static_cast<double>(args.n) * static_cast<double>(args.k);
  const ProfileScope scope(row.scope, flops);
  try {
    functions.run(args);
  } catch (const std::bad_alloc&) {  // Eigen takes its own memory
    throw_out_of_memory<T>(args, row);
  }
}

template <class T>
const detail::KernelFunctions<T>& functions_of(KernelId rung) {
  return detail::kernel_rows()[static_cast<std::size_t>(rung)].template functions<T>();
}

}  // namespace

namespace detail {

template <class T>
KernelId resolve_kernel(const MatmulArgs<T>& args, KernelId kernel) {
  return kernel == kAutoKernel ? choose_kernel<T>(args) : kernel;
}

template <class T>
std::size_t packed_b_size(const MatmulArgs<T>& given, KernelId rung) {
  const KernelFunctions<T>& functions = functions_of<T>(rung);
  if (!functions.packing || given.m == 0 || given.n == 0 || given.k == 0) return 0;
  MatmulArgs<T> args = given;
  settle_strides(args);
  return functions.packing(args).keeping_b_pays ? functions.packed_b_size(args) : 0;
}

template <class T>
void pack_b(const MatmulArgs<T>& given, KernelId rung, T* out) {
  const ProfileScope scope("matmul.pack");
  MatmulArgs<T> args = given;
  settle_strides(args);
  functions_of<T>(rung).pack_b(args, out);
}

template <class T>
std::size_t workspace_size(const KernelArgs<T>& given, KernelId kernel) {
  if (given.m == 0 || given.n == 0 || given.k == 0) return 0;
  KernelArgs<T> args = given;
  settle_strides(args);
  kernel = resolve_kernel<T>(args, kernel);
  if (!kernel_rows()[static_cast<std::size_t>(kernel)].fuses_epilogue) args.bias = nullptr;
  const KernelFunctions<T>& functions = functions_of<T>(kernel);
  return functions.workspace_size ? functions.workspace_size(args) : 0;
}

template <class T>
void matmul(KernelArgs<T>& args, KernelId kernel) {
  if (kernel != kAutoKernel) detail::require_kernel(kernel);
  if (args.m == 0 || args.n == 0) return;
#ifndef NDEBUG
  check(args);
#endif
  if (args.k == 0) {
    if (!args.accumulate) fill_zero(args);
    epilogue(args, args.bias, args.activation);
    return;
  }

  settle_strides(args);
  kernel = resolve_kernel<T>(args, kernel);
  const KernelRow& row = detail::kernel_rows()[static_cast<std::size_t>(kernel)];
  if (row.fuses_epilogue) {
    detail::tune_on_the_way<T>(args);
    run(row, args);
  } else {
    const T* const bias = std::exchange(args.bias, nullptr);
    const Activation activation = std::exchange(args.activation, Activation::none);
    run(row, args);
    epilogue(args, bias, activation);
  }
  detail::count_kernel_call(kernel);
}

#define TINYTORCH_INSTANTIATE(T)                                          \
  template void matmul<T>(KernelArgs<T>&, KernelId);                      \
  template std::size_t workspace_size<T>(const KernelArgs<T>&, KernelId); \
  template KernelId resolve_kernel<T>(const MatmulArgs<T>&, KernelId);    \
  template std::size_t packed_b_size<T>(const MatmulArgs<T>&, KernelId);  \
  template void pack_b<T>(const MatmulArgs<T>&, KernelId, T*);
TINYTORCH_INSTANTIATE(float)
TINYTORCH_INSTANTIATE(double)
#undef TINYTORCH_INSTANTIATE

}  // namespace detail

template <class T>
void matmul(const MatmulArgs<T>& args, KernelId kernel) {
  KernelArgs<T> own{args};
  detail::matmul(own, kernel);
}

template void matmul<float>(const MatmulArgs<float>&, KernelId);
template void matmul<double>(const MatmulArgs<double>&, KernelId);

}  // namespace tinytorch
