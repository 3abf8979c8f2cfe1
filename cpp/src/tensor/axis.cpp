#include "axis.h"

#include "check.h"

namespace tinytorch::detail {

AxisView view_axis(const Tensor& a, const ops::Axes& axes, std::string_view op) {
  require_floating(a, op, "a");
  AxisView view;
  if (!axes.dim) {
    view.length = static_cast<std::size_t>(a.numel());
    if (axes.keepdim) view.result.resize(a.ndim(), 1);
  } else {
    const std::size_t dim = require_reduced_dim(*axes.dim, a.shape(), op);
    for (std::size_t i = 0; i < a.ndim(); ++i) {
      const std::int64_t size = a.shape()[i];
      (i < dim ? view.outer : i == dim ? view.length : view.inner) *= static_cast<std::size_t>(size);
      if (i != dim) {
        view.result.push_back(size);
      } else if (axes.keepdim) {
        view.result.push_back(1);
      }
    }
  }
  view.source = a.contiguous();
  return view;
}

void require_elements(const AxisView& view, const Tensor& a, std::string_view op) {
  if (view.length == 0 && view.outer * view.inner > 0) {
    fail(ErrorCode::shape, {op, ": no elements to choose from in shape ", a.shape()});
  }
}

}  // namespace tinytorch::detail
