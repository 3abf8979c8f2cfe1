#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "matmul/kernels.h"

namespace tinytorch::detail {

/// One row of the table: all that is known of a rung.
struct KernelRow {
  std::string_view scope;  ///< in the profile: `matmul.` and the name
  std::string_view title;
  std::string_view summary;
  bool fuses_epilogue;        ///< it does bias and activation itself; else the front does, in a second pass over C
  const char* (*missing)();   ///< why it cannot run here, as the end of a sentence; null if it can
  const RungFunctions* rung;  ///< never null; without functions where the build lacks it

  [[nodiscard]] constexpr std::string_view name() const noexcept { return scope.substr(7); }
  template <class T>
  [[nodiscard]] const KernelFunctions<T>& functions() const noexcept {
    return rung->of<T>();
  }
};

[[nodiscard]] std::span<const KernelRow> kernel_rows() noexcept;

[[nodiscard]] inline const KernelRow& kernel_row(KernelId id) noexcept {
  return kernel_rows()[static_cast<std::size_t>(id)];
}
template <class T>
[[nodiscard]] const KernelFunctions<T>& functions_of(KernelId id) noexcept {
  return kernel_row(id).functions<T>();
}

/// The rung with that name, whether or not it can run here. Throws Error(unknown_kernel).
[[nodiscard]] KernelId find_kernel(std::string_view name);

/// The fastest rung that can run here (the last such row of the table), and the fastest that runs on one thread.
[[nodiscard]] KernelId best_kernel() noexcept;
[[nodiscard]] KernelId best_single_kernel() noexcept;
/// The rung whose loops run: the rung itself, or for `threaded` the fastest one of one thread.
[[nodiscard]] KernelId single_of(KernelId rung) noexcept;

/// How often this thread has run a rung since the program began. Tests use it to prove that a forced rung has run.
[[nodiscard]] std::uint64_t kernel_calls(KernelId id) noexcept;
void count_kernel_calls(KernelId id, std::uint64_t count) noexcept;

/// Throws Error(kernel_unavailable) with the reason, or Error(unknown_kernel) for a number outside the table.
void require_kernel(KernelId id);

}  // namespace tinytorch::detail
