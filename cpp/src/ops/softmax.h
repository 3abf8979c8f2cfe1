#pragma once

#include <cstddef>

namespace tinytorch::detail {

/// y = exp(x - max x) / sum exp(x - max x) over one row; y may be x. A row whose maximum is infinite, or with a NaN,
/// gives NaN.
template <class T>
void softmax_row(const T* x, T* y, std::size_t count) noexcept;

/// y = x - max x - log(sum exp(x - max x)), without loss where one element outweighs the others by far and its
/// logarithm is close to 0.
template <class T>
void log_softmax_row(const T* x, T* y, std::size_t count) noexcept;

/// y = softmax(x) - one-hot(label), the gradient of the row's cross-entropy -log softmax(x)[label], which is returned.
template <class T>
[[nodiscard]] T softmax_loss_row(const T* x, T* y, std::size_t count, std::size_t label) noexcept;

}  // namespace tinytorch::detail
