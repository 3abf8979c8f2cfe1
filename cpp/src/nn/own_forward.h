#pragma once

#include <typeinfo>

#include "tinytorch/nn.h"

namespace tinytorch::nn {

/// Whether the module is a `Layer` itself. A subclass may have a forward() of its own, so code that computes a layer
/// without calling its forward() must ask this first.
template <class Layer>
[[nodiscard]] bool has_forward_of(const Module& module) noexcept {
  return typeid(module) == typeid(Layer);
}

}  // namespace tinytorch::nn
