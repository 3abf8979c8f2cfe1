#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "tinytorch/dtype.h"
#include "tinytorch/shape.h"

namespace tinytorch::detail {

/// `value` as To. Into int32: towards zero, saturating, NaN becomes 0 (C++ leaves those open).
template <class To, class From>
[[nodiscard]] inline To convert(From value) noexcept {
  if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    if (!(value > static_cast<From>(std::numeric_limits<To>::min()))) {
      return value == value ? std::numeric_limits<To>::min() : To{0};
    }
    return value < -static_cast<From>(std::numeric_limits<To>::min()) ? static_cast<To>(value)
                                                                      : std::numeric_limits<To>::max();
  } else {
    return static_cast<To>(value);
  }
}

template <class Byte>
struct StridedBytes {
  Byte* data;
  Strides strides;  ///< in elements
  DType dtype;
};

/// Copies and converts `shape`'s elements. The two must not overlap.
void copy_strided(const StridedBytes<std::byte>& to, const StridedBytes<const std::byte>& from, const Shape& shape);

}  // namespace tinytorch::detail
