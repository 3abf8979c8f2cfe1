#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/nn.h"

namespace tinytorch::nn {

Tensor Module::forward_into(const Tensor& x, Tensor& out) {
  const Tensor y = forward(x);
  refuse_recording(name(), {&y});
  detail::require_out(out, y.shape(), y.dtype(), name());
  out.copy_from(y);
  return out;
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> result;
  for (auto& [name, tensor] : named_parameters()) result.push_back(tensor);
  return result;
}

}  // namespace tinytorch::nn
