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

/// What figures are measured with: a profile, a trainer's speed, the choice of tiles. Tests set a clock of their own
/// here, which moves by known steps; nothing else does. The thread pool keeps to now_ms().
inline double (*measuring_clock)() noexcept = now_ms;

[[nodiscard]] inline double measured_ms() noexcept { return measuring_clock(); }

}  // namespace tinytorch::detail
