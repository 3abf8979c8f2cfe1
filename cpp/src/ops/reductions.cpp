// Reductions over one axis or all.
#include <algorithm>
#include <limits>

#include "ops/elementwise.h"
#include "ops/row.h"
#include "tensor/axis.h"
#include "tensor/check.h"
#include "tensor/copy.h"
#include "tensor/dispatch.h"
#include "tensor/reduce.h"
#include "tensor/views.h"
#include "tinytorch/ops.h"

namespace tinytorch {

namespace detail {

namespace {

constexpr Op kSumOp{"sum"}, kMeanOp{"mean"}, kMaxOp{"max"}, kArgmaxOp{"argmax"};

AxisView reduced(const Op& op, const Tensor& a, const ops::Axes& axes) {
  require_dtype(a, op, "a");
  return view_axis(a, axes.dim, axes.keepdim, op.name);
}

/// The gradient of a reduction stretched over its input. `kept` is the result's shape with the axis kept.
Tensor stretch(Node& n, const Tensor& dy, const Shape& kept) { return expanded(reshaped(dy, kept), n.shape_of(0)); }

Tensor sum_forward(const Op& op, const Tensor& a, const ops::Axes& axes, Tensor* out) {
  const AxisView view = reduced(op, a, axes);
  Destination to(out, view.sizes.result, a.dtype(), a, op.name);
  sum_axis(view, to.result());
  return to.finish();
}

template <class T>
void max_columns(const T* values, std::size_t rows, std::size_t columns, T* out) noexcept {
  std::copy_n(values, columns, out);
  for (std::size_t i = 1; i < rows; ++i) {
    const T* row = values + i * columns;
    for (std::size_t j = 0; j < columns; ++j) {
      if (row[j] > out[j] || row[j] != row[j]) out[j] = out[j] == out[j] ? row[j] : out[j];
    }
  }
}

/// 1 where a equals `largest`, or both are NaN; else 0.
struct IsLargest {
  static constexpr Op op{"max"};
  template <class V>
  static V forward(V a, V largest) {
    return V::splat(1) & ((a == largest) | ((a != a) & (largest != largest)));
  }
};

/// Gradient of the maximum of all elements: those that equal it get equal shares of dy.
auto max_of_all(const Tensor& a, const Tensor& y) {
  return [a = Saved(a), y = Saved(reshaped(y, {}))](Node& n, Tensor& dy) {
    const Tensor largest = binary<IsLargest>(a.get(n), y.get(n));
    const Tensor share = ops::div(reshaped(dy, {}), ops::sum(largest));
    n.add(0, binary({"max"}, share, largest, nullptr, binary_rows<Share>));
  };
}

/// Gradient of the maximum along an axis: the element that argmax() names gets dy. The tensor is seen as
/// [outer, length, inner], with the axis in the middle.
auto max_along(const Tensor& a, const ops::Axes& axes) {
  const AxisSizes sizes = find_axis(a.shape(), axes.dim, false, "max");
  return [place = ops::argmax(a, {axes.dim}), length = static_cast<std::int64_t>(sizes.length),
          inner = static_cast<std::int64_t>(sizes.inner)](Node& n, Tensor& dy) {
    const Tensor source = row_major(dy);
    Tensor dx = Tensor::zeros(n.shape_of(0), dy.dtype());
    const std::int32_t* at = place.data<std::int32_t>();
    for (std::int64_t i = 0; i < place.numel(); ++i) {
      const std::int64_t to = (i / inner * length + at[i]) * inner + i % inner;
      store_element(dx.impl()->bytes(), dx.dtype(), to, load_element(source.impl()->bytes(), dy.dtype(), i));
    }
    n.add(0, std::move(dx));
  };
}

}  // namespace

}  // namespace detail

namespace ops {

using detail::Node;
using detail::record;

Tensor sum(const Tensor& a, Axes axes, Tensor* out) {
  return record(
      "sum", {&a}, out, [&] { return detail::sum_forward(detail::kSumOp, a, axes, out); },
      [&](const Tensor&) {
        return [kept = detail::find_axis(a.shape(), axes.dim, true, "sum").result](Node& n, Tensor& dy) {
          n.add(0, detail::stretch(n, dy, kept));
        };
      });
}

Tensor mean(const Tensor& a, Axes axes, Tensor* out) {
  const auto forward = [&] {
    Tensor result = detail::sum_forward(detail::kMeanOp, a, axes, out);
    const auto length = static_cast<double>(detail::find_axis(a.shape(), axes.dim, false, "mean").length);
    return detail::binary(detail::kMeanOp, result, Tensor::scalar(length, a.dtype()), &result,
                          detail::binary_rows<detail::Quotient>);
  };
  return record("mean", {&a}, out, forward, [&](const Tensor&) {
    return [sizes = detail::find_axis(a.shape(), axes.dim, true, "mean")](Node& n, Tensor& dy) {
      const Tensor share = div(dy, Tensor::scalar(static_cast<double>(sizes.length), dy.dtype()));
      n.add(0, detail::stretch(n, share, sizes.result));
    };
  });
}

Tensor max(const Tensor& a, Axes axes, Tensor* out) {
  const auto forward = [&] {
    const detail::AxisView view = detail::reduced(detail::kMaxOp, a, axes);
    detail::require_elements(view, a, "max");
    detail::Destination to_out(out, view.sizes.result, a.dtype(), a, "max");
    detail::for_floating(a.dtype(), [&]<class T>() {
      const T* from = view.source.data<T>();
      T* to = to_out.result().mutable_data<T>();
      for (std::size_t o = 0; o < view.sizes.outer;
           ++o, from += view.sizes.length * view.sizes.inner, to += view.sizes.inner) {
        if (view.sizes.inner == 1) {
          *to = detail::max_row(from, view.sizes.length);
        } else {
          detail::max_columns(from, view.sizes.length, view.sizes.inner, to);
        }
      }
    });
    return to_out.finish();
  };
  if (!axes.dim || a.ndim() == 0) {
    return record("max", {&a}, out, forward, [&](const Tensor& y) { return detail::max_of_all(a, y); });
  }
  return record("max", {&a}, out, forward, [&](const Tensor&) { return detail::max_along(a, axes); });
}

Tensor argmax(const Tensor& a, Axes axes, Tensor* out) {
  const detail::AxisView view = detail::reduced(detail::kArgmaxOp, a, axes);
  detail::require_elements(view, a, "argmax");
  if (view.sizes.length > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    detail::fail(ErrorCode::overflow, {"argmax: an index into shape ", a.shape(), " does not fit into int32"});
  }
  detail::Destination to_out(out, view.sizes.result, DType::int32, a, "argmax");
  to_out.result().fill(0);
  detail::for_floating(a.dtype(), [&]<class T>() {
    const T* from = view.source.data<T>();
    std::int32_t* best = to_out.result().mutable_data<std::int32_t>();
    for (std::size_t o = 0; o < view.sizes.outer;
         ++o, from += view.sizes.length * view.sizes.inner, best += view.sizes.inner) {
      for (std::size_t i = 1; i < view.sizes.length; ++i) {
        for (std::size_t j = 0; j < view.sizes.inner; ++j) {
          const T value = from[i * view.sizes.inner + j];
          const T highest = from[static_cast<std::size_t>(best[j]) * view.sizes.inner + j];
          const bool first_nan = value != value && highest == highest;
          if (value > highest || first_nan) best[j] = static_cast<std::int32_t>(i);
        }
      }
    }
  });
  return to_out.finish();
}

}  // namespace ops

namespace detail {

namespace {

constinit const Operation reductions_rows[] = {
    row<&ops::sum>(kSumOp, {.summary = "The sum, of all elements or along one axis."}),
    row<&ops::mean>(kMeanOp, {.summary = "The mean, of all elements or along one axis; NaN of none."}),
    row<&ops::max>(
        kMaxOp, {.summary = "The largest element; NaN wins. Throws `ShapeError` over an axis of size 0. Along `dim` "
                            "the gradient goes to "
                            "the first of equals, without `dim` it is shared evenly among all equals, as in PyTorch."}),
    row<&ops::argmax>(kArgmaxOp, {.summary = "The place of the largest element, the first of equals, as int32.",
                                  .has_gradient = false}),
};

}  // namespace

constinit const Family reductions = reductions_rows;

}  // namespace detail

}  // namespace tinytorch
