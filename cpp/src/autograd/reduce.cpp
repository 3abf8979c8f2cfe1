// Forward and backward of reductions and softmax.
#include "autograd/tape.h"
#include "tensor/copy.h"
#include "tensor/elementwise.h"

namespace tinytorch::autograd {

using detail::Node;
using detail::record;

namespace {

/// The gradient of a reduction, its axis put back with size 1 and stretched over the input.
Tensor stretch(Node& n, const Tensor& dy) { return dy.reshape(n.dims).expand(n.shape_of(0)); }

/// Remembers the shape that the result would have with keepdim; without an axis a scalar's.
void remember_axis(Node* node, const Tensor& a, const ops::Axes& axes) {
  if (!axes.dim || a.ndim() == 0) return;
  node->dims = a.shape();
  node->dims[static_cast<std::size_t>(*axes.dim < 0 ? *axes.dim + static_cast<std::int64_t>(a.ndim()) : *axes.dim)] = 1;
}

}  // namespace

Tensor sum(const Tensor& a, ops::Axes axes) {
  Tensor y = ops::sum(a, axes);
  if (Node *node = record("sum", y, {&a}, [](Node& n, Tensor& dy) { n.add(0, stretch(n, dy)); })) {
    remember_axis(node, a, axes);
  }
  return y;
}

Tensor mean(const Tensor& a, ops::Axes axes) {
  Tensor y = ops::mean(a, axes);
  if (Node *node = record("mean", y, {&a}, [](Node& n, Tensor& dy) {
        const Tensor share = ops::div(dy, Tensor::scalar(n.real, dy.dtype()));
        n.add(0, stretch(n, share));
      })) {
    remember_axis(node, a, axes);
    node->real = static_cast<double>(axes.dim && a.ndim() > 0 ? a.size(*axes.dim) : a.numel());
  }
  return y;
}

namespace {

/// 1 where a is the largest element, or NaN as that is, else 0.
struct IsLargest {
  template <class V>
  V operator()(V a, V largest) const {
    return V::splat(1) & ((a == largest) | ((a != a) & (largest != largest)));
  }
};

/// Of the largest of all elements, each of equals gets the same share.
void max_of_all(Node& n, Tensor& dy) {
  const Tensor largest = detail::binary("max", n.saved(0), n.saved(1), nullptr, detail::binary_rows<IsLargest>);
  const Tensor share = ops::div(dy.reshape({}), ops::sum(largest));
  n.add(0, detail::binary("max", share, largest, nullptr, detail::binary_rows<detail::Share>));
}

/// Along an axis: seen as [outer, length, inner], the element of each length that argmax() names takes dy.
void max_along(Node& n, Tensor& dy) {
  const Tensor &place = n.saved(0), source = dy.contiguous();
  Tensor dx = Tensor::zeros(n.shape_of(0), dy.dtype());
  const std::int64_t length = n.number1, inner = n.number3;
  const std::int32_t* at = place.data<std::int32_t>();
  for (std::int64_t i = 0; i < place.numel(); ++i) {
    const std::int64_t to = (i / inner * length + at[i]) * inner + i % inner;
    detail::store_element(dx.impl()->bytes(), dx.dtype(), to,
                          detail::load_element(source.impl()->bytes(), dy.dtype(), i));
  }
  n.add(0, std::move(dx));
}

}  // namespace

Tensor max(const Tensor& a, ops::Axes axes) {
  Tensor y = ops::max(a, axes);
  const bool everything = !axes.dim || a.ndim() == 0;
  Node* const node = record("max", y, {&a}, everything ? max_of_all : max_along);
  if (node && everything) {
    node->save({a, detach(y).reshape({})});
  } else if (node) {
    const std::int64_t given = axes.dim.value_or(0),
                       dim = given < 0 ? given + static_cast<std::int64_t>(a.ndim()) : given;
    node->save({ops::argmax(a, axes)});
    node->number1 = a.size(dim);
    node->number3 = 1;
    for (std::int64_t i = dim + 1; i < static_cast<std::int64_t>(a.ndim()); ++i) node->number3 *= a.size(i);
  }
  return y;
}

Tensor softmax(const Tensor& a, std::int64_t dim) {
  Tensor y = ops::softmax(a, dim);
  if (Node *node = record("softmax", y, {&a}, [](Node& n, Tensor& dy) {
        const Tensor& p = n.saved(0);
        const Tensor inner = ops::sum(ops::mul(dy, p), {n.number1, true});
        n.add(0, ops::mul(p, ops::sub(dy, inner)));
      })) {
    node->save({detach(y)});
    node->number1 = dim;
  }
  return y;
}

Tensor log_softmax(const Tensor& a, std::int64_t dim) {
  Tensor y = ops::log_softmax(a, dim);
  if (Node *node = record("log_softmax", y, {&a}, [](Node& n, Tensor& dy) {
        const Tensor total = ops::sum(dy, {n.number1, true});
        n.add(0, ops::sub(dy, ops::mul(ops::exp(n.saved(0)), total)));
      })) {
    node->save({detach(y)});
    node->number1 = dim;
  }
  return y;
}

}  // namespace tinytorch::autograd
