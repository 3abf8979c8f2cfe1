#include "matmul/policy.h"

#include "matmul/registry.h"

namespace tinytorch::detail {

KernelId choose_kernel(double work) noexcept {
  // The table runs slow to fast: take its last rung that is available. That holds at every shape, because the fast
  // rungs themselves leave out what does not pay, such as packing for few rows (packed/in_place.h). But a small product
  // is over in a quarter of a microsecond: by way of all cores, 16 square took 13 ns more. Measured natively,
  // nanoseconds a call, relaxed against naive: 4 square 35 and 46, 8 square 64 and 218, 16 square 230 and 1500; only 1
  // and 2 square are faster as three loops, by 20 to 40.
  return work < kLeastSharedWork ? best_single_kernel() : best_kernel();
}

}  // namespace tinytorch::detail
