#pragma once

// The rungs of the ladder, slow to fast: one file in kernels/ each. Every one computes the whole contract of
// MatmulArgs, for any strides and with `accumulate`.
#include <cstddef>

#include "matmul/args.h"

namespace tinytorch::detail {

/// What a rung can do for one type.
template <class T>
struct KernelFunctions {
  void (*run)(const KernelArgs<T>&) = nullptr;                    ///< null where the build lacks the rung
  std::size_t (*workspace_size)(const KernelArgs<T>&) = nullptr;  ///< in elements; null: none
  T (*peak_loop)(std::size_t, T, T) = nullptr;                    ///< its arithmetic on registers alone; null: none
  std::size_t (*packed_b_size)(const MatmulArgs<T>&) = nullptr;   ///< in elements; null: it takes no packed_b
  void (*pack_b)(const MatmulArgs<T>&, T*) = nullptr;
  Packing (*packing)(const MatmulArgs<T>&) = nullptr;
  void (*pack_a)(const MatmulArgs<T>&, std::size_t first, std::size_t last, T*) = nullptr;  ///< blocks of packed_a
  TileChoices (*tile_choices)() noexcept = nullptr;  ///< null: its tile is always the same
};

/// A rung for both types.
struct RungFunctions {
  KernelFunctions<float> f32;
  KernelFunctions<double> f64;

  template <class T>
  [[nodiscard]] constexpr const KernelFunctions<T>& of() const noexcept {
    if constexpr (sizeof(T) == sizeof(float)) {
      return f32;
    } else {
      return f64;
    }
  }
};

/// Those that a build has (CMakeLists.txt) are defined in their files.
extern const RungFunctions naive_rung, reordered_rung, blocked_rung, eigen_rung, packed_rung, simd_rung, relaxed_rung,
    threaded_rung;

}  // namespace tinytorch::detail
