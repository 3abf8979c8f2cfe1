#include <algorithm>

#include "nn/repeated.h"
#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/nn.h"

namespace tinytorch::nn {

namespace {

/// Adds `module` and every module inside it to `found`. A module that is used in several places is added for each.
void collect(const ModulePtr& module, std::vector<ModeScope::Mode>& found) {
  const std::vector<ModulePtr> children = module->children();
  found.push_back({module, module->training(), children.empty()});
  for (const ModulePtr& child : children) collect(child, found);
}

}  // namespace

Tensor Module::forward_into(const Tensor& x, Tensor& out) {
  write_into(forward(x), out, name());
  return out;
}

Tensor Module::forward_fused(const Tensor&, Tensor*) {
  detail::fail(ErrorCode::invalid_argument, {name(), ": is fused with no other layer"});
}

void write_into(const Tensor& y, Tensor& out, std::string_view name) {
  refuse_recording(name, {&y});
  detail::require_out(out, y.shape(), y.dtype(), name);
  out.copy_from(y);
}

void Module::set_training(bool training) {
  training_ = training;
  for (const ModulePtr& child : children()) child->set_training(training);
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> result;
  for (auto& [name, tensor] : named_parameters()) result.push_back(tensor);
  return unique(std::move(result));
}

ModeScope::ModeScope(const ModulePtr& module, bool training) {
  collect(module, before_);
  try {
    module->set_training(training);
  } catch (...) {
    give_back();
    throw;
  }
}

ModeScope::~ModeScope() { give_back(); }

void ModeScope::give_back() noexcept {
  for (const auto& [module, training, is_leaf] : before_) {
    // A leaf may pass the mode on to modules that it does not name in children().
    if (is_leaf && module->training() != training) module->set_training(training);
    module->training_ = training;
  }
}

}  // namespace tinytorch::nn
