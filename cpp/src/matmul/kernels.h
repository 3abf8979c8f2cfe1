#pragma once

// The rungs of the ladder, slow to fast: one file in kernels/ each. Every one computes the whole contract of
// MatmulArgs, for any strides and with `accumulate`.
#include <cstddef>
#include <cstdint>

#include "matmul/args.h"
#include "matmul/plan.h"

namespace tinytorch::detail {

/// The least and the most rows that a rung's tile can have (set_tile), and its columns; all 0 if there is no choice.
struct TileRange {
  std::uint16_t least = 0, most = 0, columns = 0;
};

/// What a rung can do for one type.
template <class T>
struct KernelFunctions {
  void (*run)(const SinglePlan&, const KernelArgs<T>&) = nullptr;  ///< on one thread; null: it has no loops of its own
  /// Fills an empty plan; by reference, because a copy would take a tenth of a small product. Null: there is nothing to
  /// decide.
  void (*plan)(const MatmulArgs<T>&, Given, SinglePlan&) = nullptr;
  T (*peak_loop)(std::size_t, T, T) = nullptr;  ///< its arithmetic on registers alone; null: it has none
  std::size_t (*packed_b_size)(std::size_t k, std::size_t n) = nullptr;  ///< in elements; null: it takes no packed_b
  void (*pack_b)(const MatmulArgs<T>&, T*) = nullptr;
  bool (*keeping_b_pays)(const MatmulArgs<T>&) = nullptr;  ///< whether such products are faster from kept panels
  /// Packs blocks [first, last) of A's rows into packed_a, for a plan that is given A.
  void (*pack_a)(const SinglePlan&, const MatmulArgs<T>&, std::size_t first, std::size_t last, T*) = nullptr;
  /// Only of `threaded`: runs the product on all threads. False, with nothing done, if no worker is worth waking.
  bool (*run_divided)(const DividedPlan&, KernelId single, const KernelArgs<T>&) = nullptr;
  TileRange tiles{};  ///< 0: its tile is always the same, or it has none
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

}  // namespace tinytorch::detail
