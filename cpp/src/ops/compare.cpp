// Comparisons of whole tensors.
#include <algorithm>
#include <cmath>

#include "tensor/check.h"
#include "tensor/copy.h"
#include "tensor/storage.h"
#include "tensor/strided_loop.h"
#include "tensor/views.h"
#include "tinytorch/ops.h"

namespace tinytorch {

namespace detail {

namespace {

/// A fold over the broadcast operands' elements, read as doubles in chunks.
struct PairVisitor {
  static constexpr std::int64_t kChunk = 256;
  virtual void visit(const double* a, const double* b, std::size_t count) = 0;
  void run(const char* op, const Tensor& a, const Tensor& b) {
    require_defined(a, op, "a");
    require_defined(b, op, "b");
    const Shape shape = broadcast_shapes(a.shape(), b.shape(), op);
    const Tensor x = expanded(a, shape), y = expanded(b, shape);
    if (x.numel() == 0) return;
    const LoopNest nest = make_loop_nest(shape, {&x.strides(), &y.strides()});
    for_rows(nest, 0, nest.rows(), [&](const Offsets& offset) {
      for (std::int64_t done = 0; done < nest.row_length(); done += kChunk) {
        double p[kChunk], q[kChunk];
        const std::int64_t n = std::min(kChunk, nest.row_length() - done);
        load_elements(x.impl()->bytes(), x.dtype(), offset[0] + done * nest.row_step(0), nest.row_step(0), n, p);
        load_elements(y.impl()->bytes(), y.dtype(), offset[1] + done * nest.row_step(1), nest.row_step(1), n, q);
        visit(p, q, static_cast<std::size_t>(n));
      }
    });
  }

 protected:
  ~PairVisitor() = default;
};

struct Closeness final : PairVisitor {
  double rtol, atol;
  bool close = true;
  Closeness(double relative, double absolute) : rtol(relative), atol(absolute) {}
  void visit(const double* x, const double* y, std::size_t count) override {
    for (std::size_t i = 0; close && i < count; ++i) {
      const bool within = std::isfinite(y[i]) && std::abs(x[i] - y[i]) <= atol + rtol * std::abs(y[i]);
      close = x[i] == y[i] || within;
    }
  }
};

struct LargestDifference final : PairVisitor {
  double largest = 0;
  void visit(const double* x, const double* y, std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) {
      const double difference = x[i] == y[i] ? 0 : std::abs(x[i] - y[i]);
      if (!(difference <= largest)) largest = std::isnan(largest) ? largest : difference;
    }
  }
};

}  // namespace

}  // namespace detail

namespace ops {

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol) {
  detail::Closeness fold(rtol, atol);
  fold.run("allclose", a, b);
  return fold.close;
}

double max_abs_diff(const Tensor& a, const Tensor& b) {
  detail::LargestDifference fold;
  fold.run("max_abs_diff", a, b);
  return fold.largest;
}

}  // namespace ops

}  // namespace tinytorch
