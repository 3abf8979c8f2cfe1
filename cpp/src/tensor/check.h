#pragma once

#include <cstdint>
#include <string_view>

#include "base/fail.h"
#include "tinytorch/tensor.h"

/// Validation at the public boundary. Texts start with the operation's name and end with the values.
namespace tinytorch::detail {

/// An operation's name, for errors, and the dtypes that it takes.
struct Op {
  const char* name;
  DTypeSet dtypes = kFloating;
};

/// Each throws Error(invalid_argument) for an undefined tensor. The last two throw Error(dtype) if the operation does
/// not take the tensor's dtype, and name those it takes.
void require_defined(const Tensor& tensor, std::string_view op, std::string_view argument);
void require_dtype(const Tensor& tensor, const Op& op, std::string_view argument);
void require_floating(const Tensor& tensor, const char* op, std::string_view argument);

/// Both tensors must have one dtype, which the operation takes.
void require_same_dtype(const Tensor& a, const Tensor& b, const Op& op);

/// `dim` counted from the front; Error(invalid_argument) where the shape has no such axis.
[[nodiscard]] std::size_t require_dim(std::int64_t dim, const Shape& shape, std::string_view op);

/// Error(dtype) naming `value` where a tensor of an integer `dtype` cannot hold it: not whole, or out of range.
void require_representable(double value, DType dtype, std::string_view op);

/// require_dim() for an axis that is reduced. A tensor without axes counts as one with a single axis of one element: 0
/// and -1 name it.
[[nodiscard]] std::size_t require_reduced_dim(std::int64_t dim, const Shape& shape, std::string_view op);

/// Checks that a result of that shape and dtype can be written into `out`. Error(shape) or Error(dtype) if `out` has
/// another one, Error(invalid_argument) if two of its indices name the same element, Error(autograd) if it is a
/// recorded result and recording is on.
void require_out(const Tensor& out, const Shape& shape, DType dtype, std::string_view op);

/// Whether the two can touch the same memory (their byte ranges overlap).
[[nodiscard]] bool may_overlap(const Tensor& a, const Tensor& b) noexcept;

/// Where an operation writes its result row-major: into `out`, or into a new tensor if `out` is not given, has gaps or
/// shares memory with the operand. Checks `out` as require_out() does.
class Destination {
 public:
  Destination(Tensor* out, const Shape& shape, DType dtype, const Tensor& operand, std::string_view op);
  [[nodiscard]] Tensor& result() noexcept { return result_; }
  /// The result: `out`, into which it is copied if necessary, or the new tensor.
  [[nodiscard]] Tensor finish();

 private:
  Tensor* out_;
  Tensor result_;
};

}  // namespace tinytorch::detail
