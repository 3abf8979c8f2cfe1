#pragma once

#include <ctime>

namespace tinytorch::detail {

/// Milliseconds since some fixed moment. Not std::chrono, whose clocks bring the library's error categories, some ten
/// kilobytes, into a wasm module.
[[nodiscard]] inline double now_ms() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

}  // namespace tinytorch::detail
