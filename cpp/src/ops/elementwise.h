#pragma once

#include "autograd/tape.h"
#include "tensor/elementwise.h"

/// Operations element by element, written in terms of vectors of either floating type. An operation is a struct F:
///
///     struct Sqrt {
///       static constexpr Op op{"sqrt"};                   // the name, and the dtypes if not the floating ones
///       static auto forward(auto a) { return sqrt(a); }
///       static constexpr Saves saves = Saves::result;     // what backward() gets as its second argument
///       static auto backward(auto dy, auto y) { return dy / (y + y); }  // the gradient of a
///     };
///
/// This is for one operand. An operation of two operands has no `saves` and `backward` in its struct: its gradients are
/// computed with tensors (binary() below).
namespace tinytorch::detail {

/// What an operation keeps for backward(): a set of these flags.
enum class Saves : unsigned char { nothing = 0, a = 1, b = 2, operands = 3, result = 4 };
constexpr Saves operator|(Saves x, Saves y) { return static_cast<Saves>(static_cast<int>(x) | static_cast<int>(y)); }
constexpr bool has(Saves all, Saves one) { return (static_cast<int>(all) & static_cast<int>(one)) != 0; }
struct Kept {
  Kept(Saves saves, const Tensor& a, const Tensor& b, const Tensor& y);
  Saved a, b, result;
};

template <class F>
struct Forward {
  template <class... V>
  auto operator()(V... operands) const {
    return F::forward(operands...);
  }
};
template <class F>
struct Backward {
  template <class V>
  V operator()(V dy, V saved) const {
    return F::backward(dy, saved);
  }
};

/// dy * share, and 0 where the share is 0, even if dy is infinite or NaN.
struct Share {
  template <class V>
  V operator()(V dy, V share) const {
    return and_not(dy * share, share == V::zero());
  }
};

/// F of one operand, recorded.
[[nodiscard]] Tensor unary(const Op& op, const Tensor& a, Tensor* out, const Rows& forward, Saves saves,
                           const Rows& backward);
template <class F>
[[nodiscard]] Tensor unary(const Tensor& a, Tensor* out) {
  return unary(F::op, a, out, unary_rows<Forward<F>>, F::saves, binary_rows<Backward<F>>);
}

/// An operation of two operands, recorded. `backward` adds to the gradients of a (input 0) and b (input 1).
using BinaryBackward = void (*)(Node& n, Tensor& dy, const Kept& kept);
[[nodiscard]] Tensor binary(const Op& op, const Tensor& a, const Tensor& b, Tensor* out, const Rows& forward,
                            Saves saves, BinaryBackward backward);
template <class F>
[[nodiscard]] Tensor binary(const Tensor& a, const Tensor& b, Tensor* out, Saves saves, BinaryBackward backward) {
  return binary(F::op, a, b, out, binary_rows<Forward<F>>, saves, backward);
}

/// F of two operands, not recorded.
template <class F>
[[nodiscard]] Tensor binary(const Tensor& a, const Tensor& b) {
  return binary(F::op, a, b, nullptr, binary_rows<Forward<F>>);
}

}  // namespace tinytorch::detail
