#include <cmath>

#include "tensor/dispatch.h"
#include "tinytorch/optim.h"
#include "train/vector_pass.h"

namespace tinytorch::optim {

namespace {

/// By squaring: libm's pow differs from platform to platform.
double power(double base, std::int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 != 0) result *= base;
  }
  return result;
}

}  // namespace

Adam::Adam(std::vector<Tensor> parameters, double learning_rate, AdamOptions options)
    : Adam(std::move(parameters), learning_rate, options, false) {}

Adam::Adam(std::vector<Tensor> parameters, double learning_rate, AdamOptions options, bool decoupled)
    : Optimizer(std::move(parameters), learning_rate), options_(options), decoupled_(decoupled) {
  for (const Tensor& p : parameters_) {
    mean_.push_back(Tensor::zeros(p.shape(), p.dtype()));
    square_.push_back(Tensor::zeros(p.shape(), p.dtype()));
  }
}

AdamW::AdamW(std::vector<Tensor> parameters, double learning_rate, AdamOptions options)
    : Adam(std::move(parameters), learning_rate, options, true) {}

void Adam::update(std::size_t index, Tensor& parameter, const Tensor& gradient) {
  detail::for_floating(parameter.dtype(), [&]<class T>() {
    using V = simd::Vec<T>;
    const auto splat = [](double x) { return V::splat(static_cast<T>(x)); };
    const double b1 = options_.beta1, b2 = options_.beta2, decay = options_.weight_decay;
    const V beta1 = splat(b1), rest1 = splat(1 - b1), beta2 = splat(b2), rest2 = splat(1 - b2),
            eps = splat(options_.eps);
    const V rate = splat(learning_rate_ / (1 - power(b1, steps_))), root = splat(std::sqrt(1 - power(b2, steps_)));
    const V to_slope = splat(decoupled_ ? 0 : decay), shrink = splat(decoupled_ ? 1 - learning_rate_ * decay : 1);
    const bool adds_decay = !decoupled_ && decay != 0;
    T* p = parameter.mutable_data<T>();
    const T* g = gradient.data<T>();
    T *m = mean_[index].mutable_data<T>(), *v = square_[index].mutable_data<T>();
    detail::for_vectors<T>(static_cast<std::size_t>(parameter.numel()), [=](std::size_t i, std::size_t count) {
      const V old = detail::load_at<V>(p, i, count);
      V slope = detail::load_at<V>(g, i, count);
      if (adds_decay) slope = slope + to_slope * old;
      const V mean = beta1 * detail::load_at<V>(m, i, count) + rest1 * slope;
      const V square = beta2 * detail::load_at<V>(v, i, count) + rest2 * (slope * slope);
      detail::store_at(mean, m, i, count);
      detail::store_at(square, v, i, count);
      detail::store_at(shrink * old - rate * (mean / (sqrt(square) / root + eps)), p, i, count);
    });
  });
}

std::vector<std::pair<std::string, Tensor>> Adam::state() const {
  std::vector<std::pair<std::string, Tensor>> result;
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    result.emplace_back("exp_avg." + std::to_string(i), mean_[i]);
    result.emplace_back("exp_avg_sq." + std::to_string(i), square_[i]);
  }
  return result;
}

}  // namespace tinytorch::optim
