#include "tensor/dispatch.h"
#include "tinytorch/optim.h"
#include "train/vector_pass.h"

namespace tinytorch::optim {

namespace {

std::vector<Tensor> zeros_like(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> result;
  for (const Tensor& p : parameters) result.push_back(Tensor::zeros(p.shape(), p.dtype()));
  return result;
}

}  // namespace

SGD::SGD(std::vector<Tensor> parameters, double learning_rate, SGDOptions options)
    : Optimizer(std::move(parameters), learning_rate), options_(options) {
  if (options_.momentum != 0) velocity_ = zeros_like(parameters_);
}

void SGD::update(std::size_t index, Tensor& parameter, const Tensor& gradient) {
  detail::for_floating(parameter.dtype(), [&]<class T>() {
    using V = simd::Vec<T>;
    const auto splat = [](double x) { return V::splat(static_cast<T>(x)); };
    const V rate = splat(learning_rate_), decay = splat(options_.weight_decay), momentum = splat(options_.momentum);
    const V fresh = splat(steps_ == 1 ? 1 : 1 - options_.dampening);
    const bool nesterov = options_.nesterov, decays = options_.weight_decay != 0;
    T* p = parameter.mutable_data<T>();
    const T* g = gradient.data<T>();
    T* v = velocity_.empty() ? nullptr : velocity_[index].mutable_data<T>();
    detail::for_vectors<T>(static_cast<std::size_t>(parameter.numel()), [=](std::size_t i, std::size_t count) {
      const V old = detail::load_at<V>(p, i, count);
      V slope = detail::load_at<V>(g, i, count);
      if (decays) slope = slope + decay * old;
      if (v != nullptr) {
        const V speed = momentum * detail::load_at<V>(v, i, count) + fresh * slope;
        detail::store_at(speed, v, i, count);
        slope = nesterov ? slope + momentum * speed : speed;
      }
      detail::store_at(old - rate * slope, p, i, count);
    });
  });
}

std::vector<std::pair<std::string, Tensor>> SGD::state() const {
  std::vector<std::pair<std::string, Tensor>> result;
  for (std::size_t i = 0; i < velocity_.size(); ++i) result.emplace_back("momentum." + std::to_string(i), velocity_[i]);
  return result;
}

}  // namespace tinytorch::optim
