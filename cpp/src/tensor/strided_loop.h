#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "tinytorch/tensor.h"

/// The one loop nest behind every elementwise operation. It drops axes of size 1 and merges axes that every operand can
/// walk as one, so that contiguous tensors of any rank become a single row. What remains are rows along the last axis.
/// The arithmetic always gets a row as consecutive elements or as one repeated value:
///
///     contiguous          one row, pointers straight into the tensors
///     broadcast           rows; a repeated operand points to one vector full of its value, with step 0
///     strided             rows cut into chunks, gathered into a buffer (and scattered from one)
///
/// So an operation is a single loop over vectors, compiled once for each type.
namespace tinytorch::detail {

inline constexpr std::size_t kMaxOperands = 3;  // the first is written, the others are read

struct LoopNest {
  std::size_t operands = 0;
  std::size_t axes = 0;  ///< at least 1
  std::array<std::int64_t, Dims::kMaxRank> size{};
  std::array<std::array<std::int64_t, Dims::kMaxRank>, kMaxOperands> stride{};  ///< [operand][axis], in elements

  [[nodiscard]] std::int64_t row_length() const noexcept { return size[axes - 1]; }
  [[nodiscard]] std::int64_t row_step(std::size_t operand) const noexcept { return stride[operand][axes - 1]; }
  [[nodiscard]] std::int64_t rows() const noexcept;
};

/// The strides are those of operands already broadcast to `shape`, which has no axis of size 0.
[[nodiscard]] LoopNest make_loop_nest(const Shape& shape, std::initializer_list<const Strides*> strides);

using Offsets = std::array<std::int64_t, kMaxOperands>;

/// Calls f(offsets) with each operand's first element for the rows [begin, end), in row-major order.
template <class F>
void for_rows(const LoopNest& nest, std::int64_t begin, std::int64_t end, F&& f) {
  std::array<std::int64_t, Dims::kMaxRank> index{};
  Offsets offset{};
  std::int64_t rest = begin;
  for (std::size_t axis = nest.axes - 1; axis-- > 0;) {
    index[axis] = rest % nest.size[axis];
    rest /= nest.size[axis];
    for (std::size_t k = 0; k < nest.operands; ++k) offset[k] += index[axis] * nest.stride[k][axis];
  }
  for (std::int64_t row = begin; row < end; ++row) {
    f(static_cast<const Offsets&>(offset));
    for (std::size_t axis = nest.axes - 1; axis-- > 0;) {
      for (std::size_t k = 0; k < nest.operands; ++k) offset[k] += nest.stride[k][axis];
      if (++index[axis] < nest.size[axis]) break;
      for (std::size_t k = 0; k < nest.operands; ++k) offset[k] -= nest.size[axis] * nest.stride[k][axis];
      index[axis] = 0;
    }
  }
}

/// A row of an elementwise operation: `count` elements of out, and operands that advance by 0 or 1 elements.
template <class T>
struct Row {
  T* out;
  std::array<const T*, kMaxOperands - 1> in;
  std::array<std::ptrdiff_t, kMaxOperands - 1> step;
  std::size_t count;
};
/// Computes a row whose count is a multiple of the vector's width, so that it is a single loop.
template <class T>
using RowFunction = void (*)(const Row<T>&);

/// Calls f for a row of any length. The rest behind the last whole vector goes through padded copies and the same code,
/// so that a result does not depend on the place of its element.
template <class T>
void run_row(RowFunction<T> f, Row<T> row);

/// out = f(inputs), element by element, over out's shape; the inputs broadcast to it and have out's dtype T. An
/// input may be `out` itself; the caller must make sure that nothing else overlaps.
template <class T>
void run_elementwise(Tensor& out, std::initializer_list<const Tensor*> inputs, RowFunction<T> f);

extern template void run_elementwise<float>(Tensor&, std::initializer_list<const Tensor*>, RowFunction<float>);
extern template void run_elementwise<double>(Tensor&, std::initializer_list<const Tensor*>, RowFunction<double>);

}  // namespace tinytorch::detail
