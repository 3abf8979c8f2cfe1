#include <cmath>

#include "base/options.h"
#include "optim/update.h"
#include "tensor/dispatch.h"
#include "tinytorch/optim.h"

namespace tinytorch::optim {

namespace {

std::vector<Tensor> zeros_like(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> result;
  result.reserve(parameters.size());
  for (const Tensor& p : parameters) result.push_back(Tensor::zeros(p.shape(), p.dtype()));
  return result;
}

}  // namespace

SGD::SGD(std::vector<Tensor> parameters, double learning_rate, SGDOptions options)
    : Optimizer(std::move(parameters), learning_rate), options_(options) {
  detail::require_not_negative("SGD", "momentum", options_.momentum);
  detail::require_not_negative("SGD", "weight_decay", options_.weight_decay);
  if (!std::isfinite(options_.dampening)) {
    detail::fail(ErrorCode::invalid_argument, {"SGD: dampening must be finite, got ", options_.dampening});
  }
  if (options_.nesterov && !(options_.momentum > 0 && options_.dampening == 0)) {
    detail::fail(ErrorCode::invalid_argument, {"SGD: nesterov needs a momentum and no dampening, got momentum ",
                                               options_.momentum, " and dampening ", options_.dampening});
  }
  if (options_.momentum != 0) velocity_ = zeros_like(parameters_);
}

void SGD::update(std::size_t index, std::int64_t step, Tensor& parameter, const Tensor& gradient) {
  const SgdNumbers numbers{.rate = learning_rate_,
                           .weight_decay = options_.weight_decay,
                           .momentum = options_.momentum,
                           .fresh = step == 1 ? 1 : 1 - options_.dampening,
                           .nesterov = options_.nesterov};
  detail::for_floating(parameter.dtype(), [&]<class T>() {
    update_sgd<T>(static_cast<std::size_t>(parameter.numel()), gradient.data<T>(), parameter.mutable_data<T>(),
                  velocity_.empty() ? nullptr : velocity_[index].mutable_data<T>(), numbers);
  });
}

std::vector<std::pair<std::string, double>> SGD::options() const {
  return {{"momentum", options_.momentum},
          {"dampening", options_.dampening},
          {"weight_decay", options_.weight_decay},
          {"nesterov", options_.nesterov ? 1 : 0}};
}

std::vector<std::pair<std::string, Tensor>> SGD::state() const {
  std::vector<std::pair<std::string, Tensor>> result = Optimizer::state();
  for (std::size_t i = 0; i < velocity_.size(); ++i) result.emplace_back("momentum." + std::to_string(i), velocity_[i]);
  return result;
}

}  // namespace tinytorch::optim
