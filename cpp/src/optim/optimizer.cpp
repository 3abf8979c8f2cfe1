#include <cstddef>

#include "autograd/tape.h"
#include "base/options.h"
#include "nn/repeated.h"
#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/optim.h"
#include "tinytorch/profile.h"

namespace tinytorch::optim {

namespace {

bool is_leaf(const Tensor& t) noexcept {
  const detail::History* history = detail::history(t);
  return history == nullptr || !history->node;
}

}  // namespace

Optimizer::Optimizer(std::vector<Tensor> parameters, double learning_rate) : parameters_(std::move(parameters)) {
  set_learning_rate(learning_rate);
  if (parameters_.empty()) detail::fail(ErrorCode::invalid_argument, {"optimizer: there are no parameters"});
  for (const Tensor& p : parameters_) {
    detail::require_floating(p, "optimizer", "a parameter");
    if (!is_leaf(p) || !p.is_contiguous()) {
      detail::fail(ErrorCode::autograd, {"optimizer: a parameter of shape ", p.shape(), " is not a dense leaf"});
    }
  }
  const std::vector<bool> again = nn::repeated(parameters_);
  for (std::size_t i = 0; i < again.size(); ++i) {
    if (!again[i]) continue;
    detail::fail(ErrorCode::invalid_argument,
                 {"optimizer: parameter ", i, ", of shape ", parameters_[i].shape(), ", is in the list twice"});
  }
  updates_ = Tensor::zeros({static_cast<std::int64_t>(parameters_.size())}, DType::float64);
}

void Optimizer::set_learning_rate(double value) {
  detail::require_not_negative("optimizer", "the learning rate", value);
  learning_rate_ = value;
}

void Optimizer::step() {
  const ProfileScope scope("optimizer");
  double* updates = updates_.mutable_data<double>();
  ++steps_;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor gradient = grad(parameters_[i]);
    if (!gradient.defined()) continue;
    update(i, static_cast<std::int64_t>(++updates[i]), parameters_[i], gradient);
  }
}

void Optimizer::zero_grad() {
  for (Tensor& p : parameters_) {
    if (requires_grad(p)) set_grad(p, {});
  }
}

std::vector<std::pair<std::string, Tensor>> Optimizer::state() const { return {{"step", updates_}}; }

}  // namespace tinytorch::optim
