#include "tinytorch/nn.h"
#include "tinytorch/ops.h"
#include "tinytorch/profile.h"

namespace tinytorch::nn {

Tensor ReLU::forward(const Tensor& x) {
  const ProfileScope scope("ReLU");
  return ops::relu(x);
}

}  // namespace tinytorch::nn
