#pragma once

#include <cstdint>

#include "tinytorch/dtype.h"

namespace tinytorch::detail {

/// Calls `f.template operator()<T>()` with the element type.
template <class F>
decltype(auto) for_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::float32: return f.template operator()<float>();
    case DType::float64: return f.template operator()<double>();
    case DType::int32: return f.template operator()<std::int32_t>();
    case DType::uint8: break;
  }
  return f.template operator()<std::uint8_t>();
}

/// The same for a dtype that is known to be floating.
template <class F>
decltype(auto) for_floating(DType dtype, F&& f) {
  if (dtype == DType::float64) return f.template operator()<double>();
  return f.template operator()<float>();
}

}  // namespace tinytorch::detail
