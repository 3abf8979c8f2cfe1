// Views, whose results share the input's storage, and copies: Tensor's member functions, recorded.
#include "tensor/views.h"

#include <limits>

#include "autograd/tape.h"
#include "ops/row.h"
#include "tinytorch/ops.h"

namespace tinytorch {

using detail::Node;
using detail::record;

Tensor Tensor::reshape(const Shape& target) const {
  return record(
      "reshape", {this}, nullptr, [&] { return detail::reshaped(*this, target); },
      [](const Tensor&) { return [](Node& n, Tensor& dy) { n.add(0, detail::reshaped(dy, n.shape_of(0))); }; });
}

Tensor Tensor::transpose(std::int64_t dim0, std::int64_t dim1) const {
  return record(
      "transpose", {this}, nullptr, [&] { return detail::transposed(*this, dim0, dim1); },
      [=](const Tensor&) { return [=](Node& n, Tensor& dy) { n.add(0, detail::transposed(dy, dim0, dim1)); }; });
}

Tensor Tensor::slice(std::int64_t dim, std::int64_t start, std::int64_t stop, std::int64_t step) const {
  return record(
      "slice", {this}, nullptr, [&] { return detail::sliced(*this, dim, start, stop, step); },
      [=](const Tensor&) {
        return [=](Node& n, Tensor& dy) {
          bool accumulate = false;
          Tensor& dx = n.accumulator(0, dy.dtype(), accumulate);
          if (!accumulate) dx.fill(0);
          Tensor part = detail::sliced(dx, dim, start, stop, step);
          (void)detail::plus(part, dy, &part);
        };
      });
}

Tensor Tensor::expand(const Shape& target) const {
  // A new tensor even if nothing changes: marking or freezing the result must not affect this one.
  const auto forward = [&] { return shape() == target && defined() ? detach(*this) : detail::expanded(*this, target); };
  return record("expand", {this}, nullptr, forward,
                [](const Tensor&) { return [](Node& n, Tensor& dy) { n.add(0, std::move(dy)); }; });
}

Tensor Tensor::clone() const {
  return record(
      "clone", {this}, nullptr, [&] { return detail::copied(*this); },
      [](const Tensor&) { return [](Node& n, Tensor& dy) { n.add(0, std::move(dy)); }; });
}

Tensor Tensor::contiguous() const { return is_contiguous() ? *this : clone(); }

Tensor Tensor::to(DType target) const {
  if (!defined() || target == dtype() || !is_floating(target)) return detail::converted(*this, target);
  return record(
      "to", {this}, nullptr, [&] { return detail::converted(*this, target); },
      [from = dtype()](const Tensor&) {
        return [from](Node& n, Tensor& dy) { n.add(0, detail::converted(dy, from)); };
      });
}

namespace detail {

namespace {

constinit const Operation views_rows[] = {
    row<&Tensor::reshape>(
        {"reshape", kAnyDType},
        {.summary = "The same elements in another shape; one size may be -1. Copies only where strides "
                    "leave no other way.",
         .parameters = {Parameter("shape").at_least(-1)}}),
    row<&Tensor::transpose>({"transpose", kAnyDType},
                            {.summary = "Exchanges two axes, by default the last two. Copies nothing.",
                             .parameters = {Parameter("dim0", -2), Parameter("dim1", -1)}}),
    row<&Tensor::slice>(
        {"slice", kAnyDType},
        {.summary = "Elements `start`, `start + step`, ... below `stop` of one axis, as a view. Negative "
                    "places count from the end; `Infinity` as `stop`, like none, means to the end.",
         .parameters = {"dim", "start", Parameter("stop", std::numeric_limits<double>::infinity()),
                        Parameter("step", 1).at_least(1)}}),
    row<&Tensor::expand>({"expand", kAnyDType},
                         {.summary = "The tensor broadcast to a larger shape, as a view: axes of size 1 are repeated.",
                          .parameters = {"shape"}}),
    row<&Tensor::clone>({"clone", kAnyDType}, {.summary = "A row-major copy that shares nothing."}),
    row<&Tensor::to>(
        {"to", kAnyDType},
        {.summary = "A copy with another element type; shares the elements where the type is that already. "
                    "Between float types the gradient is converted back; an integer type ends it. Floats "
                    "become integers towards zero, held at the type's limits, NaN becomes 0; int32 becomes "
                    "uint8 by its low 8 bits.",
         .parameters = {"dtype"}}),
};

}  // namespace

constinit const Family views = views_rows;

}  // namespace detail

}  // namespace tinytorch
