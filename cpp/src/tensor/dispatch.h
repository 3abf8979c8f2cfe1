#pragma once

#include <cstdint>

#include "base/fail.h"
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

/// The same for a floating dtype; Error(dtype) for another, so that an integer is never taken for a float.
template <class F>
decltype(auto) for_floating(DType dtype, F&& f) {
  if (dtype == DType::float32) return f.template operator()<float>();
  if (dtype == DType::float64) return f.template operator()<double>();
  fail(ErrorCode::dtype, {"needs float32 or float64, not ", name_of(dtype)});
}

}  // namespace tinytorch::detail
