#include <algorithm>

#include "nn/own_forward.h"
#include "nn/repeated.h"
#include "tensor/check.h"
#include "tinytorch/nn.h"
#include "tinytorch/profile.h"

namespace tinytorch::nn {

namespace {

NamedTensors with_places(const std::vector<ModulePtr>& layers, NamedTensors (Module::*list)() const) {
  NamedTensors result;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (auto& [name, tensor] : (*layers[i].*list)()) {
      result.emplace_back(std::to_string(i) + "." + name, std::move(tensor));
    }
  }
  return result;
}

}  // namespace

Sequential::Sequential(std::vector<ModulePtr> layers) : layers_(std::move(layers)) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (!layers_[i]) detail::fail(ErrorCode::invalid_argument, {"Sequential: layer ", i, " is null"});
    depth_ = std::max(depth_, layers_[i]->depth() + 1);
  }
  if (depth_ > kMaxDepth) {
    detail::fail(ErrorCode::invalid_argument,
                 {"Sequential: at most ", kMaxDepth, " modules may be nested, these are ", depth_});
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    fuses_.push_back(i + 1 < layers_.size() && layers_[i]->fuses_with(*layers_[i + 1]));
  }
}

Tensor Sequential::forward(const Tensor& x) { return run(x, nullptr); }

Tensor Sequential::forward_into(const Tensor& x, Tensor& out) {
  detail::require_defined(out, "Sequential", "out");
  if (detail::may_overlap(out, x)) {
    detail::fail(ErrorCode::invalid_argument, {"Sequential: out shares memory with x"});
  }
  if (layers_.empty() || !has_forward_of<Sequential>(*this)) return Module::forward_into(x, out);
  return run(x, &out);
}

Tensor Sequential::run(const Tensor& x, Tensor* out) {
  detail::require_defined(x, "Sequential", "x");
  Tensor y = x;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Module& layer = *layers_[i];
    const bool fuses = fuses_[i];
    if (fuses) ++i;
    Tensor* to = i + 1 == layers_.size() ? out : nullptr;
    if (fuses) {
      y = layer.forward_fused(y, to);
    } else {
      y = to ? layer.forward_into(y, *to) : layer.forward(y);
    }
  }
  return y;
}

NamedTensors Sequential::named_parameters() const { return unique(with_places(layers_, &Module::named_parameters)); }
NamedTensors Sequential::named_state() const { return with_places(layers_, &Module::named_state); }

void Sequential::set_kernel(KernelId kernel) {
  for (const ModulePtr& layer : layers_) layer->set_kernel(kernel);
}

}  // namespace tinytorch::nn
