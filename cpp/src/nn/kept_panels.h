#pragma once

#include <cstdint>
#include <memory>

#include "tensor/packed_matrix.h"
#include "tinytorch/matmul.h"
#include "tinytorch/tensor.h"

namespace tinytorch::nn {

/// A layer's weight in the panels of the rung that multiplies by it, packed once for as long as nobody writes to it.
/// Training writes at every step, so the panels are made when a weight is met for the second time unchanged.
class KeptPanels {
 public:
  /// The panels for a product of `rows` rows, or null where there are none (yet), or the product is better without.
  [[nodiscard]] const Tensor* get(const Tensor& weight, std::int64_t rows, KernelId kernel);

 private:
  [[nodiscard]] bool knows(const Tensor& weight, KernelId rung) const noexcept;
  void forget(const Tensor& weight, KernelId rung);

  std::weak_ptr<TensorImpl> weight_;  ///< whose panels these are, and what it was like then
  std::uint64_t version_ = 0;
  KernelId rung_ = kAutoKernel;
  bool no_memory_ = false;  ///< for the panels: not asked for again
  Tensor panels_;
};

}  // namespace tinytorch::nn
