// Forward and backward of views, whose results share the input's storage, and of copies.
#include "autograd/tape.h"

namespace tinytorch::autograd {

using detail::Node;
using detail::record;

Tensor reshape(const Tensor& a, const Shape& shape) {
  Tensor y = a.reshape(shape);
  (void)record("reshape", y, {&a}, [](Node& n, Tensor& dy) { n.add(0, dy.reshape(n.shape_of(0))); });
  return y;
}

Tensor transpose(const Tensor& a, std::int64_t dim0, std::int64_t dim1) {
  Tensor y = a.transpose(dim0, dim1);
  if (Node *node =
          record("transpose", y, {&a}, [](Node& n, Tensor& dy) { n.add(0, dy.transpose(n.number1, n.number2)); })) {
    node->number1 = dim0;
    node->number2 = dim1;
  }
  return y;
}

Tensor slice(const Tensor& a, std::int64_t dim, std::int64_t start, std::int64_t stop, std::int64_t step) {
  Tensor y = a.slice(dim, start, stop, step);
  if (Node *node = record("slice", y, {&a}, [](Node& n, Tensor& dy) {
        bool accumulate = false;
        Tensor& dx = n.accumulator(0, dy.dtype(), accumulate);
        if (!accumulate) dx.fill(0);
        Tensor part = dx.slice(n.dims[0], n.number1, n.number2, n.number3);
        (void)ops::add(part, dy, &part);
      })) {
    node->dims = {dim};
    node->number1 = start;
    node->number2 = stop;
    node->number3 = step;
  }
  return y;
}

Tensor expand(const Tensor& a, const Shape& shape) {
  // A tensor of its own also where nothing changes: marking or freezing the result must not touch `a`.
  Tensor y = a.shape() == shape ? detach(a) : a.expand(shape);
  (void)record("expand", y, {&a}, [](Node& n, Tensor& dy) { n.add(0, std::move(dy)); });
  return y;
}

Tensor clone(const Tensor& a) {
  Tensor y = a.clone();
  (void)record("clone", y, {&a}, [](Node& n, Tensor& dy) { n.add(0, std::move(dy)); });
  return y;
}

Tensor to(const Tensor& a, DType dtype) {
  Tensor y = a.to(dtype);
  if (dtype == a.dtype() || !is_floating(dtype)) return y;
  if (Node *node = record("to", y, {&a}, [](Node& n, Tensor& dy) { n.add(0, dy.to(static_cast<DType>(n.number1))); })) {
    node->number1 = static_cast<std::int64_t>(a.dtype());
  }
  return y;
}

}  // namespace tinytorch::autograd
