#include "ops/softmax.h"

#include <algorithm>

#include "ops/elementwise.h"
#include "ops/row.h"
#include "parallel/parallel_for.h"
#include "tensor/check.h"
#include "tensor/dispatch.h"
#include "tensor/reduce.h"
#include "tensor/vector_math.h"
#include "tensor/views.h"
#include "tinytorch/ops.h"

namespace tinytorch {

namespace detail {

namespace {

struct ExpOfDifference {
  template <class V>
  V operator()(V x, V shift) const {
    return vmath::exp(x - shift);
  }
};
struct Difference {
  template <class V>
  V operator()(V x, V shift) const {
    return x - shift;
  }
};

template <class F, class T>
void with_scalar(const T* x, T scalar, T* y, std::size_t count) noexcept {
  T repeated[simd::Vec<T>::width];
  simd::Vec<T>::splat(scalar).store(repeated);
  run_row<T>(&binary_row<T, F>, {y, {x, repeated}, {1, 0}, count});
}

/// log(1 + x) for x >= 0, precise also for a small x: the logarithm of the rounded sum, corrected by what the rounding
/// lost.
template <class T>
T log1p_of(T x) noexcept {
  const T sum = 1 + x;
  T lanes[simd::Vec<T>::width];
  vmath::log(simd::Vec<T>::splat(sum)).store(lanes);
  return lanes[0] + (x - (sum - 1)) / sum;
}

/// The place of `value` in a row; `count` where it is not there.
template <class T>
std::size_t place_of(T value, const T* x, std::size_t count) noexcept {
  using V = simd::Vec<T>;
  std::size_t i = 0;
  while (i + V::width <= count && !any(V::load(x + i) == V::splat(value))) i += V::width;
  while (i < count && x[i] != value) ++i;
  return i;
}

/// The largest element of a row and its place. If it is NaN or infinite, the place is outside of the row.
template <class T>
struct Peak {
  T value;
  std::size_t place;
};
template <class T>
Peak<T> peak_of(const T* x, std::size_t count) noexcept {
  const T highest = max_row(x, count);
  return {highest, highest - highest == 0 ? place_of(highest, x, count) : count};
}

/// The sum of exp(x - peak) over all elements except the peak. The peak's own term is 1: added to it, small terms would
/// lose the digits that log(1 + rest) needs. If the peak is NaN or infinite, the sum is over all elements and is NaN.
/// The sums of chunks are added in a fixed order. `exponentials`, where given, gets every exp(x - peak).
template <class T>
T sum_beside(const Peak<T>& peak, const T* x, T* exponentials, std::size_t count) noexcept {
  constexpr std::size_t chunk = 256;
  T rest = 0;
  for (std::size_t i = 0; i < count; i += chunk) {
    T part[chunk];
    const std::size_t n = count - i < chunk ? count - i : chunk;
    with_scalar<ExpOfDifference>(x + i, peak.value, part, n);
    if (exponentials != nullptr) std::copy_n(part, n, exponentials + i);
    if (peak.place - i < n) part[peak.place - i] = 0;  // unsigned: a place before the chunk gives false, too
    rest += sum_row(part, n);
  }
  return rest;
}

}  // namespace

template <class T>
void softmax_row(const T* x, T* y, std::size_t count) noexcept {
  if (count == 0) return;
  with_scalar<ExpOfDifference>(x, max_row(x, count), y, count);
  with_scalar<Quotient>(y, sum_row(y, count), y, count);
}

template <class T>
void log_softmax_row(const T* x, T* y, std::size_t count) noexcept {
  if (count == 0) return;
  const Peak<T> peak = peak_of(x, count);
  const T rest = sum_beside<T>(peak, x, nullptr, count);
  with_scalar<Difference>(x, peak.value, y, count);
  with_scalar<Difference>(y, log1p_of(rest), y, count);
}

template <class T>
T softmax_loss_row(const T* x, T* y, std::size_t count, std::size_t label) noexcept {
  const Peak<T> peak = peak_of(x, count);
  const T rest = sum_beside(peak, x, y, count), sum = 1 + rest;
  const T loss = log1p_of(rest) - (x[label] - peak.value);
  with_scalar<Quotient>(y, sum, y, count);
  // p - 1 = -(the others' share). Subtracting 1 from p would lose the digits of a small share.
  y[label] = label == peak.place ? -(rest / sum) : y[label] - 1;
  return loss;
}

template float softmax_loss_row<float>(const float*, float*, std::size_t, std::size_t) noexcept;
template double softmax_loss_row<double>(const double*, double*, std::size_t, std::size_t) noexcept;
template void softmax_row<float>(const float*, float*, std::size_t) noexcept;
template void softmax_row<double>(const double*, double*, std::size_t) noexcept;
template void log_softmax_row<float>(const float*, float*, std::size_t) noexcept;
template void log_softmax_row<double>(const double*, double*, std::size_t) noexcept;

namespace {

template <class T>
using RowToRow = void (*)(const T*, T*, std::size_t) noexcept;

template <class T>
void over_rows(const Tensor& source, Tensor& result, RowToRow<T> f) {
  const T* from = source.data<T>();
  T* to = result.mutable_data<T>();
  const auto length = static_cast<std::size_t>(source.size(-1));
  if (length == 0) return;
  const std::size_t rows = static_cast<std::size_t>(source.numel()) / length;
  const auto part = [=](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) f(from + i * length, to + i * length, length);
  };
  // About 8192 exponentials are worth another thread.
  parallel_for(rows, 8192 / length + 1, part);
}

Tensor along(const Op& op, const Tensor& a, std::int64_t dim, Tensor* out, RowToRow<float> f32, RowToRow<double> f64) {
  require_dtype(a, op, "a");
  const auto axis = static_cast<std::int64_t>(require_reduced_dim(dim, a.shape(), op.name));
  if (a.ndim() == 0) {  // an axis of one element, as in PyTorch
    if (out != nullptr) require_out(*out, {}, a.dtype(), op.name);
    Tensor row = out ? reshaped(*out, {1}) : Tensor();
    const Tensor result = along(op, reshaped(a, {1}), 0, out ? &row : nullptr, f32, f64);
    return out ? *out : reshaped(result, {});
  }
  const Tensor source = row_major(transposed(a, axis, -1));
  const bool last = axis + 1 == static_cast<std::int64_t>(a.ndim());
  Destination to_out(last ? out : nullptr, source.shape(), a.dtype(), a, op.name);
  Tensor& result = to_out.result();
  if (a.dtype() == DType::float32) {
    over_rows<float>(source, result, f32);
  } else {
    over_rows<double>(source, result, f64);
  }
  if (last) return to_out.finish();
  result = transposed(result, axis, -1);
  if (out == nullptr) return row_major(result);
  require_out(*out, a.shape(), a.dtype(), op.name);
  out->copy_from(result);
  return *out;
}

constexpr Op kSoftmaxOp{"softmax"}, kLogSoftmaxOp{"log_softmax"};

}  // namespace

}  // namespace detail

namespace ops {

using detail::Node;
using detail::record;
using detail::Saved;

Tensor softmax(const Tensor& a, std::int64_t dim, Tensor* out) {
  const auto forward = [&] {
    return detail::along(detail::kSoftmaxOp, a, dim, out, &detail::softmax_row<float>, &detail::softmax_row<double>);
  };
  return record("softmax", {&a}, out, forward, [&](const Tensor& y) {
    return [y = Saved(detach(y)), dim](Node& n, Tensor& dy) {
      const Tensor& p = y.get(n);
      n.add(0, mul(p, sub(dy, sum(mul(dy, p), {dim, true}))));
    };
  });
}

Tensor log_softmax(const Tensor& a, std::int64_t dim, Tensor* out) {
  const auto forward = [&] {
    return detail::along(detail::kLogSoftmaxOp, a, dim, out, &detail::log_softmax_row<float>,
                         &detail::log_softmax_row<double>);
  };
  return record("log_softmax", {&a}, out, forward, [&](const Tensor& y) {
    return [y = Saved(detach(y)), dim](Node& n, Tensor& dy) {
      n.add(0, sub(dy, mul(exp(y.get(n)), sum(dy, {dim, true}))));
    };
  });
}

}  // namespace ops

namespace detail {

namespace {

constinit const Operation softmaxes_rows[] = {
    row<&ops::softmax>(kSoftmaxOp,
                       {.summary = "exp(this) / sum(exp(this)) along `dim`, computed so that nothing overflows.",
                        .parameters = {Parameter("dim", -1)}}),
    row<&ops::log_softmax>(kLogSoftmaxOp,
                           {.summary = "The logarithm of softmax.", .parameters = {Parameter("dim", -1)}}),
};

}  // namespace

constinit const Family softmaxes = softmaxes_rows;

}  // namespace detail

}  // namespace tinytorch
