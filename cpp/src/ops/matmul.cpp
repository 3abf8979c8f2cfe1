// Matrix products and the linear layer, forward and backward. Transposed operands are read by strides, never copied.
// In backward(), a product of two matrices is added straight into its gradient.
#include "autograd/tape.h"
#include "ops/bias_gradient.h"
#include "ops/product.h"
#include "ops/row.h"
#include "tensor/dispatch.h"
#include "tensor/views.h"
#include "tinytorch/ops.h"

namespace tinytorch::ops {

using detail::Node;
using detail::record;
using detail::reshaped;
using detail::Saved;
using detail::transposed;

namespace {

Tensor forward(const Tensor& a, const Tensor& b, const MatmulOptions& options) {
  if (options.out == nullptr) return detail::product(a, b, options);
  detail::product_into(*options.out, a, b, options);
  return *options.out;
}

/// Adds a . b to the gradient of that input.
void add_product(Node& n, std::size_t input, const Tensor& a, const Tensor& b, KernelId kernel) {
  MatmulOptions options{.kernel = kernel};
  if (a.ndim() == 2 && b.ndim() == 2 && n.shape_of(input) == Shape{a.size(0), b.size(1)}) {
    options.out = &n.accumulator(input, a.dtype(), options.accumulate);
    (void)forward(a, b, options);
  } else {
    n.add(input, forward(a, b, options));
  }
}

struct MatmulStep {
  Saved a, b;
  KernelId kernel;

  void operator()(Node& n, Tensor& dy) const {
    // A vector operand is a matrix with one row (a) or one column (b).
    Tensor x = a.get(n), w = b.get(n), d = dy;
    const bool row = x.ndim() == 1, column = w.ndim() == 1;
    if (row) x = reshaped(x, {1, x.numel()});
    if (column) w = reshaped(w, {w.numel(), 1});
    if (row || column) {
      Shape shape = d.shape();
      if (column) shape.push_back(1);
      if (row) {
        shape.push_back(shape[shape.size() - 1]);
        shape[shape.size() - 2] = 1;
      }
      d = reshaped(d, shape);
    }
    give(n, 0, row, d, transposed(w));
    give(n, 1, column, transposed(x), d);
  }

  void give(Node& n, std::size_t input, bool vector, const Tensor& left, const Tensor& right) const {
    if (!n.wants(input)) return;
    if (!vector) return add_product(n, input, left, right, kernel);
    const Tensor g = forward(left, right, {.kernel = kernel});
    const Shape full = g.shape();
    const Shape matrix{full[full.size() - 2], full[full.size() - 1]};
    n.add(input, reshaped(detail::sum_to(g, matrix), n.shape_of(input)));
  }
};

struct LinearStep {
  Saved x, weight;
  Saved y;  ///< the result, kept only if a ReLU was part of it
  bool relu;
  KernelId kernel;

  void operator()(Node& n, Tensor& dy) const {
    const Tensor &w = weight.get(n), d = before_activation(n, dy, w.size(1));
    if (n.wants(1)) add_product(n, 1, transposed(reshaped(x.get(n), {-1, w.size(0)})), d, kernel);
    if (n.wants(0)) {
      MatmulOptions back{.kernel = kernel};
      Tensor flat = reshaped(n.accumulator(0, d.dtype(), back.accumulate), {-1, w.size(0)});
      back.out = &flat;
      (void)forward(d, transposed(w), back);
    }
  }

  /// The gradient of x . weight + bias as a matrix; the bias's gradient is summed up on the way.
  Tensor before_activation(Node& n, Tensor& dy, std::int64_t columns) const {
    if (relu && !detail::is_unshared(dy)) dy = detail::copied(dy);  // the mask overwrites dy
    const Tensor d = reshaped(detail::row_major(dy), {-1, columns});
    bool accumulate = false;
    Tensor* const bias = n.wants(2) ? &n.accumulator(2, d.dtype(), accumulate) : nullptr;
    if (!relu && bias == nullptr) return d;
    detail::for_floating(d.dtype(), [&]<class T>() {
      detail::mask_and_sum_columns<T>(const_cast<T*>(d.data<T>()),  // written only if relu is true
                                      relu ? y.get(n).data<T>() : nullptr, static_cast<std::size_t>(d.size(0)),
                                      static_cast<std::size_t>(d.size(1)), bias ? bias->mutable_data<T>() : nullptr,
                                      accumulate);
    });
    return d;
  }
};

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options) {
  if (options.bias || options.activation != Activation::none) refuse_recording("matmul", {&a, &b, options.bias});
  return record(
      "matmul", {&a, &b}, options.out, [&] { return forward(a, b, options); },
      [&](const Tensor&) { return MatmulStep{Saved(a), Saved(b), options.kernel}; });
}

void matmul_out(Tensor& out, const Tensor& a, const Tensor& b, const MatmulOptions& options) {
  refuse_recording("matmul", {&a, &b, options.bias});
  detail::product_into(out, a, b, options);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, MatmulOptions options) {
  options.bias = bias.defined() ? &bias : nullptr;
  const bool relu = options.activation == Activation::relu;
  return record(
      "linear", {&x, &weight, &bias}, options.out, [&] { return forward(x, weight, options); },
      [&](const Tensor& y) {
        return LinearStep{Saved(x), Saved(weight), relu ? Saved(detach(y)) : Saved(), relu, options.kernel};
      });
}

}  // namespace tinytorch::ops

namespace tinytorch::detail {

namespace {

constinit const Operation products_rows[] = {
    row<&ops::matmul>(
        kMatmulOp,
        {.summary =
             "The matrix product: `[..., m, k] . [..., k, n]` gives `[..., m, n]`, as NumPy's matmul. One-dimensional "
             "operands are a row on the left and a column on the right. Transposed operands cost no copy.",
         .parameters = {"other"}}),
};

}  // namespace

constinit const Family products = products_rows;

}  // namespace tinytorch::detail
