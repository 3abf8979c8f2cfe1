#pragma once

#include "matmul/args.h"

namespace tinytorch::detail {

/// Multiply-adds that are worth a second thread: 5 microseconds of one. Measured in Chromium, two threads against one,
/// microseconds a call: 52 square 4.2 and 6.1, 1x784x256 6.9 and 10.0, 64 square 6.6 and 9.6.
inline constexpr double kLeastSharedWork = 128.0 * 1024;

/// The multiply-adds of a product.
template <class T>
[[nodiscard]] double work_of(const MatmulArgs<T>& args) noexcept {
  return static_cast<double>(args.m) * static_cast<double>(args.n) * static_cast<double>(args.k);
}

/// The rung that `auto` stands for, for so many multiply-adds: the fastest available one.
[[nodiscard]] KernelId choose_kernel(double work) noexcept;

}  // namespace tinytorch::detail
