#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "tinytorch/dtype.h"
#include "tinytorch/shape.h"

namespace tinytorch::detail {

/// `value` as To. Into an integer: towards zero, saturating, NaN becomes 0 (C++ leaves those open).
template <class To, class From>
[[nodiscard]] inline To convert(From value) noexcept {
  if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    using Limits = std::numeric_limits<To>;
    if (!(value > static_cast<From>(Limits::min()))) return value == value ? Limits::min() : To{0};
    return value < static_cast<From>(Limits::max()) ? static_cast<To>(value) : Limits::max();
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

/// Copies and converts `shape`'s elements: floating ones as convert() does, int32 into uint8 by the low bits. The two
/// must not overlap.
void copy_strided(const StridedBytes<std::byte>& to, const StridedBytes<const std::byte>& from, const Shape& shape);

/// `count` elements from `index` on, `step` apart, as doubles; float32 and integers exactly.
void load_elements(const void* data, DType dtype, std::int64_t index, std::int64_t step, std::int64_t count,
                   double* out);

/// One element as a double, and back: for what is not worth a loop of its own for each type.
[[nodiscard]] double load_element(const void* data, DType dtype, std::int64_t index) noexcept;
void store_element(void* data, DType dtype, std::int64_t index, double value) noexcept;

}  // namespace tinytorch::detail
