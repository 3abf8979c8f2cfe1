#include <algorithm>
#include <cmath>

#include "nn/repeated.h"
#include "tensor/copy.h"
#include "tensor/storage.h"
#include "tinytorch/autograd.h"
#include "tinytorch/nn.h"

namespace tinytorch::nn {

namespace {

// Below the first, float32 training hardly moves; above the second, it may soon overflow. Rules of thumb, not limits.
constexpr double kVanishing = 1e-8, kExploding = 1e3;

GradientStats stats_of(const std::string& name, const Tensor& parameter) {
  GradientStats stats;
  stats.name = name;
  const Tensor g = grad(parameter);
  if (!g.defined()) {
    stats.warning = "no gradient";
    return stats;
  }
  constexpr std::int64_t chunk = 256;
  double values[chunk], sum = 0, squares = 0, zeros = 0;
  for (std::int64_t done = 0; done < g.numel(); done += chunk) {
    const std::int64_t n = std::min(chunk, g.numel() - done);
    detail::load_elements(g.impl()->bytes(), g.dtype(), done, 1, n, values);
    for (std::int64_t i = 0; i < n; ++i) {
      sum += values[i];
      squares += values[i] * values[i];
      zeros += values[i] == 0;
      stats.largest = std::max(stats.largest, std::abs(values[i]));
    }
  }
  const auto count = static_cast<double>(std::max<std::int64_t>(g.numel(), 1));
  stats.mean = sum / count;
  stats.norm = std::sqrt(squares);
  stats.zeros = zeros / count;
  if (!std::isfinite(squares)) {
    stats.warning = "NaN or infinity";
  } else if (stats.largest < kVanishing) {
    stats.warning = "vanishing";
  } else if (stats.largest > kExploding) {
    stats.warning = "exploding";
  }
  return stats;
}

}  // namespace

std::vector<GradientStats> gradient_stats(const Module& module) {
  return gradient_stats(unique(module.named_parameters()));
}

std::vector<GradientStats> gradient_stats(const NamedTensors& parameters) {
  std::vector<GradientStats> result;
  for (const auto& [name, parameter] : parameters) result.push_back(stats_of(name, parameter));
  return result;
}

}  // namespace tinytorch::nn
