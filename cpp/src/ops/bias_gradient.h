#pragma once

#include <cstddef>

namespace tinytorch::detail {

/// One pass over dy [rows, columns], dense. If `y` is not null, dy becomes 0 wherever y <= 0 (the gradient of
/// y = relu(x)). If `sum` is not null, the sum of dy's column j goes to sum[j], or is added to it (`accumulate`). Runs
/// of 64 rows are summed first; the order is the same for any number of threads.
template <class T>
void mask_and_sum_columns(T* dy, const T* y, std::size_t rows, std::size_t columns, T* sum, bool accumulate);

}  // namespace tinytorch::detail
