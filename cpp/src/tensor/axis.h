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
  Shape result;  ///< without the axis, or with it, of size 1
};
/// Over one axis, or over all of them where none is given. Throws Error(invalid_argument) for an axis out of range.
[[nodiscard]] AxisSizes find_axis(const Shape& shape, std::optional<std::int64_t> dim, bool keepdim,
                                  std::string_view op);

/// A tensor seen so, row-major.
struct AxisView {
  AxisSizes sizes;
  Tensor source;
};
[[nodiscard]] AxisView view_axis(const Tensor& a, std::optional<std::int64_t> dim, bool keepdim, std::string_view op);

/// Error(shape) where a result would have to come from no elements.
void require_elements(const AxisView& view, const Tensor& a, std::string_view op);

/// The sums over the middle into `result`, a row-major tensor of the source's dtype (reduce.h says in which order).
void sum_axis(const AxisView& view, Tensor& result);

}  // namespace tinytorch::detail
