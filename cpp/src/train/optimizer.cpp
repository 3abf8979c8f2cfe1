#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/optim.h"
#include "tinytorch/profile.h"

namespace tinytorch::optim {

Optimizer::Optimizer(std::vector<Tensor> parameters, double learning_rate) : parameters_(std::move(parameters)) {
  set_learning_rate(learning_rate);
  for (const Tensor& p : parameters_) {
    detail::require_floating(p, "optimizer", "a parameter");
    if (!requires_grad(p) || !p.is_contiguous()) {
      detail::fail(ErrorCode::autograd,
                   {"optimizer: a parameter of shape ", p.shape(), " is not a dense leaf that requires a gradient"});
    }
  }
}

void Optimizer::set_learning_rate(double value) {
  if (!(value >= 0)) detail::fail(ErrorCode::invalid_argument, {"optimizer: the learning rate is ", value});
  learning_rate_ = value;
}

void Optimizer::step() {
  const ProfileScope scope("optimizer");
  ++steps_;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor gradient = grad(parameters_[i]);
    if (gradient.defined()) update(i, parameters_[i], gradient);
  }
}

void Optimizer::zero_grad() {
  for (Tensor& p : parameters_) set_grad(p, {});
}

}  // namespace tinytorch::optim
