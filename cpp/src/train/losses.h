#pragma once

#include <cstdint>

#include "tinytorch/train.h"

namespace tinytorch::train {

[[nodiscard]] Tensor loss_of(Loss loss, const Tensor& y, const Tensor& labels);

/// How many rows of the logits have their largest element at the label; 0 for losses other than cross-entropy. Writes
/// the place of each row's largest element to `predictions`, where given.
[[nodiscard]] std::int64_t count_correct(Loss loss, const Tensor& y, const Tensor& labels,
                                         std::int32_t* predictions = nullptr);

}  // namespace tinytorch::train
