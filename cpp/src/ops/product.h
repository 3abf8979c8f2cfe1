#pragma once

#include "tensor/elementwise.h"
#include "tinytorch/ops.h"

/// Matrix products that are not recorded (ops.h says what matmul() does).
namespace tinytorch::detail {

inline constexpr Op kMatmulOp{"matmul"};

/// The product in a new tensor; `options.out` is ignored.
[[nodiscard]] Tensor product(const Tensor& a, const Tensor& b, const ops::MatmulOptions& options);
void product_into(Tensor& out, const Tensor& a, const Tensor& b, const ops::MatmulOptions& options);

}  // namespace tinytorch::detail
