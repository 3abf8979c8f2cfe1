#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/nn.h"
#include "tinytorch/profile.h"

namespace tinytorch::nn {

Tensor ReLU::forward(const Tensor& x) {
  const ProfileScope scope("ReLU");
  return autograd::relu(x);
}

Tensor Sigmoid::forward(const Tensor& x) {
  const ProfileScope scope("Sigmoid");
  return autograd::sigmoid(x);
}

Tensor Tanh::forward(const Tensor& x) {
  const ProfileScope scope("Tanh");
  return autograd::tanh(x);
}

Tensor GELU::forward(const Tensor& x) {
  const ProfileScope scope("GELU");
  return autograd::gelu(x);
}

Tensor Softmax::forward(const Tensor& x) {
  const ProfileScope scope("Softmax");
  return autograd::softmax(x, dim_);
}

Dropout::Dropout(double p) : p_(p) {
  if (!(p >= 0 && p <= 1)) detail::fail(ErrorCode::invalid_argument, {"Dropout: p is ", p, ", not between 0 and 1"});
}

Tensor Dropout::forward(const Tensor& x) {
  const ProfileScope scope("Dropout");
  return training() && p_ > 0 ? autograd::dropout(x, p_) : x;
}

Tensor Flatten::forward(const Tensor& x) {
  if (x.ndim() == 0) detail::fail(ErrorCode::shape, {"Flatten: needs at least one axis, x is []"});
  return autograd::reshape(x, {x.size(0), x.size(0) == 0 ? 0 : x.numel() / x.size(0)});
}

}  // namespace tinytorch::nn
