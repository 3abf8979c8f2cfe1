#include "tensor/check.h"
#include "tinytorch/nn.h"
#include "tinytorch/profile.h"

namespace tinytorch::nn {

Sequential::Sequential(std::vector<ModulePtr> layers) : layers_(std::move(layers)) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (!layers_[i]) detail::fail(ErrorCode::invalid_argument, {"Sequential: layer ", i, " is null"});
  }
}

Tensor Sequential::forward(const Tensor& x) { return run(x, nullptr); }

Tensor Sequential::forward_into(const Tensor& x, Tensor& out) {
  detail::require_defined(out, "Sequential", "out");
  if (detail::may_overlap(out, x)) {
    detail::fail(ErrorCode::invalid_argument, {"Sequential: out shares memory with x"});
  }
  if (layers_.empty()) return Module::forward_into(x, out);
  return run(x, &out);
}

Tensor Sequential::run(const Tensor& x, Tensor* out) {
  detail::require_defined(x, "Sequential", "x");
  Tensor y = x;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    auto* dense = dynamic_cast<Dense*>(layers_[i].get());
    const bool fuses = dense && i + 1 < layers_.size() && dynamic_cast<ReLU*>(layers_[i + 1].get());
    if (fuses) ++i;
    Tensor* to = i + 1 == layers_.size() ? out : nullptr;
    y = fuses ? dense->forward_relu(y, to) : to ? layers_[i]->forward_into(y, *to) : layers_[i]->forward(y);
  }
  return y;
}

std::vector<std::pair<std::string, Tensor>> Sequential::named_parameters() const {
  std::vector<std::pair<std::string, Tensor>> result;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    for (auto& [name, tensor] : layers_[i]->named_parameters()) {
      result.emplace_back(std::to_string(i) + "." + name, tensor);
    }
  }
  return result;
}

void Sequential::set_kernel(KernelId kernel) {
  for (const ModulePtr& layer : layers_) layer->set_kernel(kernel);
}

void Sequential::set_training(bool training) {
  Module::set_training(training);
  for (const ModulePtr& layer : layers_) layer->set_training(training);
}

}  // namespace tinytorch::nn
