#pragma once

#include <initializer_list>
#include <type_traits>

#include "simd/lanes.h"
#include "tensor/check.h"
#include "tensor/strided_loop.h"
#include "tinytorch/tensor.h"

namespace tinytorch::detail {

/// The kernels of an operation, one for each dtype that it takes.
struct Rows {
  RowFunction<float> f32;
  RowFunction<double> f64;
  template <class T>
  [[nodiscard]] RowFunction<T> get() const noexcept {
    if constexpr (std::is_same_v<T, float>) {
      return f32;
    } else {
      static_assert(std::is_same_v<T, double>);
      return f64;
    }
  }
};

// Rows come in whole vectors (see run_row).
template <class T, class F>
void unary_row(const Row<T>& row) {
  using V = simd::Vec<T>;
  const T* a = row.in[0];
  const std::ptrdiff_t a_step = row.step[0] * V::width;
  for (std::size_t i = 0; i < row.count; i += V::width, a += a_step) F{}(V::load(a)).store(row.out + i);
}

template <class T, class F>
void binary_row(const Row<T>& row) {
  using V = simd::Vec<T>;
  const T *a = row.in[0], *b = row.in[1];
  const std::ptrdiff_t a_step = row.step[0] * V::width, b_step = row.step[1] * V::width;
  for (std::size_t i = 0; i < row.count; i += V::width, a += a_step, b += b_step) {
    F{}(V::load(a), V::load(b)).store(row.out + i);
  }
}

/// F is a stateless functor of vectors, for both element types.
template <class F>
inline constexpr Rows unary_rows{&unary_row<float, F>, &unary_row<double, F>};
template <class F>
inline constexpr Rows binary_rows{&binary_row<float, F>, &binary_row<double, F>};

struct Plus {
  template <class V>
  V operator()(V a, V b) const {
    return a + b;
  }
};

struct Quotient {
  template <class V>
  V operator()(V a, V b) const {
    return a / b;
  }
};

/// Checks the operands, takes `out` or allocates, and runs. Errors call the operands `a` and `b`. Records nothing.
[[nodiscard]] Tensor unary(const Op& op, const Tensor& a, Tensor* out, const Rows& rows);
[[nodiscard]] Tensor binary(const Op& op, const Tensor& a, const Tensor& b, Tensor* out, const Rows& rows);

}  // namespace tinytorch::detail
