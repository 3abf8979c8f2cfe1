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

struct Sub {
  static constexpr Op op{"sub"};
  static auto forward(auto a, auto b) { return a - b; }
};
struct Mul {
  static constexpr Op op{"mul"};
  static auto forward(auto a, auto b) { return a * b; }
};
struct Maximum {
  static constexpr Op op{"maximum"};
  static auto forward(auto a, auto b) { return simd::max(a, b); }
};
constexpr Op kAddOp{"add"}, kDivOp{"div"}, kPowOp{"pow"};
/// a^2.
struct Square {
  template <class V>
  V operator()(V a, V) const {
    return a * a;
  }
};

/// Of d a^b / d b = a^b log a: 1, or 0 at a = 0 and b >= 0, where the limit is 0 and log a is not finite.
struct ExponentCounts {
  static constexpr Op op{"pow"};
  template <class V>
  static V forward(V a, V b) {
    return and_not(V::splat(1), (a == V::zero()) & (V::zero() <= b));
  }
};
/// x, but 0 where the exponent is 0. There a^b does not depend on a, but b a^(b - 1) is 0 times infinity at a = 0.
struct UnlessExponentIsZero {
  static constexpr Op op{"pow"};
  template <class V>
  static V forward(V x, V exponent) {
    return and_not(x, exponent == V::zero());
  }
};
/// The share of dy that goes to a in max(a, b): all, half, or none; all if one is NaN.
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
  static constexpr Saves saves = Saves::a;
  static auto forward(auto a) { return simd::abs(a); }
  template <class V>
  static V backward(V dy, V a) {  // 0 at 0 and NaN, as in PyTorch
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
  static constexpr Saves saves = Saves::a;
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

using detail::binary_rows;
using detail::Forward;
using detail::Kept;
using detail::Node;
using detail::Saves;

Tensor add(const Tensor& a, const Tensor& b, Tensor* out) {
  return detail::binary(detail::kAddOp, a, b, out, binary_rows<detail::Plus>, Saves::nothing,
                        [](Node& n, Tensor& dy, const Kept&) {
                          n.add(0, dy);
                          n.add(1, std::move(dy));
                        });
}

Tensor sub(const Tensor& a, const Tensor& b, Tensor* out) {
  return detail::binary<detail::Sub>(a, b, out, Saves::nothing, [](Node& n, Tensor& dy, const Kept&) {
    if (n.wants(1)) n.add(1, neg(dy));
    n.add(0, std::move(dy));
  });
}

Tensor mul(const Tensor& a, const Tensor& b, Tensor* out) {
  return detail::binary<detail::Mul>(a, b, out, Saves::operands, [](Node& n, Tensor& dy, const Kept& kept) {
    if (n.wants(0)) n.add(0, mul(dy, kept.b.get(n)));
    if (n.wants(1)) n.add(1, mul(dy, kept.a.get(n)));
  });
}

Tensor div(const Tensor& a, const Tensor& b, Tensor* out) {
  return detail::binary(detail::kDivOp, a, b, out, binary_rows<detail::Quotient>, Saves::b | Saves::result,
                        [](Node& n, Tensor& dy, const Kept& kept) {
                          const Tensor da = div(dy, kept.b.get(n));
                          if (n.wants(1)) n.add(1, neg(mul(da, kept.result.get(n))));
                          n.add(0, da);
                        });
}

Tensor pow(const Tensor& a, const Tensor& b, Tensor* out) {
  const auto backward = [](Node& n, Tensor& dy, const Kept& kept) {
    const Tensor &base = kept.a.get(n), &exponent = kept.b.get(n);
    if (n.wants(0)) {
      const Tensor lower = pow(base, sub(exponent, Tensor::scalar(1, base.dtype())));
      n.add(0, detail::binary<detail::UnlessExponentIsZero>(mul(dy, mul(exponent, lower)), exponent));
    }
    if (n.wants(1)) {
      const Tensor slope = mul(kept.result.get(n), log(base));
      const Tensor counts = detail::binary<detail::ExponentCounts>(base, exponent);
      n.add(1, detail::binary(detail::kPowOp, mul(dy, slope), counts, nullptr, binary_rows<detail::Share>));
    }
  };
  // The most common exponent. One product is faster and gives the correctly rounded square.
  const bool is_square = b.defined() && b.ndim() == 0 && b.dtype() == a.dtype() && b.item() == 2;
  const detail::Rows& rows = is_square ? binary_rows<detail::Square> : detail::pow_rows;
  return detail::binary(detail::kPowOp, a, b, out, rows, Saves::operands | Saves::result, backward);
}

Tensor maximum(const Tensor& a, const Tensor& b, Tensor* out) {
  return detail::binary<detail::Maximum>(a, b, out, Saves::operands, [](Node& n, Tensor& dy, const Kept& kept) {
    const auto give = [&](std::size_t input, const detail::Saved& own, const detail::Saved& other) {
      if (!n.wants(input)) return;
      const Tensor share = detail::binary<detail::LargerShare>(own.get(n), other.get(n));
      n.add(input, detail::binary({"maximum"}, dy, share, nullptr, binary_rows<detail::Share>));
    };
    give(0, kept.a, kept.b);
    give(1, kept.b, kept.a);
  });
}

Tensor neg(const Tensor& a, Tensor* out) {
  return detail::record(
      "neg", {&a}, out,
      [&] { return detail::unary(detail::Neg::op, a, out, detail::unary_rows<Forward<detail::Neg>>); },
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
    row<&ops::add>(kAddOp, {.summary = "this + other", .parameters = {"other"}, .takes_number = true}),
    row<&ops::sub>(Sub::op, {.summary = "this - other", .parameters = {"other"}, .takes_number = true}),
    row<&ops::mul>(Mul::op,
                   {.summary = "this * other, element by element", .parameters = {"other"}, .takes_number = true}),
    row<&ops::div>(kDivOp, {.summary = "this / other", .parameters = {"other"}, .takes_number = true, .lowest = 0.5}),
    row<&ops::pow>(kPowOp,
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
