#include <algorithm>
#include <cmath>

#include "base/options.h"
#include "nn/repeated.h"
#include "optim/power.h"
#include "tensor/check.h"
#include "tensor/copy.h"
#include "tensor/storage.h"
#include "tensor/vector_math.h"
#include "tinytorch/autograd.h"
#include "tinytorch/ops.h"
#include "tinytorch/optim.h"

namespace tinytorch::optim {

double cosine_schedule(double initial, double lowest, std::int64_t t, std::int64_t length) {
  detail::require_not_negative("cosine_schedule", "initial", initial);
  detail::require_not_negative("cosine_schedule", "lowest", lowest);
  detail::require_whole("cosine_schedule", "t", t, 0);
  detail::require_whole("cosine_schedule", "length", length, 1);
  // Half a turn. The library's own cosine, because libm's differs from platform to platform.
  const double turn = 0.5 * static_cast<double>(std::min(t, length)) / static_cast<double>(length);
  double cosine[2];
  detail::vmath::sincos_turns(simd::Vec<double>::splat(turn)).cos.store(cosine);
  return lowest + (initial - lowest) * 0.5 * (1 + cosine[0]);
}

double step_schedule(double initial, double factor, std::int64_t t, std::int64_t every) {
  detail::require_not_negative("step_schedule", "initial", initial);
  detail::require_not_negative("step_schedule", "factor", factor);
  detail::require_whole("step_schedule", "t", t, 0);
  detail::require_whole("step_schedule", "every", every, 1);
  return initial == 0 ? 0 : initial * power(factor, t / every);
}

double clip_grad_norm(const std::vector<Tensor>& listed, double max_norm) {
  if (!(max_norm >= 0)) {
    detail::fail(ErrorCode::invalid_argument, {"clip_grad_norm: max_norm must be >= 0, got ", max_norm});
  }
  const std::vector<Tensor> parameters = nn::unique(listed);
  double squares = 0;
  for (const Tensor& p : parameters) {
    const Tensor g = grad(p);
    if (!g.defined()) continue;
    constexpr std::int64_t chunk = 256;
    for (std::int64_t done = 0; done < g.numel(); done += chunk) {
      double values[chunk], part = 0;
      const std::int64_t n = std::min(chunk, g.numel() - done);
      detail::load_elements(g.impl()->bytes(), g.dtype(), done, 1, n, values);
      for (std::int64_t i = 0; i < n; ++i) part += values[i] * values[i];
      squares += part;
    }
  }
  const double norm = std::sqrt(squares);
  if (norm > max_norm) {
    for (const Tensor& p : parameters) {
      Tensor g = grad(p);
      if (g.defined()) (void)ops::mul(g, Tensor::scalar(max_norm / (norm + 1e-6), g.dtype()), &g);
    }
  }
  return norm;
}

}  // namespace tinytorch::optim
