#include "check.h"

#include <cmath>
#include <limits>
#include <string>

#include "dispatch.h"
#include "storage.h"

namespace tinytorch::detail {

void require_defined(const Tensor& tensor, std::string_view op, std::string_view argument) {
  if (!tensor.defined()) fail(ErrorCode::invalid_argument, {op, ": ", argument, " is an undefined tensor"});
}

void require_dtype(const Tensor& tensor, const Op& op, std::string_view argument) {
  require_defined(tensor, op.name, argument);
  if (op.dtypes.contains(tensor.dtype())) return;
  std::string known;
  for (const DType dtype : kAllDTypes) {
    if (op.dtypes.contains(dtype)) known += std::string(known.empty() ? "" : " or ") + std::string(name_of(dtype));
  }
  fail(ErrorCode::dtype, {op.name, ": needs ", known, ", ", argument, " is ", name_of(tensor.dtype())});
}

void require_floating(const Tensor& tensor, const char* op, std::string_view argument) {
  require_dtype(tensor, {op, kFloating}, argument);
}

void require_same_dtype(const Tensor& a, const Tensor& b, const Op& op) {
  require_dtype(a, op, "a");
  require_dtype(b, op, "b");
  if (a.dtype() != b.dtype()) {
    fail(ErrorCode::dtype, {op.name, ": dtypes differ: a is ", name_of(a.dtype()), ", b is ", name_of(b.dtype())});
  }
}

std::size_t require_dim(std::int64_t dim, const Shape& shape, std::string_view op) {
  const auto ndim = static_cast<std::int64_t>(shape.size());
  const std::int64_t positive = dim < 0 ? dim + ndim : dim;
  if (positive < 0 || positive >= ndim) {
    fail(ErrorCode::invalid_argument, {op, ": axis ", dim, " is out of range for shape ", shape});
  }
  return static_cast<std::size_t>(positive);
}

std::size_t require_reduced_dim(std::int64_t dim, const Shape& shape, std::string_view op) {
  if (shape.empty() && (dim == 0 || dim == -1)) return 0;
  return require_dim(dim, shape, op);
}

void require_representable(double value, DType dtype, std::string_view op) {
  if (is_floating(dtype)) return;
  const bool fits = for_dtype(dtype, [&]<class T>() {
    using Limits = std::numeric_limits<T>;
    return value >= static_cast<double>(Limits::min()) && value <= static_cast<double>(Limits::max());
  });
  if (fits && value == std::trunc(value)) return;
  fail(ErrorCode::dtype,
       {op, ": ", value, fits ? " is not a whole number" : " is out of range", ", which ", name_of(dtype), " needs"});
}

void require_out(const Tensor& out, const Shape& shape, DType dtype, std::string_view op) {
  require_defined(out, op, "out");
  if (out.impl()->gradient) out.impl()->gradient->before_write(op);
  if (out.shape() != shape) {
    fail(ErrorCode::shape, {op, ": out is ", out.shape(), ", the result is ", shape});
  }
  if (out.dtype() != dtype) {
    fail(ErrorCode::dtype, {op, ": out is ", name_of(out.dtype()), ", the result is ", name_of(dtype)});
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] > 1 && out.strides()[i] == 0) {
      fail(ErrorCode::invalid_argument,
           {op, ": out is an expanded view of shape ", shape, ": its elements share memory"});
    }
  }
}

namespace {

struct ByteRange {
  const std::byte *begin, *end;
};

ByteRange byte_range(const Tensor& tensor) noexcept {
  const TensorImpl& t = *tensor.impl();
  std::int64_t low = 0, high = 1;
  for (std::size_t i = 0; i < t.shape.size(); ++i) {
    const std::int64_t reach = (t.shape[i] - 1) * t.strides[i];
    (reach < 0 ? low : high) += reach;
  }
  const auto bytes = static_cast<std::int64_t>(size_of(t.dtype));
  return {t.bytes() + low * bytes, t.bytes() + high * bytes};
}

}  // namespace

bool may_overlap(const Tensor& a, const Tensor& b) noexcept {
  if (!a.shares_storage(b) || a.numel() == 0 || b.numel() == 0) return false;
  const ByteRange x = byte_range(a), y = byte_range(b);
  return x.begin < y.end && y.begin < x.end;
}

Destination::Destination(Tensor* out, const Shape& shape, DType dtype, const Tensor& operand, std::string_view op)
    : out_(out) {
  if (out != nullptr) {
    require_out(*out, shape, dtype, op);
    if (out->is_contiguous() && !may_overlap(*out, operand)) {
      result_ = *out;
      return;
    }
  }
  result_ = Tensor::empty(shape, dtype);
}

Tensor Destination::finish() {
  if (out_ == nullptr || result_.impl() == out_->impl()) return std::move(result_);
  out_->copy_from(result_);
  return *out_;
}

}  // namespace tinytorch::detail
