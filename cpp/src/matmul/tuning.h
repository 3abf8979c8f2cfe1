#pragma once

#include "matmul/args.h"

namespace tinytorch::detail {

/// Called before each product of a packed rung: does a step of the choice of tiles when enough has been computed.
template <class T>
void tune_on_the_way(const MatmulArgs<T>& next);

/// What tuning chooses from for this type; `chosen` is null where the build leaves no choice.
template <class T>
[[nodiscard]] TileChoices tuned_choices() noexcept;

}  // namespace tinytorch::detail
