#pragma once

#include "tinytorch/tensor.h"

namespace tinytorch::nn {

/// Uniform in [-bound, bound), from the library's default generator.
void fill_uniform(Tensor& t, double bound);

}  // namespace tinytorch::nn
