#pragma once

#include <vector>

#include "tinytorch/nn.h"

namespace tinytorch::nn {

/// For each tensor, whether it is the same object as an earlier one of the list. Tensors that only share elements are
/// different ones: each has a gradient of its own.
[[nodiscard]] std::vector<bool> repeated(const std::vector<Tensor>& tensors);

/// The list without the repeated tensors.
[[nodiscard]] std::vector<Tensor> unique(std::vector<Tensor> tensors);
[[nodiscard]] NamedTensors unique(NamedTensors tensors);

}  // namespace tinytorch::nn
