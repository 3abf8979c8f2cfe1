#include "nn/initialize.h"

#include <cmath>

#include "tensor/check.h"
#include "tinytorch/nn.h"
#include "tinytorch/ops.h"

namespace tinytorch::nn {

namespace {

Tensor number(double value, const Tensor& like) { return Tensor::scalar(value, like.dtype()); }

}  // namespace

void fill_uniform(Tensor& t, double bound) {
  const Tensor u = Tensor::rand(t.shape(), t.dtype());
  (void)ops::sub(ops::mul(u, number(2 * bound, t)), number(bound, t), &t);
}

void initialize(Tensor& weight, Init init) {
  detail::require_floating(weight, "initialize", "the weight");
  if (weight.ndim() != 2) {
    detail::fail(ErrorCode::shape, {"initialize: needs a weight [in, out], it is ", weight.shape()});
  }
  const auto in = static_cast<double>(weight.size(0)), out = static_cast<double>(weight.size(1));
  const bool kaiming = init == Init::kaiming_uniform || init == Init::kaiming_normal;
  const double deviation = std::sqrt(kaiming ? 2 / in : 2 / (in + out));
  if (init == Init::kaiming_uniform || init == Init::xavier_uniform) {
    fill_uniform(weight, deviation * std::sqrt(3.0));
  } else {
    (void)ops::mul(Tensor::randn(weight.shape(), weight.dtype()), number(deviation, weight), &weight);
  }
}

}  // namespace tinytorch::nn
