#include "ops/elementwise.h"

namespace tinytorch::detail {

Kept::Kept(Saves saves, const Tensor& x, const Tensor& y, const Tensor& z)
    : a(has(saves, Saves::a) ? x : Tensor()),
      b(has(saves, Saves::b) ? y : Tensor()),
      result(has(saves, Saves::result) ? detach(z) : Tensor()) {}

Tensor unary(const Op& op, const Tensor& a, Tensor* out, const Rows& forward, Saves saves, const Rows& backward) {
  return record(
      op.name, {&a}, out, [&] { return unary(op, a, out, forward); },
      [&](const Tensor& y) {
        return [saved = Saved(saves == Saves::result ? detach(y) : a), &backward](Node& n, Tensor& dy) {
          // Written over dy if nobody else uses its memory.
          n.add(0, binary({"backward"}, dy, saved.get(n), is_unshared(dy) ? &dy : nullptr, backward));
        };
      });
}

Tensor binary(const Op& op, const Tensor& a, const Tensor& b, Tensor* out, const Rows& forward, Saves saves,
              BinaryBackward backward) {
  return record(
      op.name, {&a, &b}, out, [&] { return binary(op, a, b, out, forward); },
      [&](const Tensor& y) {
        return [kept = Kept(saves, a, b, y), backward](Node& n, Tensor& dy) { backward(n, dy, kept); };
      });
}

}  // namespace tinytorch::detail
