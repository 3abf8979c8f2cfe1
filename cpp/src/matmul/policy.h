#pragma once

#include "matmul/args.h"

namespace tinytorch::detail {

/// The rung that `auto` stands for: the fastest available one for this shape, type and build.
template <class T>
[[nodiscard]] KernelId choose_kernel(const MatmulArgs<T>& args) noexcept;

}  // namespace tinytorch::detail
