// The operations of layers, except for products.
#include "autograd/tape.h"
#include "ops/row.h"
#include "tensor/check.h"
#include "tensor/dispatch.h"
#include "tensor/views.h"
#include "tinytorch/ops.h"

namespace tinytorch::ops {

using detail::Node;
using detail::record;
using detail::Saved;

namespace {

constexpr detail::Op kLayerNormOp{"layer_norm"}, kDropoutOp{"dropout"};

void require_layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  detail::require_dtype(x, kLayerNormOp, "x");
  if (x.ndim() == 0) detail::fail(ErrorCode::shape, {"layer_norm: needs at least one axis, x is []"});
  for (const Tensor* t : {&weight, &bias}) {
    if (t->defined() && t->shape() != Shape{x.size(-1)}) {
      detail::fail(ErrorCode::shape,
                   {"layer_norm: weight and bias must be ", Shape{x.size(-1)}, ", one is ", t->shape()});
    }
  }
}

struct LayerNormStep {
  Saved normal, scale, weight;

  void operator()(Node& n, Tensor& dy) const {
    const Tensor &xn = normal.get(n), &w = weight.get(n);
    if (n.wants(1)) n.add(1, mul(dy, xn));
    if (n.wants(0)) {
      // Shifting or scaling a whole row of x changes nothing in the result, so those parts are taken out of d.
      const Axes rows{-1, true};
      const Tensor d = w.defined() ? mul(dy, w) : dy;
      const Tensor along = mul(xn, mean(mul(d, xn), rows));
      n.add(0, mul(scale.get(n), sub(sub(d, mean(d, rows)), along)));
    }
    n.add(2, std::move(dy));
  }
};

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  require_layer_norm(x, weight, bias);
  Tensor normal, scale;
  const auto forward = [&] {
    const Axes last{-1, true};
    normal = sub(x, mean(x, last));
    const Tensor variance = mean(mul(normal, normal), last);
    scale = div(Tensor::scalar(1, x.dtype()), sqrt(add(variance, Tensor::scalar(eps, x.dtype()))));
    (void)mul(normal, scale, &normal);
    Tensor y = weight.defined() ? mul(normal, weight) : detail::copied(normal);
    if (bias.defined()) (void)add(y, bias, &y);
    return y;
  };
  return record("layer_norm", {&x, &weight, &bias}, nullptr, forward,
                [&](const Tensor&) { return LayerNormStep{Saved(normal), Saved(scale), Saved(weight)}; });
}

Tensor dropout(const Tensor& x, double p) {
  detail::require_dtype(x, kDropoutOp, "x");
  if (!(p >= 0 && p <= 1)) detail::fail(ErrorCode::invalid_argument, {"dropout: p is ", p, ", not between 0 and 1"});
  Tensor mask = Tensor::rand(x.shape(), x.dtype());
  detail::for_floating(x.dtype(), [&]<class T>() {
    T* m = mask.mutable_data<T>();
    const T kept = p < 1 ? static_cast<T>(1 / (1 - p)) : T(0);
    for (std::int64_t i = 0; i < mask.numel(); ++i) m[i] = m[i] < static_cast<T>(p) ? T(0) : kept;
  });
  return record(
      "dropout", {&x}, nullptr, [&] { return mul(x, mask); },
      [&](const Tensor&) { return [mask = Saved(mask)](Node& n, Tensor& dy) { n.add(0, mul(dy, mask.get(n))); }; });
}

}  // namespace tinytorch::ops

namespace tinytorch::detail {

namespace {

constinit const Operation layers_rows[] = {
    row<&ops::layer_norm>(ops::kLayerNormOp,
                          {.summary = "(this - mean) / sqrt(variance + eps) * weight + bias over the last axis.",
                           .parameters = {"weight", "bias", Parameter("eps", 1e-5)},
                           .place = Place::none}),
    row<&ops::dropout>(ops::kDropoutOp,
                       {.summary = "Zeros each element with probability p, scales the others by 1 / (1 - p).",
                        .parameters = {"p"},
                        .place = Place::none}),
};

}  // namespace

constinit const Family layers = layers_rows;

}  // namespace tinytorch::detail
