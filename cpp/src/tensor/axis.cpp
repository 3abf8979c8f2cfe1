#include "axis.h"

#include "check.h"
#include "dispatch.h"
#include "reduce.h"
#include "views.h"

namespace tinytorch::detail {

AxisSizes find_axis(const Shape& shape, std::optional<std::int64_t> dim, bool keepdim, std::string_view op) {
  AxisSizes sizes;
  const std::size_t axis = dim ? require_reduced_dim(*dim, shape, op) : 0;
  if (!dim || shape.empty()) {
    sizes.length = static_cast<std::size_t>(numel(shape));
    if (keepdim) sizes.result.resize(shape.size(), 1);
    return sizes;
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    (i < axis ? sizes.outer : i == axis ? sizes.length : sizes.inner) *= static_cast<std::size_t>(shape[i]);
    if (i != axis) {
      sizes.result.push_back(shape[i]);
    } else if (keepdim) {
      sizes.result.push_back(1);
    }
  }
  return sizes;
}

AxisView view_axis(const Tensor& a, std::optional<std::int64_t> dim, bool keepdim, std::string_view op) {
  return {find_axis(a.shape(), dim, keepdim, op), row_major(a)};
}

void require_elements(const AxisView& view, const Tensor& a, std::string_view op) {
  if (view.sizes.length == 0 && view.sizes.outer * view.sizes.inner > 0) {
    fail(ErrorCode::shape, {op, ": no elements to choose from in shape ", a.shape()});
  }
}

void sum_axis(const AxisView& view, Tensor& result) {
  for_floating(result.dtype(), [&]<class T>() {
    const T* from = view.source.data<T>();
    T* to = result.mutable_data<T>();
    for (std::size_t o = 0; o < view.sizes.outer;
         ++o, from += view.sizes.length * view.sizes.inner, to += view.sizes.inner) {
      if (view.sizes.inner == 1) {
        *to = sum_row(from, view.sizes.length);
      } else {
        sum_columns(from, view.sizes.length, view.sizes.inner, view.sizes.inner, to);
      }
    }
  });
}

}  // namespace tinytorch::detail
