#include "elementwise.h"

#include <algorithm>

#include "check.h"
#include "dispatch.h"
#include "pow.h"
#include "storage.h"
#include "tinytorch/ops.h"
#include "vector_math.h"

namespace tinytorch {

namespace detail {

namespace {

void run(Tensor& out, std::initializer_list<const Tensor*> inputs, const Rows& rows) {
  for_floating(out.dtype(), [&]<class T>() { run_elementwise<T>(out, inputs, rows.get<T>()); });
}

bool same_elements(const Tensor& a, const Tensor& b) noexcept {
  return a.impl()->offset == b.impl()->offset && a.shape() == b.shape() && a.strides() == b.strides();
}

Tensor run_into(const char* op, const Shape& shape, DType dtype, Tensor* out,
                std::initializer_list<const Tensor*> inputs, const Rows& rows) {
  if (out == nullptr) {
    Tensor result = Tensor::empty(shape, dtype);
    run(result, inputs, rows);
    return result;
  }
  require_out(*out, shape, dtype, op);
  const bool clash = std::any_of(inputs.begin(), inputs.end(), [&](const Tensor* input) {
    return may_overlap(*out, *input) && !same_elements(*out, *input);
  });
  if (clash) {
    Tensor result = Tensor::empty(shape, dtype);
    run(result, inputs, rows);
    out->copy_from(result);
  } else {
    run(*out, inputs, rows);
  }
  return *out;
}

}  // namespace

Tensor unary(const char* op, const Tensor& a, Tensor* out, const Rows& rows) {
  require_floating(a, op, "a");
  return run_into(op, a.shape(), a.dtype(), out, {&a}, rows);
}

Tensor binary(const char* op, const Tensor& a, const Tensor& b, Tensor* out, const Rows& rows) {
  require_same_floating(a, b, op);
  return run_into(op, broadcast_shapes(a.shape(), b.shape(), op), a.dtype(), out, {&a, &b}, rows);
}

namespace {

struct Add {
  template <class V>
  V operator()(V a, V b) const {
    return a + b;
  }
};
struct Sub {
  template <class V>
  V operator()(V a, V b) const {
    return a - b;
  }
};
struct Mul {
  template <class V>
  V operator()(V a, V b) const {
    return a * b;
  }
};
struct Div {
  template <class V>
  V operator()(V a, V b) const {
    return a / b;
  }
};
struct Maximum {
  template <class V>
  V operator()(V a, V b) const {
    return simd::max(a, b);
  }
};
struct Neg {
  template <class V>
  V operator()(V a) const {
    return -a;
  }
};
struct Abs {
  template <class V>
  V operator()(V a) const {
    return simd::abs(a);
  }
};
struct Sqrt {
  template <class V>
  V operator()(V a) const {
    return sqrt(a);
  }
};
struct Relu {
  template <class V>
  V operator()(V a) const {
    return simd::relu(a);
  }
};
struct Exp {
  template <class V>
  V operator()(V a) const {
    return vmath::exp(a);
  }
};
struct Log {
  template <class V>
  V operator()(V a) const {
    return vmath::log(a);
  }
};
struct Sigmoid {
  template <class V>
  V operator()(V a) const {
    return vmath::sigmoid(a);
  }
};
struct Tanh {
  template <class V>
  V operator()(V a) const {
    return vmath::tanh(a);
  }
};

}  // namespace

}  // namespace detail

namespace ops {

using detail::binary_rows;
using detail::unary_rows;

Tensor add(const Tensor& a, const Tensor& b, Tensor* out) {
  return detail::binary("add", a, b, out, binary_rows<detail::Add>);
}
Tensor sub(const Tensor& a, const Tensor& b, Tensor* out) {
  return detail::binary("sub", a, b, out, binary_rows<detail::Sub>);
}
Tensor mul(const Tensor& a, const Tensor& b, Tensor* out) {
  return detail::binary("mul", a, b, out, binary_rows<detail::Mul>);
}
Tensor div(const Tensor& a, const Tensor& b, Tensor* out) {
  return detail::binary("div", a, b, out, binary_rows<detail::Div>);
}
Tensor maximum(const Tensor& a, const Tensor& b, Tensor* out) {
  return detail::binary("maximum", a, b, out, binary_rows<detail::Maximum>);
}
Tensor pow(const Tensor& a, const Tensor& b, Tensor* out) {
  detail::require_same_floating(a, b, "pow");
  // The usual exponent: one product is the correctly rounded square.
  if (b.ndim() == 0 && b.item() == 2) return detail::binary("pow", a, a, out, binary_rows<detail::Mul>);
  return detail::binary("pow", a, b, out, detail::pow_rows);
}
Tensor neg(const Tensor& a, Tensor* out) { return detail::unary("neg", a, out, unary_rows<detail::Neg>); }
Tensor abs(const Tensor& a, Tensor* out) { return detail::unary("abs", a, out, unary_rows<detail::Abs>); }
Tensor exp(const Tensor& a, Tensor* out) { return detail::unary("exp", a, out, unary_rows<detail::Exp>); }
Tensor log(const Tensor& a, Tensor* out) { return detail::unary("log", a, out, unary_rows<detail::Log>); }
Tensor sqrt(const Tensor& a, Tensor* out) { return detail::unary("sqrt", a, out, unary_rows<detail::Sqrt>); }
Tensor relu(const Tensor& a, Tensor* out) { return detail::unary("relu", a, out, unary_rows<detail::Relu>); }
Tensor sigmoid(const Tensor& a, Tensor* out) { return detail::unary("sigmoid", a, out, unary_rows<detail::Sigmoid>); }
Tensor tanh(const Tensor& a, Tensor* out) { return detail::unary("tanh", a, out, unary_rows<detail::Tanh>); }

}  // namespace ops

}  // namespace tinytorch
