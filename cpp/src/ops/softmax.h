#pragma once

#include <cstddef>

namespace tinytorch::detail {

/// y = exp(x - max x) / sum exp(x - max x) over one row; y may be x. A row that has a NaN or an infinite maximum gives
/// NaN.
template <class T>
void softmax_row(const T* x, T* y, std::size_t count) noexcept;

/// y = x - max x - log(sum exp(x - max x)). Precise also where one element is far larger than the others, so that its
/// result is close to 0.
template <class T>
void log_softmax_row(const T* x, T* y, std::size_t count) noexcept;

/// Returns the row's cross-entropy, -log softmax(x)[label]. y becomes its gradient, softmax(x) - one-hot(label).
template <class T>
[[nodiscard]] T softmax_loss_row(const T* x, T* y, std::size_t count, std::size_t label) noexcept;

}  // namespace tinytorch::detail
