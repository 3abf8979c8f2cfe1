// Forward and backward of what layers need beside products.
#include "autograd/tape.h"
#include "tensor/check.h"
#include "tensor/dispatch.h"
#include "tinytorch/random.h"

namespace tinytorch::autograd {

using detail::Node;
using detail::record;

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  detail::require_floating(x, "layer_norm", "x");
  if (x.ndim() == 0) detail::fail(ErrorCode::shape, {"layer_norm: needs at least one axis, x is []"});
  for (const Tensor* t : {&weight, &bias}) {
    if (t->defined() && t->shape() != Shape{x.size(-1)}) {
      detail::fail(ErrorCode::shape,
                   {"layer_norm: weight and bias must be ", Shape{x.size(-1)}, ", one is ", t->shape()});
    }
  }
  const ops::Axes last{-1, true};
  Tensor normal = ops::sub(x, ops::mean(x, last));
  const Tensor variance = ops::mean(ops::mul(normal, normal), last);
  const Tensor scale =
      ops::div(Tensor::scalar(1, x.dtype()), ops::sqrt(ops::add(variance, Tensor::scalar(eps, x.dtype()))));
  (void)ops::mul(normal, scale, &normal);
  Tensor y = weight.defined() ? ops::mul(normal, weight) : normal.clone();
  if (bias.defined()) (void)ops::add(y, bias, &y);
  if (Node *node = record("layer_norm", y, {&x, &weight, &bias}, [](Node& n, Tensor& dy) {
        const Tensor &xn = n.saved(0), &w = n.saved(2);
        if (n.wants(1)) n.add(1, ops::mul(dy, xn));
        if (n.wants(0)) {
          // d normal without what a common shift or scale of the row would change.
          const ops::Axes rows{-1, true};
          const Tensor d = w.defined() ? ops::mul(dy, w) : dy;
          const Tensor along = ops::mul(xn, ops::mean(ops::mul(d, xn), rows));
          n.add(0, ops::mul(n.saved(1), ops::sub(ops::sub(d, ops::mean(d, rows)), along)));
        }
        n.add(2, std::move(dy));
      })) {
    node->save({normal, scale, weight});
  }
  return y;
}

Tensor dropout(const Tensor& x, double p) {
  detail::require_floating(x, "dropout", "x");
  if (!(p >= 0 && p <= 1)) detail::fail(ErrorCode::invalid_argument, {"dropout: p is ", p, ", not between 0 and 1"});
  Tensor mask = Tensor::rand(x.shape(), x.dtype());
  detail::for_floating(x.dtype(), [&]<class T>() {
    T* m = mask.mutable_data<T>();
    const T kept = p < 1 ? static_cast<T>(1 / (1 - p)) : T(0);
    for (std::int64_t i = 0; i < mask.numel(); ++i) m[i] = m[i] < static_cast<T>(p) ? T(0) : kept;
  });
  Tensor y = ops::mul(x, mask);
  if (Node *node = record("dropout", y, {&x}, [](Node& n, Tensor& dy) { n.add(0, ops::mul(dy, n.saved(0))); })) {
    node->save({mask});
  }
  return y;
}

}  // namespace tinytorch::autograd
