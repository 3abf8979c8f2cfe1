#pragma once

#include <cstdint>

#include "tinytorch/tensor.h"

/// What Tensor's functions for views and copies do, but without recording it. The code of an operation uses these,
/// because only the operation as a whole is recorded.
namespace tinytorch::detail {

[[nodiscard]] Tensor reshaped(const Tensor& a, Shape target);
[[nodiscard]] Tensor transposed(const Tensor& a, std::int64_t dim0 = -2, std::int64_t dim1 = -1);
[[nodiscard]] Tensor sliced(const Tensor& a, std::int64_t dim, std::int64_t start, std::int64_t stop,
                            std::int64_t step = 1);
/// `a` itself where it has that shape.
[[nodiscard]] Tensor expanded(const Tensor& a, const Shape& target);
/// A row-major copy.
[[nodiscard]] Tensor copied(const Tensor& a);
/// `a` itself where it is row-major, else a copy.
[[nodiscard]] Tensor row_major(const Tensor& a);
/// `a` itself where it has that dtype, else a copy.
[[nodiscard]] Tensor converted(const Tensor& a, DType dtype);

}  // namespace tinytorch::detail
