#include <cmath>

#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/nn.h"
#include "tinytorch/ops.h"
#include "tinytorch/profile.h"

namespace tinytorch::nn {

LayerNorm::LayerNorm(std::int64_t features, double eps, DType dtype) : eps_(eps) {
  name_ = "LayerNorm(" + std::to_string(features) + ")";
  if (features < 1) detail::fail(ErrorCode::invalid_argument, {name_, ": the size must be positive"});
  if (!(eps >= 0 && std::isfinite(eps))) {
    detail::fail(ErrorCode::invalid_argument, {name_, ": eps is ", eps, ", not finite and >= 0"});
  }
  weight_ = Tensor::ones({features}, dtype);
  bias_ = Tensor::zeros({features}, dtype);
  set_requires_grad(weight_);
  set_requires_grad(bias_);
}

Tensor LayerNorm::forward(const Tensor& x) {
  const ProfileScope scope(name_);
  detail::require_defined(x, name_, "x");
  if (x.ndim() == 0 || x.size(-1) != weight_.size(0)) {
    detail::fail(ErrorCode::shape, {name_, ": the input's last axis must be ", weight_.size(0), ", x is ", x.shape()});
  }
  return ops::layer_norm(x, weight_, bias_, eps_);
}

NamedTensors LayerNorm::named_parameters() const { return {{"weight", weight_}, {"bias", bias_}}; }

}  // namespace tinytorch::nn
