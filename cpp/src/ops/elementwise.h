#pragma once

#include "autograd/tape.h"
#include "tensor/elementwise.h"

/// Operations element by element, written in terms of vectors of either floating type. An operation is a struct F:
///
///     struct Sqrt {
///       static constexpr Op op{"sqrt"};                               // the name, and the dtypes if not the floating
///       ones static auto forward(auto a) { return sqrt(a); } static constexpr Saves saves = Saves::result; // what
///       backward() gets as its second argument static auto backward(auto dy, auto y) { return dy / (y + y); }   // the
///       gradient of a
///     };
namespace tinytorch::detail {

/// What an operation of one operand keeps to go back.
enum class Saves : unsigned char { operand, result };

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

/// dy * share, and 0 where the share is 0, whatever dy is.
struct Share {
  template <class V>
  V operator()(V dy, V share) const {
    return and_not(dy * share, share == V::zero());
  }
};

/// F of one operand, recorded.
template <class F>
[[nodiscard]] Tensor unary(const Tensor& a, Tensor* out) {
  return record(
      F::op.name, {&a}, out, [&] { return unary(F::op, a, out, unary_rows<Forward<F>>); },
      [&](const Tensor& y) {
        return [saved = Saved(F::saves == Saves::result ? detach(y) : a)](Node& n, Tensor& dy) {
          // In dy's own memory where nobody else sees it.
          n.add(0, binary({"backward"}, dy, saved.get(n), is_unshared(dy) ? &dy : nullptr, binary_rows<Backward<F>>));
        };
      });
}

/// F of two operands, not recorded.
template <class F>
[[nodiscard]] Tensor binary(const Tensor& a, const Tensor& b, Tensor* out = nullptr) {
  return binary(F::op, a, b, out, binary_rows<Forward<F>>);
}

}  // namespace tinytorch::detail
