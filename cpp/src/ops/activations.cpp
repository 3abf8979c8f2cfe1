// Activation functions, element by element.
#include "ops/elementwise.h"
#include "ops/row.h"
#include "tensor/vector_math.h"
#include "tinytorch/ops.h"

namespace tinytorch {

namespace detail {

namespace {

struct Relu {
  static constexpr Op op{"relu"};
  static constexpr Saves saves = Saves::result;
  static auto forward(auto a) { return simd::relu(a); }
  template <class V>
  static V backward(V dy, V y) {
    return and_not(dy, y <= V::zero());  // dy itself where y is NaN
  }
};
struct Sigmoid {
  static constexpr Op op{"sigmoid"};
  static constexpr Saves saves = Saves::result;
  static auto forward(auto a) { return vmath::sigmoid(a); }
  template <class V>
  static V backward(V dy, V y) {
    return dy * (y * (V::splat(1) - y));
  }
};
struct Tanh {
  static constexpr Op op{"tanh"};
  static constexpr Saves saves = Saves::result;
  static auto forward(auto a) { return vmath::tanh(a); }
  template <class V>
  static V backward(V dy, V y) {
    return dy * (V::splat(1) - y * y);
  }
};
struct Gelu {
  static constexpr Op op{"gelu"};
  static constexpr Saves saves = Saves::a;
  static auto forward(auto a) { return vmath::gelu(a); }
  static auto backward(auto dy, auto a) { return dy * vmath::gelu_slope(a); }
};

}  // namespace

}  // namespace detail

namespace ops {

Tensor relu(const Tensor& a, Tensor* out) { return detail::unary<detail::Relu>(a, out); }
Tensor sigmoid(const Tensor& a, Tensor* out) { return detail::unary<detail::Sigmoid>(a, out); }
Tensor tanh(const Tensor& a, Tensor* out) { return detail::unary<detail::Tanh>(a, out); }
Tensor gelu(const Tensor& a, Tensor* out) { return detail::unary<detail::Gelu>(a, out); }

}  // namespace ops

namespace detail {

namespace {

constinit const Operation activations_rows[] = {
    row<&ops::relu>(Relu::op, {.summary = "max(this, 0); NaN stays NaN; gradient 0 at 0"}),
    row<&ops::sigmoid>(Sigmoid::op, {.summary = "1 / (1 + exp(-this))"}),
    row<&ops::tanh>(Tanh::op, {.summary = "The hyperbolic tangent."}),
    row<&ops::gelu>(Gelu::op, {.summary = "this (1 + erf(this / sqrt 2)) / 2"}),
};

}  // namespace

constinit const Family activations = activations_rows;

}  // namespace detail

}  // namespace tinytorch
