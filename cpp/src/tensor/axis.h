#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tinytorch/tensor.h"

namespace tinytorch::detail {

/// A shape seen as [outer, length, inner], to be reduced over the middle.
struct AxisSizes {
  std::size_t outer = 1, length = 1, inner = 1;
  Shape result;  ///< the shape of the result: without the axis, or with size 1 in its place
};
/// The sizes for one axis, or for all axes as one if none is given. Error(invalid_argument) for an axis out of range.
[[nodiscard]] AxisSizes find_axis(const Shape& shape, std::optional<std::int64_t> dim, bool keepdim,
                                  std::string_view op);

/// A row-major tensor with these sizes.
struct AxisView {
  AxisSizes sizes;
  Tensor source;
};
[[nodiscard]] AxisView view_axis(const Tensor& a, std::optional<std::int64_t> dim, bool keepdim, std::string_view op);

/// Throws Error(shape) if the result has elements but the reduced axis has none.
void require_elements(const AxisView& view, const Tensor& a, std::string_view op);

/// Writes the sums over the middle axis into `result`, a row-major tensor of the source's dtype. reduce.h gives the
/// order of the sums.
void sum_axis(const AxisView& view, Tensor& result);

}  // namespace tinytorch::detail
