#pragma once

#include <cstdint>

namespace tinytorch::optim {

/// base^exponent by squaring: libm's pow differs from platform to platform.
inline double power(double base, std::int64_t exponent) noexcept {
  double result = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 != 0) result *= base;
  }
  return result;
}

}  // namespace tinytorch::optim
