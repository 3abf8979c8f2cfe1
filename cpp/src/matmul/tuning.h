#pragma once

#include "matmul/args.h"

namespace tinytorch::detail {

/// Called before each product of a packed rung: does a step of the choice of tiles when enough has been computed.
template <class T>
void tune_on_the_way(const MatmulArgs<T>& next);

/// The heights of the tile that tuning chooses for this type; `main` is null where the build leaves no choice.
template <class T>
[[nodiscard]] TileHeights tuned_heights() noexcept;

}  // namespace tinytorch::detail
