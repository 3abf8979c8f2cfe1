#pragma once

#include "tensor/elementwise.h"

namespace tinytorch::detail {

/// a^b with C's rules for zeros, infinities and NaN (pow(x, 0) = pow(1, y) = 1). float64: below 0.6 ulp; float32 is
/// computed in float64 and rounded: below 0.51 ulp.
extern const Rows pow_rows;

}  // namespace tinytorch::detail
