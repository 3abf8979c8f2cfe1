#include <algorithm>
#include <cmath>

#include "tensor/check.h"
#include "tensor/copy.h"
#include "tensor/storage.h"
#include "tensor/vector_math.h"
#include "tinytorch/autograd.h"
#include "tinytorch/optim.h"

namespace tinytorch::optim {

double cosine_schedule(double initial, double lowest, std::int64_t t, std::int64_t length) {
  // Half a turn, by our own cosine: libm's differs from platform to platform.
  const double turn = 0.5 * static_cast<double>(std::clamp<std::int64_t>(t, 0, length)) / static_cast<double>(length);
  double cosine[2];
  detail::vmath::sincos_turns(simd::Vec<double>::splat(turn)).cos.store(cosine);
  return lowest + (initial - lowest) * 0.5 * (1 + cosine[0]);
}

double step_schedule(double initial, double factor, std::int64_t t, std::int64_t every) {
  for (std::int64_t i = every; i <= t; i += every) initial *= factor;
  return initial;
}

double clip_grad_norm(const std::vector<Tensor>& parameters, double max_norm) {
  double squares = 0;
  for (const Tensor& p : parameters) {
    const Tensor g = grad(p);
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
