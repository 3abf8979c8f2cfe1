// The physical limit that every benchmark is compared with.
#include <algorithm>
#include <cstddef>
#include <string>

#include "base/clock.h"
#include "matmul/packed/peak_loop.h"
#include "matmul/registry.h"
#include "tinytorch/error.h"

namespace tinytorch {
namespace {

/// The rung's own loop, or that of the last rung that can run here and has one.
template <class T>
auto loop_of(KernelId kernel) {
  const auto rows = detail::kernel_rows();
  if (kernel != kAutoKernel) {
    detail::require_kernel(kernel);
    const auto loop = rows[static_cast<std::size_t>(kernel)].template functions<T>().peak_loop;
    if (loop) return loop;
  }
  auto id = rows.size() - 1;
  while (rows[id].missing() || !rows[id].template functions<T>().peak_loop) --id;
  return rows[id].template functions<T>().peak_loop;
}

/// Multiply-adds of one call, a whole number of steps for any vector. A call is short, because an engine replaces its
/// first, slower code between calls and not inside a loop.
constexpr std::size_t kMultiplyAdds = 12'000 * 4 * detail::kPeakChains;
constexpr int kParts = 8;

template <class T>
double probe(KernelId kernel, double milliseconds) {
  const auto loop = loop_of<T>(kernel);
  volatile T sink = 0;
  double best = 0;
  for (int i = 0; i < kParts; ++i) {
    double calls = 0;
    const double start = detail::measured_ms();
    double elapsed = 0;
    do {
      sink = sink + loop(kMultiplyAdds, T(0.999), T(0.001));
      ++calls;
      elapsed = detail::measured_ms() - start;
    } while (elapsed < milliseconds / kParts);
    best = std::max(best, 2.0 * static_cast<double>(kMultiplyAdds) * calls / (elapsed * 1e6));
  }
  return best;
}

}  // namespace

double peak_gflops(DType dtype, KernelId kernel, double milliseconds) {
  switch (dtype) {
    case DType::float32: return probe<float>(kernel, milliseconds);
    case DType::float64: return probe<double>(kernel, milliseconds);
    default:
      throw Error(ErrorCode::dtype, "peak_gflops: float32 or float64 wanted, not " + std::string(name_of(dtype)));
  }
}

}  // namespace tinytorch
