// Forward and backward of the elementwise operations, side by side. dy is the gradient of the result.
#include "tensor/elementwise.h"

#include <cmath>

#include "autograd/tape.h"
#include "tensor/check.h"
#include "tensor/vector_math.h"

namespace tinytorch::detail {

namespace {

// What dy becomes, given the result or the input.
struct ReluGrad {
  template <class V>
  V operator()(V dy, V y) const {
    return and_not(dy, y <= V::zero());  // passes where y is NaN
  }
};
struct AbsGrad {
  template <class V>
  V operator()(V dy, V a) const {
    return (dy ^ (a & V::splat(-0.0))) & ((a < V::zero()) | (a > V::zero()));  // 0 at 0 and NaN, as PyTorch has it
  }
};
struct SqrtGrad {
  template <class V>
  V operator()(V dy, V y) const {
    return dy / (y + y);
  }
};
struct SigmoidGrad {
  template <class V>
  V operator()(V dy, V y) const {
    return dy * (y * (V::splat(1) - y));
  }
};
struct TanhGrad {
  template <class V>
  V operator()(V dy, V y) const {
    return dy * (V::splat(1) - y * y);
  }
};
struct Gelu {
  template <class V>
  V operator()(V a) const {
    return vmath::gelu(a);
  }
};
struct GeluGrad {
  template <class V>
  V operator()(V dy, V a) const {
    return dy * vmath::gelu_slope(a);
  }
};
/// d a^b / d b = a^b log a; at a = 0, b >= 0 its limit, 0.
struct PowExponentGrad {
  template <class V>
  V operator()(V y, V a) const {
    const V limit = (a == V::zero()) & (y <= V::splat(1));
    return and_not(y * vmath::log(a), limit);
  }
};
/// x, and 0 where the exponent is 0: there a^b does not depend on a, while b a^(b - 1) is 0 times infinity at a = 0.
struct UnlessExponentIsZero {
  template <class V>
  V operator()(V x, V exponent) const {
    return and_not(x, exponent == V::zero());
  }
};
/// The share of dy that goes to a where max(a, b) was taken: all, half, or none. All of it where one is NaN.
struct LargerShare {
  template <class V>
  V operator()(V a, V b) const {
    return select(a == b, V::splat(typename V::value_type(0.5)), and_not(V::splat(1), a < b));
  }
};

Tensor number(double value, const Tensor& like) { return Tensor::scalar(value, like.dtype()); }

/// binary(dy, other) in dy's own memory where nobody else sees it.
Tensor chain(Tensor& dy, const Tensor& other, const Rows& rows) {
  return binary("backward", dy, other, is_unshared(dy) ? &dy : nullptr, rows);
}

/// dx = f(dy, result).
template <class F>
Tensor from_result(const char* op, const Tensor& a, Tensor y) {
  if (Node *node = record(op, y, {&a}, [](Node& n, Tensor& dy) { n.add(0, chain(dy, n.saved(0), binary_rows<F>)); })) {
    node->save({detach(y)});
  }
  return y;
}

/// dx = f(dy, a).
template <class F>
Tensor from_input(const char* op, const Tensor& a, Tensor y) {
  if (Node *node = record(op, y, {&a}, [](Node& n, Tensor& dy) { n.add(0, chain(dy, n.saved(0), binary_rows<F>)); })) {
    node->save({a});
  }
  return y;
}

}  // namespace

}  // namespace tinytorch::detail

namespace tinytorch::ops {

Tensor gelu(const Tensor& a, Tensor* out) { return detail::unary("gelu", a, out, detail::unary_rows<detail::Gelu>); }

}  // namespace tinytorch::ops

namespace tinytorch::autograd {

using detail::Node;
using detail::number;
using detail::record;

Tensor add(const Tensor& a, const Tensor& b) {
  Tensor y = ops::add(a, b);
  (void)record("add", y, {&a, &b}, [](Node& n, Tensor& dy) {
    n.add(0, dy);
    n.add(1, std::move(dy));
  });
  return y;
}

Tensor sub(const Tensor& a, const Tensor& b) {
  Tensor y = ops::sub(a, b);
  (void)record("sub", y, {&a, &b}, [](Node& n, Tensor& dy) {
    if (n.wants(1)) n.add(1, ops::neg(dy));
    n.add(0, std::move(dy));
  });
  return y;
}

Tensor mul(const Tensor& a, const Tensor& b) {
  Tensor y = ops::mul(a, b);
  if (Node *node = record("mul", y, {&a, &b}, [](Node& n, Tensor& dy) {
        if (n.wants(0)) n.add(0, ops::mul(dy, n.saved(1)));
        if (n.wants(1)) n.add(1, ops::mul(dy, n.saved(0)));
      })) {
    node->save({a, b});
  }
  return y;
}

Tensor div(const Tensor& a, const Tensor& b) {
  Tensor y = ops::div(a, b);
  if (Node *node = record("div", y, {&a, &b}, [](Node& n, Tensor& dy) {
        const Tensor da = ops::div(dy, n.saved(0));
        if (n.wants(1)) n.add(1, ops::neg(ops::mul(da, n.saved(1))));
        n.add(0, da);
      })) {
    node->save({b, detach(y)});
  }
  return y;
}

Tensor pow(const Tensor& a, const Tensor& b) {
  Tensor y = ops::pow(a, b);
  if (Node *node = record("pow", y, {&a, &b}, [](Node& n, Tensor& dy) {
        const Tensor &base = n.saved(0), &exponent = n.saved(1);
        if (n.wants(0)) {
          const Tensor lower = ops::pow(base, ops::sub(exponent, number(1, base)));
          const Tensor dx = ops::mul(dy, ops::mul(exponent, lower));
          n.add(0, detail::binary("pow", dx, exponent, nullptr, detail::binary_rows<detail::UnlessExponentIsZero>));
        }
        if (n.wants(1)) {
          const Tensor slope =
              detail::binary("pow", n.saved(2), base, nullptr, detail::binary_rows<detail::PowExponentGrad>);
          n.add(1, ops::mul(dy, slope));
        }
      })) {
    node->save({a, b, detach(y)});
  }
  return y;
}

Tensor maximum(const Tensor& a, const Tensor& b) {
  Tensor y = ops::maximum(a, b);
  if (Node *node = record("maximum", y, {&a, &b}, [](Node& n, Tensor& dy) {
        for (const std::size_t i : {0, 1}) {
          if (!n.wants(i)) continue;
          const Tensor share =
              detail::binary("maximum", n.saved(i), n.saved(1 - i), nullptr, detail::binary_rows<detail::LargerShare>);
          n.add(i, detail::binary("maximum", dy, share, nullptr, detail::binary_rows<detail::Share>));
        }
      })) {
    node->save({a, b});
  }
  return y;
}

Tensor neg(const Tensor& a) {
  Tensor y = ops::neg(a);
  (void)record("neg", y, {&a}, [](Node& n, Tensor& dy) { n.add(0, ops::neg(dy)); });
  return y;
}

Tensor exp(const Tensor& a) {
  Tensor y = ops::exp(a);
  if (Node *node = record("exp", y, {&a}, [](Node& n, Tensor& dy) { n.add(0, ops::mul(dy, n.saved(0))); })) {
    node->save({detach(y)});
  }
  return y;
}

Tensor log(const Tensor& a) {
  Tensor y = ops::log(a);
  if (Node *node = record("log", y, {&a}, [](Node& n, Tensor& dy) { n.add(0, ops::div(dy, n.saved(0))); })) {
    node->save({a});
  }
  return y;
}

Tensor abs(const Tensor& a) { return detail::from_input<detail::AbsGrad>("abs", a, ops::abs(a)); }
Tensor sqrt(const Tensor& a) { return detail::from_result<detail::SqrtGrad>("sqrt", a, ops::sqrt(a)); }
Tensor relu(const Tensor& a) { return detail::from_result<detail::ReluGrad>("relu", a, ops::relu(a)); }
Tensor sigmoid(const Tensor& a) { return detail::from_result<detail::SigmoidGrad>("sigmoid", a, ops::sigmoid(a)); }
Tensor tanh(const Tensor& a) { return detail::from_result<detail::TanhGrad>("tanh", a, ops::tanh(a)); }
Tensor gelu(const Tensor& a) { return detail::from_input<detail::GeluGrad>("gelu", a, ops::gelu(a)); }

}  // namespace tinytorch::autograd
