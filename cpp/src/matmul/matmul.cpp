// The front of every matrix product. It computes products that need no kernel; for the others it makes a plan
// (plan.cpp), gets the memory that the plan needs, and runs it.
#include <algorithm>
#include <cassert>
#include <cstdint>
#include <new>
#include <string>
#include <utility>

#include "matmul/division.h"
#include "matmul/plan.h"
#include "matmul/policy.h"
#include "matmul/registry.h"
#include "matmul/workspace.h"
#include "parallel/parallel_for.h"
#include "tinytorch/error.h"
#include "tinytorch/profile.h"

namespace tinytorch {
namespace {

using detail::Batch;
using detail::BatchPlan;
using detail::functions_of;
using detail::kernel_row;
using detail::KernelArgs;
using detail::Plan;
using detail::Stretch;

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

template <class T>
void fill_zero(const MatmulArgs<T>& args) {
  for (std::size_t i = 0; i < args.m; ++i) {
    T* row = args.c + static_cast<std::ptrdiff_t>(i) * args.c_row;
    for (std::size_t j = 0; j < args.n; ++j) row[j] = 0;
  }
}

template <class T>
void add_bias(T* row, const T* bias, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) row[j] += bias[j];
}

/// If the product is added to C, adds the bias to C first: rungs start their sums from C or from the bias, not both.
template <class T>
void prologue(KernelArgs<T>& args) {
  if (!args.accumulate || !args.bias) return;
  for (std::size_t i = 0; i < args.m; ++i) {
    add_bias(args.c + static_cast<std::ptrdiff_t>(i) * args.c_row, args.bias, args.n);
  }
  args.bias = nullptr;
}

/// Bias and activation as a second pass over C, for the rungs that do not do it while C is in registers.
template <class T>
void epilogue(const MatmulArgs<T>& args, const T* bias, Activation activation) {
  if (!bias && activation == Activation::none) return;
  const ProfileScope scope("matmul.epilogue");
  for (std::size_t i = 0; i < args.m; ++i) {
    T* row = args.c + static_cast<std::ptrdiff_t>(i) * args.c_row;
    if (bias) add_bias(row, bias, args.n);
    if (activation == Activation::relu) {
      for (std::size_t j = 0; j < args.n; ++j) row[j] = row[j] < 0 ? 0 : row[j];  // NaN stays
    }
  }
}

[[noreturn]] void throw_out_of_memory(const Plan& plan) {
  const auto size = [](std::size_t m, std::size_t n) {
    return "[" + std::to_string(m) + "," + std::to_string(n) + "]";
  };
  throw Error(ErrorCode::out_of_memory, "matmul: out of memory for the workspace of " + size(plan.m, plan.k) + " . " +
                                            size(plan.k, plan.n) + " with kernel '" +
                                            std::string(kernel_row(plan.rung).name()) + "'");
}

template <class T>
void run_stretch(const Plan& plan, const Stretch& stretch, const KernelArgs<T>& args) {
  if (stretch.divided && functions_of<T>(plan.rung).run_divided(*stretch.divided, plan.single, args)) return;
  functions_of<T>(plan.single).run(stretch.alone, args);
}

template <class T>
void run_stretches(const Plan& plan, const KernelArgs<T>& args) {
  if (plan.columns == args.n) return run_stretch(plan, plan.first, args);
  for (std::size_t j = 0; j < args.n; j += plan.columns) {
    const bool whole = args.n - j >= plan.columns;
    const Stretch& stretch = whole || !plan.last ? plan.first : *plan.last;
    run_stretch(plan, stretch, detail::columns_of(args, j, whole ? j + plan.columns : args.n));
  }
}

/// Runs one product of a batch, or the only one.
template <class T>
void run_one(const Plan& plan, KernelArgs<T>& args) {
#ifndef NDEBUG
  check(args);
#endif
  const T* const bias = plan.epilogue_apart ? std::exchange(args.bias, nullptr) : nullptr;
  const Activation activation =
      plan.epilogue_apart ? std::exchange(args.activation, Activation::none) : Activation::none;
  {
    const ProfileScope scope(kernel_row(plan.rung).scope, 2 * plan.work());
    prologue(args);
    run_stretches(plan, args);
  }
  epilogue(args, bias, activation);
}

/// The operands of product number `index`.
template <class T>
KernelArgs<T> product_of(const Batch& batch, KernelArgs<T> args, std::size_t index) {
  for (std::size_t axis = batch.axes; axis-- > 0; index /= batch.sizes[axis]) {
    const auto at = static_cast<std::ptrdiff_t>(index % batch.sizes[axis]);
    args.a += at * batch.a[axis];
    args.b += at * batch.b[axis];
    args.c += at * batch.c[axis];
  }
  return args;
}

/// Runs whole products side by side; each thread has its own scratch. Only rungs that do bias and activation themselves
/// are planned this way.
template <class T>
void run_across(const Plan& plan, const BatchPlan& batch, const KernelArgs<T>& args) {
  const ProfileScope scope(kernel_row(plan.rung).scope, 2 * plan.work() * static_cast<double>(batch.count));
  detail::parallel_for(batch.count, batch.grain, [&](std::size_t begin, std::size_t end, std::size_t thread) {
    for (std::size_t i = begin; i < end; ++i) {
      KernelArgs<T> own = product_of(batch.batch, args, i);
#ifndef NDEBUG
      check(own);
#endif
      if (batch.stride) own.workspace += thread * batch.stride;
      own.workspace_elements = batch.stride;
      prologue(own);
      functions_of<T>(plan.single).run(plan.first.alone, own);
    }
  });
}

template <class T>
void run_batch(const Plan& plan, const BatchPlan& batch, const KernelArgs<T>& args) {
  if (batch.across && detail::announce_job(batch.large)) return run_across(plan, batch, args);
  for (std::size_t i = 0; i < batch.count; ++i) {
    KernelArgs<T> own = product_of(batch.batch, args, i);
    run_one(plan, own);
  }
}

template <class T>
void run(const Plan& plan, KernelArgs<T>& args) {
  if (plan.scratch > args.workspace_elements) {
    args.workspace = static_cast<T*>(detail::workspace(plan.scratch, sizeof(T)));
    if (!args.workspace) throw_out_of_memory(plan);
    args.workspace_elements = plan.scratch;
  }
  try {
    if (plan.batch) {
      run_batch(plan, *plan.batch, args);
    } else {
      run_one(plan, args);
    }
  } catch (const std::bad_alloc&) {  // Eigen takes its own memory
    throw_out_of_memory(plan);
  }
  detail::count_kernel_calls(plan.rung, plan.batch ? plan.batch->count : 1);
}

/// Products without a sum: only zeros, bias and activation.
template <class T>
void run_empty(const Batch* batch, const KernelArgs<T>& args) {
  const std::size_t count = batch ? batch->count() : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const KernelArgs<T> own = batch ? product_of(*batch, args, i) : args;
    if (!own.accumulate) fill_zero(own);
    epilogue(own, own.bias, own.activation);
  }
}

}  // namespace

namespace detail {

template <class T>
std::size_t packed_b_size(const MatmulArgs<T>& given, KernelId rung) {
  const KernelFunctions<T>& functions = functions_of<T>(single_of(rung));
  if (!functions.pack_b || given.m == 0 || given.n == 0 || given.k == 0) return 0;
  MatmulArgs<T> args = given;
  settle_strides(args);
  return functions.keeping_b_pays(args) ? functions.packed_b_size(args.k, args.n) : 0;
}

template <class T>
void pack_b(const MatmulArgs<T>& given, KernelId rung, T* out) {
  const ProfileScope scope("matmul.pack");
  MatmulArgs<T> args = given;
  settle_strides(args);
  functions_of<T>(single_of(rung)).pack_b(args, out);
}

template <class T>
Plan plan_of(const KernelArgs<T>& given, KernelId kernel, const Batch* batch) {
  if (kernel != kAutoKernel) require_kernel(kernel);
  KernelArgs<T> args = given;
  settle_strides(args);
  return make_plan<T>(args, kernel, {.b = args.packed_b != nullptr}, batch);
}

template <class T>
void matmul(KernelArgs<T>& args, KernelId kernel, const Batch* batch) {
  if (kernel != kAutoKernel) require_kernel(kernel);
  if (args.m == 0 || args.n == 0) return;
  if (args.k == 0) return run_empty(batch, args);
  settle_strides(args);
  run(make_plan<T>(args, kernel, {.b = args.packed_b != nullptr}, batch), args);
}

#define TINYTORCH_INSTANTIATE(T)                                          \
  template void matmul<T>(KernelArgs<T>&, KernelId, const Batch*);        \
  template Plan plan_of<T>(const KernelArgs<T>&, KernelId, const Batch*); \
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
