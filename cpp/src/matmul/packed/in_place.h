#pragma once

// Which operand is copied into tiles and panels, and which is read where it stands. The same bits either way.
#include <cstddef>
#include <cstdlib>

#include "matmul/args.h"
#include "matmul/packed/micro_tile.h"

namespace tinytorch::detail {

/// Up to so many columns of B, A is read where it stands; up to the fewer even where tiles of a packed A are chosen.
inline constexpr std::size_t kInPlaceColumns = 512, kFewColumns = 32;

template <class Tiles>
struct InPlace {
  using V = typename Tiles::vector;
  using T = typename Tiles::value_type;

  /// A can be read where it stands if few columns share the cost of its copy, 0.2 ns an element. Measured in wasm with
  /// one thread: 1024x64x64 148 us, packed 160; 64x784x32 55 and 61; 64x784x256 449 and 454; 500 square 4.41 ms
  /// and 4.50; slower only 500 square with A transposed, by 1 %; beyond, 1000 square, no difference. Where tiles of a
  /// packed A are forced (their loop has fewer instructions, which counts on a processor that begins fewer at a time),
  /// the copy is still dearer for the smallest.
  [[nodiscard]] static bool reads_a(const MatmulArgs<T>& args, TileChoice tile) {
    return V::width > 1 && args.n <= (tile.packs_a ? kFewColumns : kInPlaceColumns);
  }

  /// B can be read where it stands if its columns are neighbours and it is used by few tiles or is small.
  /// Measured: 64x784x256 95 % of the peak instead of 90 %, 128 square 94 instead of 92; but 1024 square 70 instead
  /// of 95, because rows that start a multiple of 4096 bytes apart all compete for the same places in the cache.
  [[nodiscard]] static bool reads_b(const MatmulArgs<T>& args) {
    constexpr std::size_t few_rows = 12 * Tiles::usual_rows, small_bytes = 128 * 1024,
                          critical_stride = 4096 / sizeof(T);
    return args.b_col == 1 && (args.m <= few_rows || b_elements(args) <= small_bytes / sizeof(T)) &&
           static_cast<std::size_t>(args.b_row) % critical_stride != 0;
  }

  /// Measured in wasm with one thread, kept against not: columns that do not fill a vector, 784x30 by 4 rows +69 %, 64
  /// rows +1 %; rows of B that start multiples of 2048 bytes apart, 512x512 by 8 rows +28 %, 64 rows +4 %, 1024x1024
  /// +64 % and +6 %; a B that is packed for every product anyway +2 to 4 %. Where B is read in place none: 256x128 and
  /// 300x100 0 %, 784x256 up to 72 rows 0 to 6 %, not worth the memory.
  [[nodiscard]] static bool pays_to_keep_b(const MatmulArgs<T>& args) {
    constexpr std::size_t bad_stride = 2048 / sizeof(T);
    const bool fills_vectors = args.n % V::width == 0, good_stride = static_cast<std::size_t>(args.b_row) % bad_stride;
    return !reads_b(args) || !fills_vectors || !good_stride;
  }

 private:
  /// The elements from B's first to its last: where B is some columns of a larger matrix, of all that.
  [[nodiscard]] static std::size_t b_elements(const MatmulArgs<T>& args) {
    return args.k * static_cast<std::size_t>(std::abs(args.b_row));
  }
};

}  // namespace tinytorch::detail
