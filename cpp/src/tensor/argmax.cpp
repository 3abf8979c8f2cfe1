#include <limits>

#include "axis.h"
#include "check.h"
#include "dispatch.h"
#include "tinytorch/ops.h"

namespace tinytorch::ops {

Tensor argmax(const Tensor& a, Axes axes, Tensor* out) {
  const detail::AxisView view = detail::view_axis(a, axes, "argmax");
  detail::require_elements(view, a, "argmax");
  if (view.length > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    detail::fail(ErrorCode::overflow, {"argmax: an index into shape ", a.shape(), " does not fit into int32"});
  }
  detail::Destination to_out(out, view.result, DType::int32, a, "argmax");
  to_out.result().fill(0);
  detail::for_floating(a.dtype(), [&]<class T>() {
    const T* from = view.source.data<T>();
    std::int32_t* best = to_out.result().mutable_data<std::int32_t>();
    for (std::size_t o = 0; o < view.outer; ++o, from += view.length * view.inner, best += view.inner) {
      for (std::size_t i = 1; i < view.length; ++i) {
        for (std::size_t j = 0; j < view.inner; ++j) {
          const T value = from[i * view.inner + j];
          const T highest = from[static_cast<std::size_t>(best[j]) * view.inner + j];
          const bool first_nan = value != value && highest == highest;
          if (value > highest || first_nan) best[j] = static_cast<std::int32_t>(i);
        }
      }
    }
  });
  return to_out.finish();
}

}  // namespace tinytorch::ops
