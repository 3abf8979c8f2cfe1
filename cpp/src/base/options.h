#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

#include "base/fail.h"

/// The rules for options, which are PyTorch's. Each throws Error(invalid_argument) that names the option and its value.
namespace tinytorch::detail {

inline void require_not_negative(std::string_view where, std::string_view what, double value) {
  if (std::isfinite(value) && value >= 0) return;
  fail(ErrorCode::invalid_argument, {where, ": ", what, " must be finite and >= 0, got ", value});
}

inline void require_whole(std::string_view where, std::string_view what, std::int64_t value, std::int64_t least) {
  if (value >= least) return;
  fail(ErrorCode::invalid_argument, {where, ": ", what, " must be >= ", least, ", got ", value});
}

/// In [0, 1).
inline void require_below_one(std::string_view where, std::string_view what, double value) {
  if (value >= 0 && value < 1) return;
  fail(ErrorCode::invalid_argument, {where, ": ", what, " must be at least 0 and below 1, got ", value});
}

}  // namespace tinytorch::detail
