#include <cmath>

#include "nn/initialize.h"
#include "nn/kept_panels.h"
#include "nn/own_forward.h"
#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/nn.h"
#include "tinytorch/ops.h"
#include "tinytorch/profile.h"

namespace tinytorch::nn {

Dense::Dense(std::int64_t in_features, std::int64_t out_features, bool bias, DType dtype)
    : in_(in_features), out_(out_features), panels_(std::make_unique<KeptPanels>()) {
  name_ = "Dense(" + std::to_string(in_) + ", " + std::to_string(out_) + ")";
  if (in_ < 1 || out_ < 1) detail::fail(ErrorCode::invalid_argument, {name_, ": both sizes must be positive"});
  if (!is_floating(dtype))
    detail::fail(ErrorCode::dtype, {name_, ": needs float32 or float64, not ", tinytorch::name_of(dtype)});
  weight_ = Tensor::empty({in_, out_}, dtype);
  const double bound = 1 / std::sqrt(static_cast<double>(in_));
  fill_uniform(weight_, bound);
  set_requires_grad(weight_);
  if (bias) {
    bias_ = Tensor::empty({out_}, dtype);
    fill_uniform(bias_, bound);
    set_requires_grad(bias_);
  }
}

Dense::~Dense() = default;

Tensor Dense::forward(const Tensor& x) { return apply(x, Activation::none, nullptr); }
Tensor Dense::forward_into(const Tensor& x, Tensor& out) {
  return has_forward_of<Dense>(*this) ? apply(x, Activation::none, &out) : Module::forward_into(x, out);
}
bool Dense::fuses_with(const Module& next) const { return has_forward_of<Dense>(*this) && has_forward_of<ReLU>(next); }
Tensor Dense::forward_fused(const Tensor& x, Tensor* out) { return apply(x, Activation::relu, out); }

Tensor Dense::apply(const Tensor& x, Activation activation, Tensor* out) {
  const ProfileScope scope(name_);
  detail::require_defined(x, name_, "x");
  if (x.ndim() == 0 || x.size(-1) != in_) {
    detail::fail(ErrorCode::shape, {name_, ": the input's last axis must be ", in_, ", x is ", x.shape()});
  }
  ops::MatmulOptions options{.kernel = kernel_, .activation = activation, .out = out};
  if (x.dtype() == weight_.dtype()) options.panels = panels_->get(weight_, x.numel() / in_, kernel_);
  return ops::linear(x, weight_, bias_, options);
}

NamedTensors Dense::named_parameters() const {
  NamedTensors result{{"weight", weight_}};
  if (bias_.defined()) result.emplace_back("bias", bias_);
  return result;
}

}  // namespace tinytorch::nn
