#pragma once

#include "matmul/args.h"

namespace tinytorch::detail {

/// The number of multiply-adds from which a second thread pays (docs/benchmarks.md, "Choices").
inline constexpr double kLeastSharedWork = 128.0 * 1024;

/// The multiply-adds of a product.
template <class T>
[[nodiscard]] double work_of(const MatmulArgs<T>& args) noexcept {
  return static_cast<double>(args.m) * static_cast<double>(args.n) * static_cast<double>(args.k);
}

/// The rung that `auto` means for a product of `work` multiply-adds: the fastest available one.
[[nodiscard]] KernelId choose_kernel(double work) noexcept;

}  // namespace tinytorch::detail
