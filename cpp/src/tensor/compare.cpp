#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "check.h"
#include "dispatch.h"
#include "strided_loop.h"
#include "tinytorch/ops.h"

namespace tinytorch {

namespace detail {

namespace {

constexpr std::size_t chunk = 256;

void load_doubles(const Tensor& tensor, std::int64_t offset, std::int64_t step, std::size_t count, double* out) {
  for_dtype(tensor.dtype(), [&]<class T>() {
    const T* from = tensor.data<T>() + offset;
    for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<double>(from[static_cast<std::int64_t>(i) * step]);
  });
}

/// Calls visit(a, b, count) with the broadcast operands' elements as doubles, in chunks.
void visit_pairs(const char* op, const Tensor& a, const Tensor& b,
                 const std::function<void(const double*, const double*, std::size_t)>& visit) {
  require_defined(a, op, "a");
  require_defined(b, op, "b");
  const Shape shape = broadcast_shapes(a.shape(), b.shape(), op);
  const Tensor x = a.expand(shape), y = b.expand(shape);
  if (x.numel() == 0) return;
  const LoopNest nest = make_loop_nest(shape, {&x.strides(), &y.strides()});
  for_rows(nest, 0, nest.rows(), [&](const Offsets& offset) {
    for (std::int64_t done = 0; done < nest.row_length(); done += chunk) {
      double p[chunk], q[chunk];
      const auto n = static_cast<std::size_t>(std::min<std::int64_t>(chunk, nest.row_length() - done));
      load_doubles(x, offset[0] + done * nest.row_step(0), nest.row_step(0), n, p);
      load_doubles(y, offset[1] + done * nest.row_step(1), nest.row_step(1), n, q);
      visit(p, q, n);
    }
  });
}

}  // namespace

}  // namespace detail

namespace ops {

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol) {
  bool close = true;
  detail::visit_pairs("allclose", a, b, [&](const double* x, const double* y, std::size_t count) {
    for (std::size_t i = 0; close && i < count; ++i) {
      const bool within = std::isfinite(y[i]) && std::abs(x[i] - y[i]) <= atol + rtol * std::abs(y[i]);
      close = x[i] == y[i] || within;
    }
  });
  return close;
}

double max_abs_diff(const Tensor& a, const Tensor& b) {
  double largest = 0;
  detail::visit_pairs("max_abs_diff", a, b, [&](const double* x, const double* y, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const double difference = x[i] == y[i] ? 0 : std::abs(x[i] - y[i]);
      if (!(difference <= largest)) largest = std::isnan(largest) ? largest : difference;
    }
  });
  return largest;
}

}  // namespace ops

}  // namespace tinytorch
