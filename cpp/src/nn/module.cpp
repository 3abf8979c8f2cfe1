#include "tinytorch/nn.h"

namespace tinytorch::nn {

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> result;
  for (auto& [name, tensor] : named_parameters()) result.push_back(tensor);
  return result;
}

}  // namespace tinytorch::nn
