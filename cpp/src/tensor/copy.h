#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "tinytorch/dtype.h"
#include "tinytorch/shape.h"

namespace tinytorch::detail {

/// `value` as To. A floating number becomes an integer towards zero; one out of range becomes the nearest limit, NaN
/// becomes 0 (both are undefined in C++).
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

/// Copies and converts the elements of that shape: floating ones as convert() does, int32 into uint8 by the low bits.
/// `to` and `from` must not overlap.
void copy_strided(const StridedBytes<std::byte>& to, const StridedBytes<const std::byte>& from, const Shape& shape);

/// Reads `count` elements from `index` on, `step` apart, as doubles, which hold every type exactly.
void load_elements(const void* data, DType dtype, std::int64_t index, std::int64_t step, std::int64_t count,
                   double* out);

/// Reads one element as a double, and writes one. For code where a loop for each type would not pay.
[[nodiscard]] double load_element(const void* data, DType dtype, std::int64_t index) noexcept;
void store_element(void* data, DType dtype, std::int64_t index, double value) noexcept;

}  // namespace tinytorch::detail
