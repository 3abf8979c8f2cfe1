#include <algorithm>

#include "nn/repeated.h"
#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/nn.h"

namespace tinytorch::nn {

namespace {

/// Every module below `module`, those that are used twice once for each place.
void collect(const ModulePtr& module, std::vector<std::pair<ModulePtr, bool>>& found) {
  found.emplace_back(module, module->training());
  for (const ModulePtr& child : module->children()) collect(child, found);
}

}  // namespace

Tensor Module::forward_into(const Tensor& x, Tensor& out) {
  write_into(forward(x), out, name());
  return out;
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
  module->set_training(training);
}

ModeScope::~ModeScope() {
  for (const auto& [module, training] : before_) {
    // A leaf may pass the mode on to modules that it does not name in children().
    if (module->training() != training && module->children().empty()) module->set_training(training);
    module->training_ = training;
  }
}

}  // namespace tinytorch::nn
