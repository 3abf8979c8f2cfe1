#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tinytorch/tensor.h"

/// Optimisers, schedules and clipping, with PyTorch's names, defaults and arithmetic.
namespace tinytorch::optim {

/// Updates parameters from their gradients, in one fused pass over each parameter. A parameter that has no gradient, or
/// requires none any more, stays as it is, and so does its part of the optimiser's state.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  void step();
  void zero_grad();  ///< forgets the gradients; their memory goes back to the pool

  [[nodiscard]] double learning_rate() const noexcept { return learning_rate_; }
  /// Error(invalid_argument) unless finite and >= 0.
  void set_learning_rate(double value);
  /// Calls of step() so far. For each parameter, state() also counts the steps that changed it.
  [[nodiscard]] std::int64_t steps() const noexcept { return steps_; }
  void set_steps(std::int64_t steps) noexcept { steps_ = steps; }
  [[nodiscard]] const std::vector<Tensor>& parameters() const noexcept { return parameters_; }

  [[nodiscard]] virtual std::string_view kind() const noexcept = 0;  ///< `SGD`
  /// All options except the learning rate, under PyTorch's names.
  [[nodiscard]] virtual std::vector<std::pair<std::string, double>> options() const = 0;
  /// What the optimiser remembers of each parameter, for a checkpoint: `step`, float64 with one count for each
  /// parameter, then `momentum.0` or `exp_avg.0`, `exp_avg_sq.0`, ... The tensors are the optimiser's own; all exist
  /// from the start, as zeros.
  [[nodiscard]] virtual std::vector<std::pair<std::string, Tensor>> state() const;

 protected:
  /// Error(invalid_argument) for no parameters, the same one twice and a learning rate that is not finite and >= 0,
  /// Error(dtype) for one that is not floating, Error(autograd) for one that is not a leaf or not row-major.
  Optimizer(std::vector<Tensor> parameters, double learning_rate);
  /// `step` is the number of this update of the parameter, counted from 1.
  virtual void update(std::size_t index, std::int64_t step, Tensor& parameter, const Tensor& gradient) = 0;

  std::vector<Tensor> parameters_;
  double learning_rate_;

 private:
  std::int64_t steps_ = 0;
  Tensor updates_;  ///< how often each parameter was updated
};

struct SGDOptions {
  double momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false;
};
/// g += weight_decay p; v = momentum v + (1 - dampening) g (a parameter's first update: v = g); p -= lr v (nesterov:
/// g + momentum v). Error(invalid_argument) unless momentum and weight_decay are finite and >= 0, dampening is finite,
/// and nesterov comes with a momentum and without dampening.
class SGD : public Optimizer {
 public:
  SGD(std::vector<Tensor> parameters, double learning_rate, SGDOptions options = {});
  [[nodiscard]] std::string_view kind() const noexcept override { return "SGD"; }
  [[nodiscard]] std::vector<std::pair<std::string, double>> options() const override;
  [[nodiscard]] std::vector<std::pair<std::string, Tensor>> state() const override;

 protected:
  void update(std::size_t index, std::int64_t step, Tensor& parameter, const Tensor& gradient) override;

 private:
  SGDOptions options_;
  std::vector<Tensor> velocity_;
};

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
};
/// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= lr m' / (sqrt(v') + eps), where m' = m / (1 - b1^t) and
/// v' = v / (1 - b2^t) correct for the start at zero, and t counts the updates of this parameter. Adam adds
/// weight_decay p to g; AdamW (weight_decay 0.01 in PyTorch) shrinks p itself. Error(invalid_argument) unless the betas
/// are in [0, 1) and eps and weight_decay finite and >= 0.
class Adam : public Optimizer {
 public:
  explicit Adam(std::vector<Tensor> parameters, double learning_rate = 1e-3, AdamOptions options = {});
  [[nodiscard]] std::string_view kind() const noexcept override { return decoupled_ ? "AdamW" : "Adam"; }
  [[nodiscard]] std::vector<std::pair<std::string, double>> options() const override;
  [[nodiscard]] std::vector<std::pair<std::string, Tensor>> state() const override;

 protected:
  Adam(std::vector<Tensor> parameters, double learning_rate, AdamOptions options, bool decoupled);
  void update(std::size_t index, std::int64_t step, Tensor& parameter, const Tensor& gradient) override;

 private:
  AdamOptions options_;
  bool decoupled_;
  std::vector<Tensor> mean_, square_;
};
class AdamW : public Adam {
 public:
  explicit AdamW(std::vector<Tensor> parameters, double learning_rate = 1e-3,
                 AdamOptions options = {.weight_decay = 0.01});
};

/// The learning rate in step t of a half cosine from `initial` to `lowest`; from step `length` on it is `lowest`.
/// Error(invalid_argument) unless the rates are finite and >= 0, t >= 0 and length >= 1.
[[nodiscard]] double cosine_schedule(double initial, double lowest, std::int64_t t, std::int64_t length);
/// initial factor^floor(t / every). Error(invalid_argument) unless rate and factor are finite and >= 0, t >= 0 and
/// every >= 1.
[[nodiscard]] double step_schedule(double initial, double factor, std::int64_t t, std::int64_t every);

/// Scales all gradients so that their joint 2-norm is at most max_norm; returns the norm before. A parameter that is
/// listed twice counts once. Error(invalid_argument) for a max_norm that is negative or NaN.
double clip_grad_norm(const std::vector<Tensor>& parameters, double max_norm);

}  // namespace tinytorch::optim
