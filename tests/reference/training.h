#pragma once

// Optimisers with PyTorch's arithmetic. A state is a value and how far the library's may be off.
#include "layers.h"

namespace tinytorch::reference {

struct OptimizerOptions {
  enum class Kind { sgd, adam, adam_w } kind = Kind::sgd;
  double momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
};

/// Steps are counted for each parameter: the first is the one in which it first has a gradient.
class Optimizer {
 public:
  Optimizer(const std::vector<Ref>& parameters, double learning_rate, OptimizerOptions options)
      : rate(learning_rate), options_(options) {
    for (const Ref& each : parameters) {
      const auto known = [&](const State& state) { return state.parameter == each; };
      if (std::any_of(states_.begin(), states_.end(), known)) continue;
      states_.push_back({each, 0, Numbers(each->size()), Numbers(each->size()), Numbers(each->size())});
    }
  }
  void step() {
    for (State& state : states_) {
      const Ref& p = state.parameter;
      if (!p->leaf || !p->leaf->grad) continue;
      ++state.steps;
      const Numbers old = p->values(), gradient = p->leaf->grad->values();
      Numbers values, errors;
      for (std::size_t i = 0; i < p->size(); ++i) {
        const auto [value, error] = options_.kind == OptimizerOptions::Kind::sgd ? sgd(state, i, old[i], gradient[i])
                                                                                 : adam(state, i, old[i], gradient[i]);
        values.push_back(value);
        errors.push_back(error + tiny(p->dtype()));
      }
      p->write(values, errors);
    }
  }
  void zero_grad() {
    for (const State& state : states_) {
      if (state.parameter->leaf) state.parameter->leaf->grad = nullptr;
    }
  }
  double rate;

 private:
  struct State {
    Ref parameter;
    int steps;
    Numbers mean, mean_error, square;
  };

  /// g += decay p; v = momentum v + (1 - dampening) g, at first g; p -= lr v (nesterov: g + momentum v)
  std::pair<double, double> sgd(State& s, std::size_t i, double p, double gradient) const {
    const double eps = epsilon(s.parameter->dtype()), decay = options_.weight_decay * p, g = gradient + decay;
    const double g_error = 2 * eps * (std::abs(gradient) + std::abs(decay));
    double step = g, error = g_error;
    if (options_.momentum != 0) {
      const double fresh = s.steps == 1 ? 1 : 1 - options_.dampening, kept = options_.momentum * s.mean[i];
      s.mean[i] = kept + fresh * g;
      s.mean_error[i] = options_.momentum * s.mean_error[i] + std::abs(fresh) * g_error +
                        4 * eps * (std::abs(kept) + std::abs(fresh * g)) + tiny(s.parameter->dtype());
      step = options_.nesterov ? g + options_.momentum * s.mean[i] : s.mean[i];
      error = s.mean_error[i];
      if (options_.nesterov) error += g_error + 2 * eps * (std::abs(g) + std::abs(step));
    }
    return {p - rate * step, rate * error + 4 * eps * (std::abs(p) + rate * std::abs(step))};
  }

  /// p -= lr m' / (sqrt(v') + eps), m' and v' corrected for their zero start; AdamW shrinks p itself.
  std::pair<double, double> adam(State& s, std::size_t i, double p, double gradient) const {
    const bool decoupled = options_.kind == OptimizerOptions::Kind::adam_w;
    const double eps = epsilon(s.parameter->dtype()), small = tiny(s.parameter->dtype());
    const double decay = decoupled ? 0 : options_.weight_decay * p, g = gradient + decay;
    const double g_error = 2 * eps * (std::abs(gradient) + std::abs(decay));
    const double kept = options_.beta1 * s.mean[i], fresh = (1 - options_.beta1) * g;
    s.mean[i] = kept + fresh;
    s.mean_error[i] = options_.beta1 * s.mean_error[i] + (1 - options_.beta1) * g_error +
                      4 * eps * (std::abs(kept) + std::abs(fresh)) + small;
    s.square[i] = options_.beta2 * s.square[i] + (1 - options_.beta2) * g * g;
    // A square that the dtype cannot hold is infinite from then on.
    if (g * g > largest_of(s.parameter->dtype())) s.square[i] = HUGE_VAL;
    const double start1 = 1 - std::pow(options_.beta1, s.steps), start2 = 1 - std::pow(options_.beta2, s.steps);
    const double divisor = std::sqrt(s.square[i] / start2) + options_.eps;
    const double move = rate * s.mean[i] / start1 / divisor;
    // All terms of the square are positive, so its relative error grows by a few roundings a step; the gradient's own
    // error comes on top. A square that is too small for the dtype promises nothing.
    if (s.square[i] != 0 && s.square[i] < 1e3 * small) return {p, HUGE_VAL};
    if (s.square[i] > largest_of(s.parameter->dtype())) return {p, HUGE_VAL};
    const double own = g_error == 0 ? 0 : g_error / std::max(std::abs(g), std::sqrt(small));
    const double relative = 4 * eps * (s.steps + 2) + 2 * own * s.steps;
    const double error = rate * s.mean_error[i] / start1 / divisor + std::abs(move) * relative;
    const double shrunk = decoupled ? p * (1 - rate * options_.weight_decay) : p;
    return {shrunk - move, error + 4 * eps * (std::abs(p) + std::abs(move))};
  }

  OptimizerOptions options_;
  std::vector<State> states_;
};

}  // namespace tinytorch::reference
