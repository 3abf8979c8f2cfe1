#pragma once

#include <cstddef>

/// What one step does to one dense parameter of `count` elements, in a single pass. The numbers come as double and are
/// rounded to T.
///
/// Subnormal numbers in the optimiser's state become zero. Without this, the mean of a gradient that has become zero
/// would shrink until it is subnormal and stay so, and subnormals make a step much slower (docs/benchmarks.md, "Tried
/// and lost").
namespace tinytorch::optim {

struct SgdNumbers {
  double rate, weight_decay, momentum, fresh;  ///< v = momentum v + fresh g
  bool nesterov;
};
/// `velocity` is null without momentum.
template <class T>
void update_sgd(std::size_t count, const T* gradient, T* parameter, T* velocity, const SgdNumbers& numbers);

struct AdamNumbers {
  double beta1, beta2, eps;
  double rate;       ///< lr / (1 - beta1^t)
  double scale;      ///< 1 / sqrt(1 - beta2^t)
  double add_decay;  ///< times the parameter, is added to the gradient
  double shrink;     ///< multiplies the parameter first: 1 - lr decay where the decay is decoupled
};
/// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p = shrink p - rate m / (scale sqrt(v) + eps).
template <class T>
void update_adam(std::size_t count, const T* gradient, T* parameter, T* mean, T* square, const AdamNumbers& numbers);

}  // namespace tinytorch::optim
