#pragma once

#include <cstdint>
#include <memory>

#include "tensor/packed_matrix.h"
#include "tinytorch/matmul.h"
#include "tinytorch/tensor.h"

namespace tinytorch::nn {

/// A layer's weight, packed into the panels that its rung reads. It is packed once and kept until somebody writes to
/// the weight. Training writes at every step, so get() makes the panels only when it sees the same weight, unchanged,
/// for the second time.
class KeptPanels {
 public:
  /// The panels for a product of `rows` rows. Null if there are none (yet), or they do not make the product faster.
  [[nodiscard]] const Tensor* get(const Tensor& weight, std::int64_t rows, KernelId kernel);

 private:
  [[nodiscard]] bool knows(const Tensor& weight, KernelId rung) const noexcept;
  void forget(const Tensor& weight, KernelId rung);

  std::weak_ptr<TensorImpl> weight_;  ///< the panels are of this weight, in this version and for this rung
  std::uint64_t version_ = 0;
  KernelId rung_ = kAutoKernel;
  bool no_memory_ = false;  ///< there was none for the panels: do not try again
  Tensor panels_;
};

}  // namespace tinytorch::nn
