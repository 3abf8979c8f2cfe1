#include "softmax.h"

#include "check.h"
#include "dispatch.h"
#include "elementwise.h"
#include "parallel/parallel_for.h"
#include "reduce.h"
#include "tinytorch/ops.h"
#include "vector_math.h"

namespace tinytorch {

namespace detail {

namespace {

struct ExpOfDifference {
  template <class V>
  V operator()(V x, V shift) const {
    return vmath::exp(x - shift);
  }
};
struct Quotient {
  template <class V>
  V operator()(V x, V divisor) const {
    return x / divisor;
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

template <class T>
T log_of(T x) noexcept {
  T lanes[simd::Vec<T>::width];
  vmath::log(simd::Vec<T>::splat(x)).store(lanes);
  return lanes[0];
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
  const T highest = max_row(x, count);
  constexpr std::size_t chunk = 256;
  // The exponentials are only summed: the chunks' sums in a fixed order.
  T sum = 0;
  for (std::size_t i = 0; i < count; i += chunk) {
    T part[chunk];
    const std::size_t n = count - i < chunk ? count - i : chunk;
    with_scalar<ExpOfDifference>(x + i, highest, part, n);
    sum += sum_row(part, n);
  }
  with_scalar<Difference>(x, highest, y, count);
  with_scalar<Difference>(y, log_of(sum), y, count);
}

template <class T>
T softmax_loss_row(const T* x, T* y, std::size_t count, std::size_t label) noexcept {
  const T highest = max_row(x, count);
  with_scalar<ExpOfDifference>(x, highest, y, count);
  const T sum = sum_row(y, count);
  with_scalar<Quotient>(y, sum, y, count);
  return log_of(sum) - (x[label] - highest);
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

Tensor along(const Tensor& a, std::int64_t dim, Tensor* out, const char* op, RowToRow<float> f32,
             RowToRow<double> f64) {
  require_floating(a, op, "a");
  if (a.ndim() == 0) fail(ErrorCode::shape, {op, ": needs at least one axis, a is []"});
  const auto axis = static_cast<std::int64_t>(require_dim(dim, a.shape(), op));
  const Tensor source = a.transpose(axis, -1).contiguous();
  const bool last = axis + 1 == static_cast<std::int64_t>(a.ndim());
  Destination to_out(last ? out : nullptr, source.shape(), a.dtype(), a, op);
  Tensor& result = to_out.result();
  if (a.dtype() == DType::float32) {
    over_rows<float>(source, result, f32);
  } else {
    over_rows<double>(source, result, f64);
  }
  if (last) return to_out.finish();
  result = result.transpose(axis, -1);
  if (out == nullptr) return result.contiguous();
  require_out(*out, a.shape(), a.dtype(), op);
  out->copy_from(result);
  return *out;
}

}  // namespace

}  // namespace detail

namespace ops {

Tensor softmax(const Tensor& a, std::int64_t dim, Tensor* out) {
  return detail::along(a, dim, out, "softmax", &detail::softmax_row<float>, &detail::softmax_row<double>);
}

Tensor log_softmax(const Tensor& a, std::int64_t dim, Tensor* out) {
  return detail::along(a, dim, out, "log_softmax", &detail::log_softmax_row<float>, &detail::log_softmax_row<double>);
}

}  // namespace ops

}  // namespace tinytorch
