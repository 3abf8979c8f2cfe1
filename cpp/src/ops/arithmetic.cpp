// Arithmetic, element by element.
#include "ops/elementwise.h"
#include "ops/pow.h"
#include "ops/row.h"
#include "tensor/check.h"
#include "tensor/vector_math.h"
#include "tinytorch/ops.h"

namespace tinytorch {

namespace detail {

namespace {

struct Add {
  static constexpr Op op{"add"};
  static auto forward(auto a, auto b) { return a + b; }
};
struct Sub {
  static constexpr Op op{"sub"};
  static auto forward(auto a, auto b) { return a - b; }
};
struct Mul {
  static constexpr Op op{"mul"};
  static auto forward(auto a, auto b) { return a * b; }
};
struct Div {
  static constexpr Op op{"div"};
  static auto forward(auto a, auto b) { return a / b; }
};
struct Maximum {
  static constexpr Op op{"maximum"};
  static auto forward(auto a, auto b) { return simd::max(a, b); }
};
constexpr Op pow_op{"pow"};

/// d a^b / d b = a^b log a; at a = 0, b >= 0 its limit, 0.
struct PowExponentSlope {
  static constexpr Op op{"pow"};
  template <class V>
  static V forward(V y, V a) {
    const V limit = (a == V::zero()) & (y <= V::splat(1));
    return and_not(y * vmath::log(a), limit);
  }
};
/// x, and 0 where the exponent is 0: there a^b does not depend on a, while b a^(b - 1) is 0 times infinity at a = 0.
struct UnlessExponentIsZero {
  static constexpr Op op{"pow"};
  template <class V>
  static V forward(V x, V exponent) {
    return and_not(x, exponent == V::zero());
  }
};
/// The share of dy that goes to a where max(a, b) was taken: all, half, or none. All of it where one is NaN.
struct LargerShare {
  static constexpr Op op{"maximum"};
  template <class V>
  static V forward(V a, V b) {
    return select(a == b, V::splat(typename V::value_type(0.5)), and_not(V::splat(1), a < b));
  }
};

struct Neg {
  static constexpr Op op{"neg"};
  static auto forward(auto a) { return -a; }
};
struct Abs {
  static constexpr Op op{"abs"};
  static constexpr Saves saves = Saves::operand;
  static auto forward(auto a) { return simd::abs(a); }
  template <class V>
  static V backward(V dy, V a) {  // 0 at 0 and NaN, as PyTorch has it
    return (dy ^ (a & V::splat(-0.0))) & ((a < V::zero()) | (a > V::zero()));
  }
};
struct Exp {
  static constexpr Op op{"exp"};
  static constexpr Saves saves = Saves::result;
  static auto forward(auto a) { return vmath::exp(a); }
  static auto backward(auto dy, auto y) { return dy * y; }
};
struct Log {
  static constexpr Op op{"log"};
  static constexpr Saves saves = Saves::operand;
  static auto forward(auto a) { return vmath::log(a); }
  static auto backward(auto dy, auto a) { return dy / a; }
};
struct Sqrt {
  static constexpr Op op{"sqrt"};
  static constexpr Saves saves = Saves::result;
  static auto forward(auto a) { return sqrt(a); }
  static auto backward(auto dy, auto y) { return dy / (y + y); }
};

}  // namespace

}  // namespace detail

namespace ops {

using detail::Node;
using detail::record;
using detail::Saved;

Tensor add(const Tensor& a, const Tensor& b, Tensor* out) {
  return record(
      "add", {&a, &b}, out, [&] { return detail::binary<detail::Add>(a, b, out); },
      [](const Tensor&) {
        return [](Node& n, Tensor& dy) {
          n.add(0, dy);
          n.add(1, std::move(dy));
        };
      });
}

Tensor sub(const Tensor& a, const Tensor& b, Tensor* out) {
  return record(
      "sub", {&a, &b}, out, [&] { return detail::binary<detail::Sub>(a, b, out); },
      [](const Tensor&) {
        return [](Node& n, Tensor& dy) {
          if (n.wants(1)) n.add(1, neg(dy));
          n.add(0, std::move(dy));
        };
      });
}

Tensor mul(const Tensor& a, const Tensor& b, Tensor* out) {
  return record(
      "mul", {&a, &b}, out, [&] { return detail::binary<detail::Mul>(a, b, out); },
      [&](const Tensor&) {
        return [x = Saved(a), y = Saved(b)](Node& n, Tensor& dy) {
          if (n.wants(0)) n.add(0, mul(dy, y.get(n)));
          if (n.wants(1)) n.add(1, mul(dy, x.get(n)));
        };
      });
}

Tensor div(const Tensor& a, const Tensor& b, Tensor* out) {
  return record(
      "div", {&a, &b}, out, [&] { return detail::binary<detail::Div>(a, b, out); },
      [&](const Tensor& y) {
        return [divisor = Saved(b), quotient = Saved(detach(y))](Node& n, Tensor& dy) {
          const Tensor da = div(dy, divisor.get(n));
          if (n.wants(1)) n.add(1, neg(mul(da, quotient.get(n))));
          n.add(0, da);
        };
      });
}

Tensor pow(const Tensor& a, const Tensor& b, Tensor* out) {
  const auto forward = [&] {
    detail::require_same_dtype(a, b, detail::pow_op);
    // The usual exponent: one product is the correctly rounded square.
    if (b.ndim() == 0 && b.item() == 2) {
      return detail::binary(detail::pow_op, a, a, out, detail::binary_rows<detail::Forward<detail::Mul>>);
    }
    return detail::binary(detail::pow_op, a, b, out, detail::pow_rows);
  };
  return record("pow", {&a, &b}, out, forward, [&](const Tensor& y) {
    return [a = Saved(a), b = Saved(b), result = Saved(detach(y))](Node& n, Tensor& dy) {
      const Tensor &base = a.get(n), &exponent = b.get(n);
      if (n.wants(0)) {
        const Tensor lower = pow(base, sub(exponent, Tensor::scalar(1, base.dtype())));
        n.add(0, detail::binary<detail::UnlessExponentIsZero>(mul(dy, mul(exponent, lower)), exponent));
      }
      if (n.wants(1)) n.add(1, mul(dy, detail::binary<detail::PowExponentSlope>(result.get(n), base)));
    };
  });
}

Tensor maximum(const Tensor& a, const Tensor& b, Tensor* out) {
  return record(
      "maximum", {&a, &b}, out, [&] { return detail::binary<detail::Maximum>(a, b, out); },
      [&](const Tensor&) {
        return [a = Saved(a), b = Saved(b)](Node& n, Tensor& dy) {
          const auto give = [&](std::size_t input, const Saved& own, const Saved& other) {
            if (!n.wants(input)) return;
            const Tensor share = detail::binary<detail::LargerShare>(own.get(n), other.get(n));
            n.add(input, detail::binary({"maximum"}, dy, share, nullptr, detail::binary_rows<detail::Share>));
          };
          give(0, a, b);
          give(1, b, a);
        };
      });
}

Tensor neg(const Tensor& a, Tensor* out) {
  return record(
      "neg", {&a}, out,
      [&] { return detail::unary(detail::Neg::op, a, out, detail::unary_rows<detail::Forward<detail::Neg>>); },
      [](const Tensor&) { return [](Node& n, Tensor& dy) { n.add(0, neg(dy)); }; });
}

Tensor abs(const Tensor& a, Tensor* out) { return detail::unary<detail::Abs>(a, out); }
Tensor exp(const Tensor& a, Tensor* out) { return detail::unary<detail::Exp>(a, out); }
Tensor log(const Tensor& a, Tensor* out) { return detail::unary<detail::Log>(a, out); }
Tensor sqrt(const Tensor& a, Tensor* out) { return detail::unary<detail::Sqrt>(a, out); }

}  // namespace ops

namespace detail {

namespace {

constinit const Operation arithmetic_rows[] = {
    row<&ops::add>(Add::op, {.summary = "this + other", .parameters = {"other"}, .takes_number = true}),
    row<&ops::sub>(Sub::op, {.summary = "this - other", .parameters = {"other"}, .takes_number = true}),
    row<&ops::mul>(Mul::op,
                   {.summary = "this * other, element by element", .parameters = {"other"}, .takes_number = true}),
    row<&ops::div>(Div::op, {.summary = "this / other", .parameters = {"other"}, .takes_number = true, .lowest = 0.5}),
    row<&ops::pow>(pow_op,
                   {.summary = "this to the power of other. Gradients as in PyTorch: that of x^0 is 0 everywhere.",
                    .parameters = {"other"},
                    .takes_number = true,
                    .lowest = 0.5}),
    row<&ops::maximum>(Maximum::op,
                       {.summary = "The larger of this and other; NaN wins. Of equals, half the gradient goes to each.",
                        .parameters = {"other"},
                        .takes_number = true}),
    row<&ops::neg>(Neg::op, {.summary = "-this"}),
    row<&ops::abs>(Abs::op, {.summary = "|this|; gradient 0 at 0"}),
    row<&ops::exp>(Exp::op, {.summary = "e to the power of this"}),
    row<&ops::log>(Log::op, {.summary = "The natural logarithm.", .lowest = 0.5}),
    row<&ops::sqrt>(Sqrt::op, {.summary = "The square root; its gradient at 0 is infinite.", .lowest = 0.5}),
};

}  // namespace

constinit const Family arithmetic = arithmetic_rows;

}  // namespace detail

}  // namespace tinytorch
