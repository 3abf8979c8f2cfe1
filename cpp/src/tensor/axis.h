#pragma once

#include <cstddef>
#include <string_view>

#include "tinytorch/ops.h"
#include "tinytorch/tensor.h"

namespace tinytorch::detail {

/// A contiguous tensor seen as [outer, length, inner], to be reduced over the middle.
struct AxisView {
  Tensor source;
  std::size_t outer = 1, length = 1, inner = 1;
  Shape result;
};

/// Throws Error(dtype) for a tensor that is not floating, Error(invalid_argument) for an axis out of range.
[[nodiscard]] AxisView view_axis(const Tensor& a, const ops::Axes& axes, std::string_view op);

/// Error(shape) where a result would have to come from no elements.
void require_elements(const AxisView& view, const Tensor& a, std::string_view op);

}  // namespace tinytorch::detail
