#pragma once

#include <typeinfo>

#include "tinytorch/nn.h"

namespace tinytorch::nn {

/// Whether the module's forward() is that of `Layer`: it is no object of a subclass, which may have one of its own.
/// Whoever takes another way than forward() asks this first.
template <class Layer>
[[nodiscard]] bool has_forward_of(const Module& module) noexcept {
  return typeid(module) == typeid(Layer);
}

}  // namespace tinytorch::nn
