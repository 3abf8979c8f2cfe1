#pragma once

#include <ctime>

namespace tinytorch::detail {

/// Milliseconds since some fixed moment. Not by std::chrono: its clocks bring the standard library's error categories
/// into a wasm module, which makes it larger.
[[nodiscard]] inline double now_ms() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

/// The clock for figures: a profile, a trainer's speed, the peak. Only tests replace it, by a clock that moves by known
/// steps. The thread pool always uses now_ms().
inline double (*measuring_clock)() noexcept = now_ms;

[[nodiscard]] inline double measured_ms() noexcept { return measuring_clock(); }

}  // namespace tinytorch::detail
