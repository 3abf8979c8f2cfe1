#include <cmath>

#include "tensor/check.h"
#include "tinytorch/nn.h"
#include "tinytorch/ops.h"
#include "tinytorch/profile.h"

namespace tinytorch::nn {

namespace {

/// Uniform in [-bound, bound), the library's default generator.
Tensor uniform(const Shape& shape, double bound, DType dtype) {
  Tensor result = Tensor::rand(shape, dtype);
  const Tensor scale = Tensor::scalar(2 * bound, dtype), shift = Tensor::scalar(bound, dtype);
  return ops::sub(ops::mul(result, scale, &result), shift, &result);
}

}  // namespace

Dense::Dense(std::int64_t in_features, std::int64_t out_features, bool bias, DType dtype)
    : in_(in_features), out_(out_features) {
  name_ = "Dense(" + std::to_string(in_) + ", " + std::to_string(out_) + ")";
  if (in_ < 1 || out_ < 1) detail::fail(ErrorCode::invalid_argument, {name_, ": both sizes must be positive"});
  if (!is_floating(dtype))
    detail::fail(ErrorCode::dtype, {name_, ": needs float32 or float64, not ", tinytorch::name_of(dtype)});
  const double bound = 1 / std::sqrt(static_cast<double>(in_));
  weight_ = uniform({in_, out_}, bound, dtype);
  if (bias) bias_ = uniform({out_}, bound, dtype);
}

Tensor Dense::forward(const Tensor& x) { return apply(x, Activation::none); }
Tensor Dense::forward_relu(const Tensor& x) { return apply(x, Activation::relu); }

Tensor Dense::apply(const Tensor& x, Activation activation) {
  const ProfileScope scope(name_);
  detail::require_defined(x, name_, "x");
  if (x.ndim() == 0 || x.size(-1) != in_) {
    detail::fail(ErrorCode::shape, {name_, ": the input's last axis must be ", in_, ", x is ", x.shape()});
  }
  ops::MatmulOptions options;
  options.kernel = kernel_;
  options.bias = bias_.defined() ? &bias_ : nullptr;
  options.activation = activation;
  return ops::matmul(x, weight_, options);
}

std::vector<std::pair<std::string, Tensor>> Dense::named_parameters() const {
  std::vector<std::pair<std::string, Tensor>> result{{"weight", weight_}};
  if (bias_.defined()) result.emplace_back("bias", bias_);
  return result;
}

}  // namespace tinytorch::nn
