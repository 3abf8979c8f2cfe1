#include "nn/own_forward.h"
#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/nn.h"
#include "tinytorch/ops.h"
#include "tinytorch/profile.h"

namespace tinytorch::nn {

Tensor ReLU::forward(const Tensor& x) {
  const ProfileScope scope("ReLU");
  return ops::relu(x);
}

Tensor Sigmoid::forward(const Tensor& x) {
  const ProfileScope scope("Sigmoid");
  return ops::sigmoid(x);
}

Tensor Tanh::forward(const Tensor& x) {
  const ProfileScope scope("Tanh");
  return ops::tanh(x);
}

Tensor GELU::forward(const Tensor& x) {
  const ProfileScope scope("GELU");
  return ops::gelu(x);
}

Tensor Softmax::forward(const Tensor& x) {
  const ProfileScope scope("Softmax");
  return ops::softmax(x, dim_);
}

namespace {

/// forward_into() of a layer that is one operation without parameters.
template <class Layer, class Operation>
Tensor into(Layer& layer, const Tensor& x, Tensor& out, const Operation& operation) {
  if (!has_forward_of<Layer>(layer)) return layer.Module::forward_into(x, out);
  const ProfileScope scope(layer.name());
  refuse_recording(layer.name(), {&x});  // so that the error names the layer
  return operation();
}

}  // namespace

Tensor ReLU::forward_into(const Tensor& x, Tensor& out) {
  return into(*this, x, out, [&] { return ops::relu(x, &out); });
}

Tensor Sigmoid::forward_into(const Tensor& x, Tensor& out) {
  return into(*this, x, out, [&] { return ops::sigmoid(x, &out); });
}

Tensor Tanh::forward_into(const Tensor& x, Tensor& out) {
  return into(*this, x, out, [&] { return ops::tanh(x, &out); });
}

Tensor GELU::forward_into(const Tensor& x, Tensor& out) {
  return into(*this, x, out, [&] { return ops::gelu(x, &out); });
}

Tensor Softmax::forward_into(const Tensor& x, Tensor& out) {
  return into(*this, x, out, [&] { return ops::softmax(x, dim_, &out); });
}

Dropout::Dropout(double p) : p_(p) {
  if (!(p >= 0 && p <= 1)) detail::fail(ErrorCode::invalid_argument, {"Dropout: p is ", p, ", not between 0 and 1"});
}

Tensor Dropout::forward(const Tensor& x) {
  const ProfileScope scope("Dropout");
  return training() && p_ > 0 ? ops::dropout(x, p_) : x;
}

Shape Flatten::flattened(const Shape& shape) {
  (void)numel(shape);  // throws for sizes that are negative or too large
  Shape rest = shape;
  rest[0] = 1;
  return {shape[0], numel(rest)};
}

Tensor Flatten::forward(const Tensor& x) {
  detail::require_defined(x, "Flatten", "x");
  if (x.ndim() == 0) detail::fail(ErrorCode::shape, {"Flatten: needs at least one axis, x is []"});
  return x.reshape(flattened(x.shape()));
}

}  // namespace tinytorch::nn
