#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "matmul/args.h"

namespace tinytorch::detail {

/// The rungs by name, in the table's order: `static_cast<KernelId>(Rung::simd)` is its KernelId.
enum class Rung : KernelId { naive, reordered, blocked, eigen, packed, simd, relaxed, threaded };

template <class T>
struct KernelFunctions {
  void (*run)(const KernelArgs<T>&) = nullptr;                    ///< null where the build lacks the rung
  std::size_t (*workspace_size)(const MatmulArgs<T>&) = nullptr;  ///< in elements; null: none
  T (*peak_loop)(std::size_t, T, T) = nullptr;                    ///< its arithmetic on registers alone; null: none
  std::size_t (*packed_b_size)(const MatmulArgs<T>&) = nullptr;   ///< in elements; null: it takes no packed_b
  void (*pack_b)(const MatmulArgs<T>&, T*) = nullptr;
  Packing (*packing)(const MatmulArgs<T>&) = nullptr;
  void (*pack_a)(const MatmulArgs<T>&, std::size_t first, std::size_t last, T*) = nullptr;  ///< blocks of packed_a
  TileHeights (*tile_heights)() noexcept = nullptr;  ///< null: its tile is always the same
};

/// One row of the table: all that is known of a rung.
struct KernelRow {
  std::string_view scope;  ///< in the profile: `matmul.` and the name
  std::string_view title;
  std::string_view summary;
  bool fuses_epilogue;       ///< does bias and activation itself; else the front does, in a second pass over C
  const char* (*missing)();  ///< why it cannot run here, as the end of a sentence; null where it can
  KernelFunctions<float> f32;
  KernelFunctions<double> f64;

  [[nodiscard]] constexpr std::string_view name() const noexcept { return scope.substr(7); }
  template <class T>
  [[nodiscard]] const KernelFunctions<T>& functions() const noexcept {
    if constexpr (sizeof(T) == sizeof(float)) {
      return f32;
    } else {
      return f64;
    }
  }
};

[[nodiscard]] std::span<const KernelRow> kernel_rows() noexcept;

/// How often a rung has run since the program began, so that a test can prove that the one it forced did.
[[nodiscard]] std::uint64_t kernel_calls(KernelId id) noexcept;
void count_kernel_call(KernelId id) noexcept;

/// Throws Error(kernel_unavailable) with the reason, or Error(unknown_kernel) for a number outside the table.
void require_kernel(KernelId id);

}  // namespace tinytorch::detail
