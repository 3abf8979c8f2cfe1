#pragma once

// Which operand is copied into tiles and panels, and which is read in place. The bits are the same either way. The
// figures behind the rules: docs/benchmarks.md, "Choices".
#include <cstddef>
#include <cstdlib>

#include "matmul/args.h"
#include "matmul/packed/micro_tile.h"
#include "simd/lanes.h"

namespace tinytorch::detail {
inline namespace TINYTORCH_ISA {

/// A is read in place for up to this many columns of B, and for up to the smaller number where a packed A is forced.
inline constexpr std::size_t kInPlaceColumns = 512, kFewColumns = 32;

template <class Tiles>
struct InPlace {
  using V = typename Tiles::vector;
  using T = typename Tiles::value_type;

  /// A is read in place where few columns share the cost of its copy. The loop over a packed A has fewer instructions,
  /// which helps processors that start fewer at a time: there a packed A can be forced.
  [[nodiscard]] static bool reads_a(const MatmulArgs<T>& args, TileChoice tile) {
    return V::width > 1 && args.n <= (tile.packs_a ? kFewColumns : kInPlaceColumns);
  }

  /// B is read in place if its columns are neighbours and it is small or few tiles use it. Not if its rows start a
  /// multiple of 4096 bytes apart, because such rows compete for the same places in the cache.
  [[nodiscard]] static bool reads_b(const MatmulArgs<T>& args) {
    constexpr std::size_t few_rows = 12 * Tiles::usual_rows, small_bytes = 128 * 1024,
                          critical_stride = 4096 / sizeof(T);
    return args.b_col == 1 && (args.m <= few_rows || b_elements(args) <= small_bytes / sizeof(T)) &&
           static_cast<std::size_t>(args.b_row) % critical_stride != 0;
  }

  /// Whether kept panels of B make the product faster: if B's columns do not fill whole vectors, if its rows start a
  /// multiple of 2048 bytes apart, or if every product would pack it anyway.
  [[nodiscard]] static bool pays_to_keep_b(const MatmulArgs<T>& args) {
    constexpr std::size_t bad_stride = 2048 / sizeof(T);
    const bool fills_vectors = args.n % V::width == 0, good_stride = static_cast<std::size_t>(args.b_row) % bad_stride;
    return !reads_b(args) || !fills_vectors || !good_stride;
  }

 private:
  /// The distance in memory from B's first element to its last. If B is some columns of a larger matrix, that is most
  /// of the larger matrix.
  [[nodiscard]] static std::size_t b_elements(const MatmulArgs<T>& args) {
    return args.k * static_cast<std::size_t>(std::abs(args.b_row));
  }
};

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::detail
