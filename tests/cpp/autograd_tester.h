#pragma once

// Gradients against central differences, in float64.
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tensor_tester.h"
#include "tinytorch/autograd.h"
#include "tinytorch/ops.h"
#include "tinytorch/random.h"

namespace tinytorch::testing {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

/// A vector that collects its gradient.
inline Tensor leaf(const std::vector<double>& values) {
  Tensor t = tensor64({static_cast<std::int64_t>(values.size())}, values);
  set_requires_grad(t);
  return t;
}

/// d sum(f(inputs) * R) / d inputs, R random and fixed, by backward() and by differences: (l(x + h) - l(x - h)) / 2h
/// has an error of about h^2 l''' + 2^-53 l / h, smallest near h = 1e-5.
inline void check_gradients(const std::string& name, const Function& f, std::vector<Tensor> inputs,
                            double tolerance = 2e-7) {
  SCOPED_TRACE(name);
  Tensor weights;
  const auto loss = [&](const std::vector<Tensor>& x) {
    const Tensor y = f(x);
    if (!weights.defined()) weights = Tensor::randn(y.shape(), DType::float64);
    return ops::sum(ops::mul(y, weights));
  };
  for (Tensor& x : inputs) set_requires_grad(x);
  backward(loss(inputs));
  const NoGrad no_grad;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const Tensor g = grad(inputs[k]);
    ASSERT_TRUE(g.defined()) << "input " << k;
    ASSERT_EQ(g.shape(), inputs[k].shape());
    EXPECT_TRUE(g.is_contiguous());
    each_index(inputs[k].shape(), [&](const Dims& at) {
      std::int64_t offset = 0;
      for (std::size_t i = 0; i < at.size(); ++i) offset += at[i] * inputs[k].strides()[i];
      const auto loss_at = [&](double value) {
        Tensor changed = inputs[k].clone();
        std::vector<Tensor> x = inputs;
        std::int64_t dense = 0;
        for (std::size_t i = 0; i < at.size(); ++i) dense += at[i] * changed.strides()[i];
        changed.mutable_data<double>()[dense] = value;
        x[k] = changed;
        return loss(x).item();
      };
      const double x = inputs[k].strided_data<double>()[offset], h = 1e-5 * std::max(1.0, std::abs(x));
      const double numeric = (loss_at(x + h) - loss_at(x - h)) / (2 * h);
      EXPECT_NEAR(broadcast_at(g, at), numeric, tolerance * (1 + std::abs(numeric)))
          << "input " << k << " at " << to_string(at);
    });
  }
}

inline Tensor normal(const Shape& shape) { return Tensor::randn(shape, DType::float64); }
/// In [low, low + 1).
inline Tensor uniform(const Shape& shape, double low) {
  Tensor t = Tensor::rand(shape, DType::float64);
  return ops::add(t, Tensor::scalar(low, DType::float64), &t);
}

}  // namespace tinytorch::testing
