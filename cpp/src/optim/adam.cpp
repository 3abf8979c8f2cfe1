#include <cmath>

#include "base/options.h"
#include "optim/power.h"
#include "optim/update.h"
#include "tensor/dispatch.h"
#include "tinytorch/optim.h"

namespace tinytorch::optim {

Adam::Adam(std::vector<Tensor> parameters, double learning_rate, AdamOptions options)
    : Adam(std::move(parameters), learning_rate, options, false) {}

Adam::Adam(std::vector<Tensor> parameters, double learning_rate, AdamOptions options, bool decoupled)
    : Optimizer(std::move(parameters), learning_rate), options_(options), decoupled_(decoupled) {
  detail::require_below_one(kind(), "beta1", options_.beta1);
  detail::require_below_one(kind(), "beta2", options_.beta2);
  detail::require_not_negative(kind(), "eps", options_.eps);
  detail::require_not_negative(kind(), "weight_decay", options_.weight_decay);
  for (const Tensor& p : parameters_) {
    mean_.push_back(Tensor::zeros(p.shape(), p.dtype()));
    square_.push_back(Tensor::zeros(p.shape(), p.dtype()));
  }
}

AdamW::AdamW(std::vector<Tensor> parameters, double learning_rate, AdamOptions options)
    : Adam(std::move(parameters), learning_rate, options, true) {}

void Adam::update(std::size_t index, std::int64_t step, Tensor& parameter, const Tensor& gradient) {
  const double b1 = options_.beta1, b2 = options_.beta2, decay = options_.weight_decay;
  const AdamNumbers numbers{.beta1 = b1,
                            .beta2 = b2,
                            .eps = options_.eps,
                            .rate = learning_rate_ / (1 - power(b1, step)),
                            .scale = 1 / std::sqrt(1 - power(b2, step)),
                            .add_decay = decoupled_ ? 0 : decay,
                            .shrink = decoupled_ ? 1 - learning_rate_ * decay : 1};
  detail::for_floating(parameter.dtype(), [&]<class T>() {
    update_adam<T>(static_cast<std::size_t>(parameter.numel()), gradient.data<T>(), parameter.mutable_data<T>(),
                   mean_[index].mutable_data<T>(), square_[index].mutable_data<T>(), numbers);
  });
}

std::vector<std::pair<std::string, double>> Adam::options() const {
  return {{"beta1", options_.beta1},
          {"beta2", options_.beta2},
          {"eps", options_.eps},
          {"weight_decay", options_.weight_decay}};
}

std::vector<std::pair<std::string, Tensor>> Adam::state() const {
  std::vector<std::pair<std::string, Tensor>> result = Optimizer::state();
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    result.emplace_back("exp_avg." + std::to_string(i), mean_[i]);
    result.emplace_back("exp_avg_sq." + std::to_string(i), square_[i]);
  }
  return result;
}

}  // namespace tinytorch::optim
