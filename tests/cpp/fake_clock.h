#pragma once

#include "base/clock.h"

namespace tinytorch::testing {

/// While it lives, what the library measures is measured with this clock: each reading is `step` milliseconds after the
/// one before, and `advance` lets more time pass. One at a time.
class FakeClock {
 public:
  explicit FakeClock(double step = 0) {
    now_ = 1000;
    step_ = step;
    detail::measuring_clock = read;
  }
  ~FakeClock() { detail::measuring_clock = detail::now_ms; }
  FakeClock(const FakeClock&) = delete;
  FakeClock& operator=(const FakeClock&) = delete;

  void advance(double ms) { now_ += ms; }
  void set_step(double ms) { step_ = ms; }

 private:
  static double read() noexcept { return now_ += step_; }
  static inline double now_ = 0, step_ = 0;
};

}  // namespace tinytorch::testing
