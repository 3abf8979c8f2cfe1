#pragma once

#include <cstddef>

namespace tinytorch::detail {

/// Sums in a fixed order, the same on every platform and for any number of threads: runs of 1024 elements into 32
/// (float64: 16) interleaved partial sums, runs combined pairwise. The rounding error grows with log n, not n.
template <class T>
[[nodiscard]] T sum_row(const T* values, std::size_t count) noexcept;

/// The largest, NaN if there is one; count >= 1.
template <class T>
[[nodiscard]] T max_row(const T* values, std::size_t count) noexcept;

/// out[j] = sum over i of values[i * row_stride + j]; with `accumulate` the sum is added to out[j]. Runs of 64 rows,
/// combined pairwise.
template <class T>
void sum_columns(const T* values, std::size_t rows, std::size_t columns, std::size_t row_stride, T* out,
                 bool accumulate = false) noexcept;

}  // namespace tinytorch::detail
