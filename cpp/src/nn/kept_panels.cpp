#include "nn/kept_panels.h"

#include "tinytorch/error.h"

namespace tinytorch::nn {

bool KeptPanels::knows(const Tensor& weight, KernelId rung) const noexcept {
  return version_ == weight.version() && rung_ == rung && !weight_.owner_before(weight.impl()) &&
         !weight.impl().owner_before(weight_);
}

void KeptPanels::forget(const Tensor& weight, KernelId rung) {
  weight_ = weight.impl();
  version_ = weight.version();
  rung_ = rung;
  no_memory_ = false;
  panels_ = Tensor();
}

const Tensor* KeptPanels::get(const Tensor& weight, std::int64_t rows, KernelId kernel) {
  const KernelId rung = detail::panels_kernel(kernel);
  if (!knows(weight, rung)) {
    forget(weight, rung);
    return nullptr;
  }
  const std::size_t size = detail::packed_size(weight, rows, rung);
  if (size == 0) return nullptr;
  if (!panels_.defined() && !no_memory_) {
    try {
      panels_ = detail::pack_matrix(weight, size, rung);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::out_of_memory) throw;
      no_memory_ = true;
    }
  }
  return panels_.defined() ? &panels_ : nullptr;
}

}  // namespace tinytorch::nn
