#pragma once

#include <cstdint>

#include "tinytorch/matmul.h"
#include "tinytorch/tensor.h"

/// A right operand of matrix products, packed into the panels that a rung reads (matmul/packed/pack.h). It is for code
/// that multiplies by the same matrix many times.
namespace tinytorch::detail {

/// The rung whose panels a product reads if it runs with `kernel` or, for kAutoKernel, with the policy's choice. The
/// rung `threaded` reads the panels of the best rung of one thread.
[[nodiscard]] KernelId panels_kernel(KernelId kernel);

/// How many elements the panels have; 0 if a product with `rows` rows is not faster with them.
[[nodiscard]] std::size_t packed_size(const Tensor& b, std::int64_t rows, KernelId rung);

/// The panels, for MatmulOptions::panels: `size` elements. Throws Error(out_of_memory).
[[nodiscard]] Tensor pack_matrix(const Tensor& b, std::size_t size, KernelId rung);

}  // namespace tinytorch::detail
