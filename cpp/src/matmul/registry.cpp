#include "matmul/registry.h"

#include <array>
#include <string>

#include "tinytorch/error.h"

// The table of rungs, slow to fast. The build list (CMakeLists.txt) says which of the optional ones are compiled in.
namespace tinytorch::detail {

// Each is defined in its file in kernels/.
extern const RungFunctions naive_rung, reordered_rung, blocked_rung, eigen_rung, packed_rung, simd_rung, relaxed_rung,
    threaded_rung;

namespace {

const char* always() { return nullptr; }

const char* needs_simd() { return TINYTORCH_WITH_SIMD ? nullptr : "this build has no vector instructions"; }

bool fused_left_out = false;

const char* needs_relaxed() {
  if (fused_left_out) return "fused multiply-add was left out";
  if (!TINYTORCH_WITH_RELAXED) return "this build has no fused multiply-add";
#ifdef TINYTORCH_CHECK_FMA
  if (!__builtin_cpu_supports("fma")) return "this processor has no fused multiply-add";
#endif
  return nullptr;
}

const char* needs_threads() { return TINYTORCH_WITH_THREADED ? nullptr : "this build has no threads"; }

/// Takes the place of a rung that is not built.
constexpr RungFunctions kAbsent{};

constexpr auto kTable = std::to_array<KernelRow>({
    {.scope = "matmul.naive",
     .title = "Three loops",
     .summary = "The definition: one scalar sum for each element of C.",
     .fuses_epilogue = false,
     .missing = always,
     .rung = &naive_rung},
    {.scope = "matmul.reordered",
     .title = "Reordered loops",
     .summary = "The same three loops as i, k, j: the inner one walks B and C in memory order.",
     .fuses_epilogue = false,
     .missing = always,
     .rung = &reordered_rung},
    {.scope = "matmul.blocked",
     .title = "Blocks",
     .summary = "Blocks of B that stay in the cache, four of their rows at a time: C is touched a quarter as often.",
     .fuses_epilogue = false,
     .missing = always,
     .rung = &blocked_rung},
    {.scope = "matmul.eigen",
     .title = "Eigen",
     .summary = "The product of the Eigen library, as its users get it: the yardstick.",
     .fuses_epilogue = false,
     .missing = always,
     .rung = &eigen_rung},
    {.scope = "matmul.packed",
     .title = "Packed panels",
     .summary = "A and B copied into contiguous panels, C computed in scalar tiles that stay in registers.",
     .fuses_epilogue = true,
     .missing = always,
     .rung = &packed_rung},
    {.scope = "matmul.simd",
     .title = "128-bit vectors",
     .summary = "Packed, with four floats or two doubles in each operation.",
     .fuses_epilogue = true,
     .missing = needs_simd,
     .rung = TINYTORCH_WITH_SIMD ? &simd_rung : &kAbsent},
    {.scope = "matmul.relaxed",
     .title = "Fused multiply-add",
     .summary = "Vectors with multiplication and addition in one instruction, rounded once.",
     .fuses_epilogue = true,
     .missing = needs_relaxed,
     .rung = TINYTORCH_WITH_RELAXED ? &relaxed_rung : &kAbsent},
    {.scope = "matmul.threaded",
     .title = "All cores",
     .summary = "The best of the above, C divided among the threads; the same bits for any number of them.",
     .fuses_epilogue = true,
     .missing = needs_threads,
     .rung = TINYTORCH_WITH_THREADED ? &threaded_rung : &kAbsent},
});

thread_local std::array<std::uint64_t, kTable.size()> calls{};  // atomic ones would slow small products

/// The last rung of the table that can run here and is `wanted`.
template <class Wanted>
KernelId last_available(Wanted wanted) {
  for (std::size_t id = kTable.size(); id-- > 0;) {
    if (!kTable[id].missing() && wanted(kTable[id])) return static_cast<KernelId>(id);
  }
  return 0;
}

std::string names() {
  std::string text;
  for (const KernelRow& row : kTable) {
    if (!text.empty()) text += ", ";
    text += row.name();
  }
  return text;
}

}  // namespace

std::span<const KernelRow> kernel_rows() noexcept { return kTable; }

KernelId find_kernel(std::string_view name) {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (kTable[i].name() == name) return static_cast<KernelId>(i);
  }
  throw Error(ErrorCode::unknown_kernel,
              "matmul: no kernel is called '" + std::string(name) + "'; there are auto, " + names());
}

KernelId best_kernel() noexcept {
  static const KernelId best = last_available([](const KernelRow&) { return true; });
  return best;
}

KernelId best_single_kernel() noexcept {
  static const KernelId best = last_available([](const KernelRow& row) { return row.rung->f32.run != nullptr; });
  return best;
}

KernelId single_of(KernelId rung) noexcept {
  return kernel_row(rung).rung->f32.run != nullptr ? rung : best_single_kernel();
}

std::uint64_t kernel_calls(KernelId id) noexcept { return calls[static_cast<std::size_t>(id)]; }

void count_kernel_calls(KernelId id, std::uint64_t count) noexcept { calls[static_cast<std::size_t>(id)] += count; }

void require_kernel(KernelId id) {
  if (id < 0 || static_cast<std::size_t>(id) >= kTable.size()) {
    throw Error(ErrorCode::unknown_kernel, "matmul: no kernel has number " + std::to_string(id) + "; there are " +
                                               std::to_string(kTable.size()) + ": " + names());
  }
  const KernelRow& row = kTable[static_cast<std::size_t>(id)];
  if (const char* reason = row.missing()) {
    throw Error(ErrorCode::kernel_unavailable,
                "matmul: kernel '" + std::string(row.name()) + "' is not available: " + reason);
  }
}

}  // namespace tinytorch::detail

namespace tinytorch {

std::span<const KernelInfo> kernels() {
  static const auto infos = [] {
    std::array<KernelInfo, detail::kTable.size()> result{};
    for (std::size_t i = 0; i < result.size(); ++i) {
      const detail::KernelRow& row = detail::kTable[i];
      result[i] = {row.name(), row.title, row.summary, row.missing() == nullptr};
    }
    return result;
  }();
  return infos;
}

void leave_out_fused() noexcept { detail::fused_left_out = true; }

KernelId kernel_id(std::string_view name) {
  if (name == "auto") return kAutoKernel;
  const KernelId id = detail::find_kernel(name);
  detail::require_kernel(id);
  return id;
}

}  // namespace tinytorch
