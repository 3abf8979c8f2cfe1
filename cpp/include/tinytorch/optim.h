#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tinytorch/tensor.h"

/// Optimisers, schedules and clipping, with PyTorch's names, defaults and arithmetic.
namespace tinytorch::optim {

/// Changes parameters by their gradients: one fused pass over each parameter. Parameters without a gradient stay.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  void step();
  void zero_grad();  ///< forgets the gradients; their memory goes back to the pool

  [[nodiscard]] double learning_rate() const noexcept { return learning_rate_; }
  void set_learning_rate(double value);
  [[nodiscard]] std::int64_t steps() const noexcept { return steps_; }
  void set_steps(std::int64_t steps) noexcept { steps_ = steps; }
  [[nodiscard]] const std::vector<Tensor>& parameters() const noexcept { return parameters_; }

  /// What the optimiser remembers of each parameter, for a checkpoint: `momentum.0`, `exp_avg.2`. The tensors are the
  /// optimiser's own; all exist from the start, as zeros.
  [[nodiscard]] virtual std::vector<std::pair<std::string, Tensor>> state() const { return {}; }

 protected:
  Optimizer(std::vector<Tensor> parameters, double learning_rate);
  virtual void update(std::size_t index, Tensor& parameter, const Tensor& gradient) = 0;

  std::vector<Tensor> parameters_;
  double learning_rate_;
  std::int64_t steps_ = 0;
};

struct SGDOptions {
  double momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false;
};
/// g += weight_decay p; v = momentum v + (1 - dampening) g (first step: v = g); p -= lr (nesterov: g + momentum v).
class SGD : public Optimizer {
 public:
  SGD(std::vector<Tensor> parameters, double learning_rate, SGDOptions options = {});
  [[nodiscard]] std::vector<std::pair<std::string, Tensor>> state() const override;

 protected:
  void update(std::size_t index, Tensor& parameter, const Tensor& gradient) override;

 private:
  SGDOptions options_;
  std::vector<Tensor> velocity_;
};

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
};
/// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= lr m' / (sqrt(v') + eps), m' and v' corrected for the zero
/// start. Adam adds weight_decay p to g; AdamW (weight_decay 0.01 in PyTorch) shrinks p itself.
class Adam : public Optimizer {
 public:
  Adam(std::vector<Tensor> parameters, double learning_rate = 1e-3, AdamOptions options = {});
  [[nodiscard]] std::vector<std::pair<std::string, Tensor>> state() const override;

 protected:
  Adam(std::vector<Tensor> parameters, double learning_rate, AdamOptions options, bool decoupled);
  void update(std::size_t index, Tensor& parameter, const Tensor& gradient) override;

 private:
  AdamOptions options_;
  bool decoupled_;
  std::vector<Tensor> mean_, square_;
};
class AdamW : public Adam {
 public:
  AdamW(std::vector<Tensor> parameters, double learning_rate = 1e-3, AdamOptions options = {.weight_decay = 0.01});
};

/// The learning rate in epoch (or step) t of a schedule that starts at `initial`.
[[nodiscard]] double cosine_schedule(double initial, double lowest, std::int64_t t, std::int64_t length);
[[nodiscard]] double step_schedule(double initial, double factor, std::int64_t t, std::int64_t every);

/// Scales all gradients so that their joint 2-norm is at most max_norm; returns what it was.
double clip_grad_norm(const std::vector<Tensor>& parameters, double max_norm);

}  // namespace tinytorch::optim
