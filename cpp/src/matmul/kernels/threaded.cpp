// The rung `threaded`: the best rung of one thread on parts of C, more parts than threads.
//
//     m < n: columns are divided            m >= n: rows are divided
//
//       B  [0|1|2|3]                          B  [  all  ]
//     A    +-+-+-+-+                        A 0  +-------+
//     all  |0|1|2|3|                          1  +-------+
//          +-+-+-+-+                          2  +-------+
//
// Whoever is free takes the next part, so a thread that wakes late, or shares its processor with another program,
// costs little more than the last part it took. The operand that all parts read is packed once, by all threads
// together, before they start; of the other each part packs its own share. k is never divided: each element is summed
// by one thread in one order, and has the same bits for any number of threads.
#include <algorithm>
#include <cstddef>

#include "matmul/kernels.h"
#include "matmul/packed/block_sizes.h"
#include "matmul/policy.h"
#include "matmul/registry.h"
#include "parallel/parallel_for.h"

namespace tinytorch::detail {
namespace {

// Work in multiply-adds, of which a thread does some 30 in a nanosecond.
constexpr double kLeastPart = 64.0 * 1024;  ///< worth a claim: 2 microseconds
constexpr double kUsualPart = 512.0 * 1024;
constexpr double kWakingWork = 4096.0 * 1024;  ///< worth waking a sleeping worker: 140 microseconds
constexpr std::size_t kPartsPerThread = 6;     ///< more only where they would be larger than a block

// Of a part: at least two or three tiles, and at most one block (block_sizes.h) even where rounding to whole tiles
// adds some: beyond it blocks are cut evenly, and a shorter part may want more scratch than a longer one.
constexpr std::size_t kLeastRows = 16, kMostRows = 84, kMostColumns = 960;
constexpr std::size_t kPackTogether = 16 * 1024;  ///< elements worth a part: 2 microseconds
constexpr std::size_t kMostShared = 64 << 20;     ///< bytes
constexpr std::size_t kCachedB = 4 << 20;         ///< bytes of B that every part reads from the last-level cache

template <class T>
const KernelFunctions<T>& best_single() {
  return kernel_rows()[static_cast<std::size_t>(best_single_kernel())].template functions<T>();
}

constexpr std::size_t divide_up(std::size_t size, std::size_t part) { return (size + part - 1) / part; }

/// How C is divided.
template <class T>
class Division {
 public:
  explicit Division(const MatmulArgs<T>& args) : by_rows_(args.m >= args.n), length_(by_rows_ ? args.m : args.n) {
    const double work = work_of(args);
    const auto threads = static_cast<std::size_t>(num_threads());
    if (threads == 1 || work < kLeastSharedWork) return;
    large_ = work >= kWakingWork;
    const std::size_t least = by_rows_ ? kLeastRows : kColumnUnit, most = by_rows_ ? kMostRows : kMostColumns;
    std::size_t parts = std::clamp(parts_of(work, kUsualPart), 2 * threads, kPartsPerThread * threads);
    parts = std::min({parts, parts_of(work, kLeastPart), length_ / least});
    if (parts > threads) parts -= parts % threads;
    std::size_t needed = divide_up(length_, most);
    if (needed > threads) needed = divide_up(needed, threads) * threads;  // 13 parts on two threads: one works for 7
    parts_ = std::max({parts, needed, std::size_t{1}});
    // Parts of many rows begin where a tile does; of few, equal ones are better than whole tiles: 64 square in four
    // parts of 16 rows 6.6 us, in parts of 12, 12, 24 and 16 rows 7.6 us.
    unit_ = !by_rows_ ? kColumnUnit : length_ / parts_ >= 2 * kRowUnit ? kRowUnit : 1;
  }

  [[nodiscard]] std::size_t parts() const { return parts_; }
  [[nodiscard]] bool by_rows() const { return by_rows_; }
  [[nodiscard]] bool large() const { return large_; }

  /// The product that gives part number `index` of C.
  [[nodiscard]] KernelArgs<T> part(const KernelArgs<T>& args, std::size_t index) const {
    return by_rows_ ? rows(args, edge(index), edge(index + 1)) : columns(args, edge(index), edge(index + 1));
  }

  /// Elements of scratch for one thread: what the longest part wants.
  [[nodiscard]] std::size_t scratch(const MatmulArgs<T>& args) const {
    const std::size_t longest = std::min(length_, divide_up(length_, parts_) + unit_ - 1);
    MatmulArgs<T> part = args;
    (by_rows_ ? part.m : part.n) = longest;
    return aligned(best_single<T>().workspace_size(part));
  }

  [[nodiscard]] static std::size_t aligned(std::size_t elements) {
    return divide_up(elements, kAlignment) * kAlignment;  // threads do not share a cache line
  }

  template <class Args>
  [[nodiscard]] static Args columns(Args args, std::size_t begin, std::size_t end) {
    const auto offset = static_cast<std::ptrdiff_t>(begin);
    args.n = end - begin;
    args.b += offset * args.b_col;
    args.c += offset;
    if (args.bias) args.bias += offset;
    if constexpr (requires { args.packed_b; }) {
      if (args.packed_b) args.packed_b += begin * args.k;
    }
    return args;
  }

  static constexpr std::size_t kRowUnit = 12;                 ///< whole tiles of 4 and of 6 rows
  static constexpr std::size_t kColumnUnit = 64 / sizeof(T);  ///< a cache line, and two panels
 private:
  static constexpr std::size_t kAlignment = 128 / sizeof(T);

  static std::size_t parts_of(double work, double part) { return static_cast<std::size_t>(std::min(work / part, 1e5)); }

  [[nodiscard]] static KernelArgs<T> rows(KernelArgs<T> args, std::size_t begin, std::size_t end) {
    args.m = end - begin;
    args.a += static_cast<std::ptrdiff_t>(begin) * args.a_row;
    args.c += static_cast<std::ptrdiff_t>(begin) * args.c_row;
    return args;
  }

  [[nodiscard]] std::size_t edge(std::size_t index) const {
    if (index == parts_) return length_;
    const std::size_t q = length_ / parts_, r = length_ % parts_;  // not index * length_, which may overflow
    return (index * q + index * r / parts_) / unit_ * unit_;
  }

  bool by_rows_, large_ = false;
  std::size_t length_, parts_ = 1, unit_ = 1;
};

/// Where the scratch of the threads and the operand that they share stand in the workspace.
template <class T>
struct Layout {
  Layout(const MatmulArgs<T>& args, const Division<T>& division, bool has_packed_b) : scratch(division.scratch(args)) {
    const KernelFunctions<T>& single = best_single<T>();
    if (!single.packing) return;
    const Packing packing = single.packing(args);
    if (division.by_rows()) {
      if (packing.packs_b && !has_packed_b) shared = Division<T>::aligned(single.packed_b_size(args));
    } else {
      shared = Division<T>::aligned(packing.a_size);
      blocks = packing.a_blocks;
    }
    if (shared > kMostShared / sizeof(T)) shared = 0;  // each part packs what it needs
  }

  std::size_t scratch, shared = 0, blocks = 0;
};

template <class T>
void pack_together(KernelArgs<T>& args, const Division<T>& division, std::size_t blocks, T* shared) {
  const KernelFunctions<T>& single = best_single<T>();
  if (division.by_rows()) {
    const std::size_t unit = Division<T>::kColumnUnit;
    const std::size_t grain = divide_up(kPackTogether, unit * args.k) * unit;
    parallel_for(args.n, grain, [&](std::size_t begin, std::size_t end) {
      const MatmulArgs<T>& whole = args;
      single.pack_b(Division<T>::columns(whole, begin, end), shared + begin * args.k);
    });
    args.packed_b = shared;
  } else {
    const std::size_t grain = divide_up(kPackTogether * blocks, args.m * args.k);
    parallel_for(blocks, grain, [&](std::size_t begin, std::size_t end) { single.pack_a(args, begin, end, shared); });
    args.packed_a = shared;
  }
}

/// Columns of C that are multiplied at a time: where rows are divided, every part reads all of their B, and that should
/// stay in the last-level cache. Measured with two threads: 2000 square 140 to 143 ms instead of 143 to 160,
/// 3000x3000x1500 249 instead of 252.
template <class T>
std::size_t columns_at_once(const MatmulArgs<T>& args) {
  constexpr std::size_t unit = Division<T>::kColumnUnit;
  if (num_threads() == 1 || args.m < args.n) return args.n;
  return even_step(args.n, std::max(kCachedB / sizeof(T) / args.k, 16 * unit), unit);
}

template <class T>
void multiply_columns(const KernelArgs<T>& given) {
  const auto run = best_single<T>().run;
  const Division<T> division(given);
  if (division.parts() == 1 || !help_is_near(division.large())) {
    run(given);
    return;
  }
  KernelArgs<T> args = given;
  const Layout<T> layout(args, division, args.packed_b != nullptr);
  if (layout.shared) {
    T* const shared = args.workspace + static_cast<std::size_t>(num_threads()) * layout.scratch;
    pack_together(args, division, layout.blocks, shared);
  }
  parallel_for(division.parts(), 1, [&](std::size_t begin, std::size_t, std::size_t thread) {
    KernelArgs<T> part = division.part(args, begin);
    part.workspace = args.workspace + thread * layout.scratch;
    run(part);
  });
}

template <class T>
void matmul_threaded(const KernelArgs<T>& args) {
  const std::size_t step = columns_at_once(args);
  for (std::size_t j = 0; j < args.n; j += step) {
    multiply_columns(Division<T>::columns(args, j, std::min(j + step, args.n)));
  }
}

template <class T>
std::size_t columns_workspace(const MatmulArgs<T>& args) {
  const std::size_t alone = best_single<T>().workspace_size(args);
  const Division<T> division(args);
  if (division.parts() == 1) return alone;
  const Layout<T> layout(args, division, false);
  return std::max(alone, static_cast<std::size_t>(num_threads()) * layout.scratch + layout.shared);
}

template <class T>
std::size_t threaded_workspace(const MatmulArgs<T>& args) {
  MatmulArgs<T> first = args, last = args;
  first.n = columns_at_once(args);
  if (first.n == args.n) return columns_workspace(args);
  last.n = (args.n - 1) % first.n + 1;
  return std::max(columns_workspace(first), columns_workspace(last));
}

template <class T>
std::size_t threaded_packed_b_size(const MatmulArgs<T>& args) {
  return best_single<T>().packed_b_size(args);
}
template <class T>
void threaded_pack_b(const MatmulArgs<T>& args, T* out) {
  best_single<T>().pack_b(args, out);
}
template <class T>
Packing threaded_packing(const MatmulArgs<T>& args) {
  const auto packing = best_single<T>().packing;
  return packing ? packing(args) : Packing{};
}

template <class T>
constexpr KernelFunctions<T> functions() {
  return {.run = matmul_threaded<T>,
          .workspace_size = threaded_workspace<T>,
          .packed_b_size = threaded_packed_b_size<T>,
          .pack_b = threaded_pack_b<T>,
          .packing = threaded_packing<T>};
}

}  // namespace

constinit const RungFunctions threaded_rung{functions<float>(), functions<double>()};

}  // namespace tinytorch::detail
