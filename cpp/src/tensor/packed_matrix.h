#pragma once

#include <cstdint>

#include "tinytorch/matmul.h"
#include "tinytorch/tensor.h"

/// A right operand of matrix products in the panels of the rung that reads them (matmul/packed/pack.h), for whoever
/// multiplies by the same matrix many times.
namespace tinytorch::detail {

/// The rung whose panels a product reads, with the kernel that is asked for or the policy's choice. All cores read
/// those of the best rung of one.
[[nodiscard]] KernelId panels_kernel(KernelId kernel);

/// How many elements the panels have; 0 where that product is not faster with them.
[[nodiscard]] std::size_t packed_size(const Tensor& b, std::int64_t rows, KernelId rung);

/// The panels, for MatmulOptions::panels: `size` elements. Throws Error(out_of_memory).
[[nodiscard]] Tensor pack_matrix(const Tensor& b, std::size_t size, KernelId rung);

}  // namespace tinytorch::detail
