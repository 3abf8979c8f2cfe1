// Forward and backward of matrix products. Transposed operands are read by strides, never copied, and a product of two
// matrices adds straight into the gradient it belongs to.
#include "autograd/bias_gradient.h"
#include "autograd/tape.h"
#include "tensor/dispatch.h"

namespace tinytorch::autograd {

using detail::Node;
using detail::record;

namespace {

/// gradient of input += a . b
void add_product(Node& n, std::size_t input, const Tensor& a, const Tensor& b) {
  ops::MatmulOptions options;
  options.kernel = n.kernel;
  if (a.ndim() == 2 && b.ndim() == 2 && n.shape_of(input) == Shape{a.size(0), b.size(1)}) {
    options.out = &n.accumulator(input, a.dtype(), options.accumulate);
    (void)ops::matmul(a, b, options);
  } else {
    n.add(input, ops::matmul(a, b, options));
  }
}

/// The gradient of x . weight + bias as a matrix; the bias's gradient is summed up on the way.
Tensor before_activation(Node& n, Tensor& dy) {
  const bool relu = n.activation == Activation::relu;
  if (relu && !detail::is_unshared(dy)) dy = dy.clone();  // it is masked in place
  const Tensor d = dy.contiguous().reshape({-1, n.saved(1).size(1)});
  bool accumulate = false;
  Tensor* const bias = n.wants(2) ? &n.accumulator(2, d.dtype(), accumulate) : nullptr;
  if (!relu && bias == nullptr) return d;
  detail::for_floating(d.dtype(), [&]<class T>() {
    detail::mask_and_sum_columns<T>(const_cast<T*>(d.data<T>()),  // only a mask is written
                                    relu ? n.saved(2).data<T>() : nullptr, static_cast<std::size_t>(d.size(0)),
                                    static_cast<std::size_t>(d.size(1)), bias ? bias->mutable_data<T>() : nullptr,
                                    accumulate);
  });
  return d;
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, KernelId kernel) {
  ops::MatmulOptions options;
  options.kernel = kernel;
  Tensor y = ops::matmul(a, b, options);
  if (Node *node = record("matmul", y, {&a, &b}, [](Node& n, Tensor& dy) {
        // A vector operand is a matrix with one row (a) or one column (b).
        Tensor x = n.saved(0), w = n.saved(1), d = dy;
        const bool row = x.ndim() == 1, column = w.ndim() == 1;
        if (row) x = x.reshape({1, x.numel()});
        if (column) w = w.reshape({w.numel(), 1});
        if (row || column) {
          Shape shape = d.shape();
          if (column) shape.push_back(1);
          if (row) {
            shape.push_back(shape[shape.size() - 1]);
            shape[shape.size() - 2] = 1;
          }
          d = d.reshape(shape);
        }
        const auto give = [&](std::size_t input, bool vector, const Tensor& left, const Tensor& right) {
          if (!n.wants(input)) return;
          if (!vector) return add_product(n, input, left, right);
          Tensor g = ops::matmul(left, right, {.kernel = n.kernel});
          const Shape full = g.shape();
          Shape matrix{full[full.size() - 2], full[full.size() - 1]};
          n.add(input, detail::sum_to(g, matrix).reshape(n.shape_of(input)));
        };
        give(0, row, d, w.transpose());
        give(1, column, x.transpose(), d);
      })) {
    node->save({a, b});
    node->kernel = kernel;
  }
  return y;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation, KernelId kernel) {
  return linear(x, weight, bias, {.kernel = kernel, .activation = activation});
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, ops::MatmulOptions options) {
  options.bias = bias.defined() ? &bias : nullptr;
  if (options.out != nullptr) refuse_recording("linear", {&x, &weight, &bias});
  Tensor y = ops::matmul(x, weight, options);
  if (Node *node = record("linear", y, {&x, &weight, &bias}, [](Node& n, Tensor& dy) {
        const Tensor& w = n.saved(1);
        const Tensor d = before_activation(n, dy);
        if (n.wants(1)) add_product(n, 1, n.saved(0).reshape({-1, w.size(0)}).transpose(), d);
        if (n.wants(0)) {
          ops::MatmulOptions back;
          back.kernel = n.kernel;
          Tensor& dx = n.accumulator(0, d.dtype(), back.accumulate);
          Tensor flat = dx.reshape({-1, w.size(0)});
          back.out = &flat;
          (void)ops::matmul(d, w.transpose(), back);
        }
      })) {
    node->save({x, weight, options.activation == Activation::relu ? detach(y) : Tensor()});
    node->kernel = options.kernel;
    node->activation = options.activation;
  }
  return y;
}

}  // namespace tinytorch::autograd
