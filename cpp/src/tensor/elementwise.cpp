#include "elementwise.h"

#include <algorithm>

#include "check.h"
#include "dispatch.h"
#include "storage.h"

namespace tinytorch::detail {

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

Tensor unary(const Op& op, const Tensor& a, Tensor* out, const Rows& rows) {
  require_dtype(a, op, "a");
  return run_into(op.name, a.shape(), a.dtype(), out, {&a}, rows);
}

Tensor binary(const Op& op, const Tensor& a, const Tensor& b, Tensor* out, const Rows& rows) {
  require_same_dtype(a, b, op);
  return run_into(op.name, broadcast_shapes(a.shape(), b.shape(), op.name), a.dtype(), out, {&a, &b}, rows);
}

}  // namespace tinytorch::detail
