// Forward and backward of reductions and softmax.
#include "autograd/tape.h"
#include "tensor/copy.h"

namespace tinytorch::autograd {

using detail::Node;
using detail::record;

namespace {

/// The gradient of a reduction, its axis put back with size 1 and stretched over the input.
Tensor stretch(Node& n, const Tensor& dy) { return dy.reshape(n.dims).expand(n.shape_of(0)); }

/// Remembers the shape that the result would have with keepdim; without an axis a scalar's.
void remember_axis(Node* node, const Tensor& a, const ops::Axes& axes) {
  if (!axes.dim) return;
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
    node->real = static_cast<double>(axes.dim ? a.size(*axes.dim) : a.numel());
  }
  return y;
}

Tensor max(const Tensor& a, ops::Axes axes) {
  Tensor y = ops::max(a, axes);
  if (Node *node = record("max", y, {&a}, [](Node& n, Tensor& dy) {
        // Seen as [outer, length, inner], one element of each length takes dy.
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
      })) {
    node->save({ops::argmax(a, axes)});
    node->number1 = axes.dim ? a.size(*axes.dim) : a.numel();
    node->number3 = 1;
    const auto ndim = static_cast<std::int64_t>(a.ndim());
    for (std::int64_t i = axes.dim ? (*axes.dim < 0 ? *axes.dim + ndim : *axes.dim) + 1 : ndim; i < ndim; ++i) {
      node->number3 *= a.size(i);
    }
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
