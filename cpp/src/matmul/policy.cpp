#include "matmul/policy.h"

#include "matmul/registry.h"

namespace tinytorch::detail {

KernelId choose_kernel(double work) noexcept {
  // The table goes from slow to fast: take its last rung that is available. That is right at every shape, because the
  // fast rungs themselves leave out what does not pay, such as packing for few rows (packed/in_place.h); only 1 and 2
  // square are faster as three loops. A product too small for a second thread does not go to `threaded` at all.
  return work < kLeastSharedWork ? best_single_kernel() : best_kernel();
}

}  // namespace tinytorch::detail
