#pragma once

// How the rung `threaded` divides C among threads, and where each thread's scratch stands. Both are decided here, in
// one place, from the arguments alone: what asks for memory and what uses it read the same figures.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "matmul/packed/block_sizes.h"
#include "matmul/policy.h"
#include "matmul/registry.h"
#include "tinytorch/threads.h"

namespace tinytorch::detail {

/// From which sizes on it pays to divide. Work is in multiply-adds, of which a thread does some 30 in a nanosecond.
/// Variables for the sake of tests: with small ones every small product is divided.
struct DivisionLimits {
  double least_shared = kLeastSharedWork;
  double least_part = 64.0 * 1024;  ///< worth a claim: 2 microseconds
  double usual_part = 512.0 * 1024;
  double waking = 4096.0 * 1024;          ///< worth waking a sleeping worker: 140 microseconds
  std::size_t pack_together = 16 * 1024;  ///< elements worth a part: 2 microseconds
  std::size_t most_shared = 64 << 20;     ///< bytes of an operand that is packed for all parts
  std::size_t cached_b = 4 << 20;         ///< bytes of B that every part reads from the last-level cache
};
inline DivisionLimits division_limits;

[[nodiscard]] constexpr std::size_t divide_up(std::size_t size, std::size_t part) { return (size + part - 1) / part; }

/// The rung that computes the parts.
template <class T>
const KernelFunctions<T>& best_single() {
  return kernel_rows()[static_cast<std::size_t>(best_single_kernel())].template functions<T>();
}

/// How C is divided: into parts of whole units, as equal as that allows; the last one has what is left.
template <class T>
class Division {
 public:
  explicit Division(const MatmulArgs<T>& args)
      : by_rows_(args.m >= args.n),
        length_(by_rows_ ? args.m : args.n),
        threads_(static_cast<std::size_t>(num_threads())) {
    const DivisionLimits& limits = division_limits;
    const double work = work_of(args);
    if (threads_ == 1 || work < limits.least_shared) return;
    large_ = work >= limits.waking;
    const std::size_t least = by_rows_ ? kLeastRows : kColumnUnit, most = by_rows_ ? kMostRows : kMostColumns;
    std::size_t parts = std::clamp(parts_of(work, limits.usual_part), 2 * threads_, kPartsPerThread * threads_);
    parts = std::min({parts, parts_of(work, limits.least_part), length_ / least});
    if (parts > threads_) parts -= parts % threads_;
    std::size_t needed = divide_up(length_, most);
    if (needed > threads_) needed = divide_up(needed, threads_) * threads_;  // 13 parts on two threads: one works for 7
    parts_ = std::max({parts, needed, std::size_t{1}});
    // Parts of many rows begin where a tile does; of few, equal ones are better than whole tiles: 64 square in four
    // parts of 16 rows 6.6 us, in parts of 12, 12, 24 and 16 rows 7.6 us.
    unit_ = !by_rows_ ? kColumnUnit : length_ / parts_ >= 2 * kRowUnit ? kRowUnit : 1;
    units_ = divide_up(length_, unit_);
    parts_ = std::min(parts_, units_);  // no part is empty
  }

  [[nodiscard]] std::size_t parts() const { return parts_; }
  [[nodiscard]] std::size_t threads() const { return threads_; }
  [[nodiscard]] bool by_rows() const { return by_rows_; }
  [[nodiscard]] bool large() const { return large_; }

  /// The product that gives part number `index` of C.
  [[nodiscard]] KernelArgs<T> part(const KernelArgs<T>& args, std::size_t index) const {
    return by_rows_ ? rows(args, edge(index), edge(index + 1)) : columns(args, edge(index), edge(index + 1));
  }

  /// Elements of scratch that each part can do with. Parts are of two lengths at most, and the last may be shorter
  /// still. None is known to want the most: a short part may need a padded panel that long ones do not.
  [[nodiscard]] std::size_t scratch(const KernelArgs<T>& args) const {
    std::size_t most = 0, seen = 0;
    // Part 0 is a shorter one; the first of the longer ones is where edge() has gained a whole unit.
    const std::size_t first_longer = divide_up(parts_, std::max<std::size_t>(units_ % parts_, 1)) - 1;
    for (const std::size_t index : {std::size_t{0}, first_longer, parts_ - 1}) {
      const KernelArgs<T> one = part(args, index);
      const std::size_t length = by_rows_ ? one.m : one.n;
      if (length == seen) continue;
      seen = length;
      most = std::max(most, best_single<T>().workspace_size(one));
    }
    return most;
  }

  /// Columns [begin, end) of the product.
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
  static constexpr std::size_t kPartsPerThread = 6;           ///< more only where they would be larger than a block
  // Of a part: at least two or three tiles, and at most one block (block_sizes.h), even where rounding to whole tiles
  // adds some.
  static constexpr std::size_t kLeastRows = 16, kMostRows = 84, kMostColumns = 960;

 private:
  static std::size_t parts_of(double work, double part) { return static_cast<std::size_t>(std::min(work / part, 1e5)); }

  [[nodiscard]] static KernelArgs<T> rows(KernelArgs<T> args, std::size_t begin, std::size_t end) {
    args.m = end - begin;
    args.a += static_cast<std::ptrdiff_t>(begin) * args.a_row;
    args.c += static_cast<std::ptrdiff_t>(begin) * args.c_row;
    return args;
  }

  /// Where part number `index` begins: floor(index * units / parts). Longer parts lie between shorter ones, because the
  /// threads come from both ends: with the longer ones first, 64x784x256 took 5 % more.
  [[nodiscard]] std::size_t edge(std::size_t index) const {
    const std::size_t each = units_ / parts_, longer = units_ % parts_;
    const std::uint64_t before = std::uint64_t{index} * longer / parts_;  // of those, how many are longer
    return std::min(length_, (index * each + static_cast<std::size_t>(before)) * unit_);
  }

  bool by_rows_, large_ = false;
  std::size_t length_, threads_, parts_ = 1, unit_ = 1, units_ = length_;
};

/// Where the scratch of the threads and the operand that they share stand in the workspace, in elements. A gap follows
/// each thread's region: tests look there for what was written too far.
///
///     | thread 0 | gap | thread 1 | gap | ... | shared: all of A or B, packed |
template <class T>
struct ScratchLayout {
  ScratchLayout(const KernelArgs<T>& args, const Division<T>& division)
      : region(division.scratch(args)), threads(division.threads()) {
    stride = region ? aligned(region) + kGap : 0;
    shared_at = threads * stride;
    const KernelFunctions<T>& single = best_single<T>();
    const double other = static_cast<double>(division.by_rows() ? args.n : args.m);
    const std::size_t most = division_limits.most_shared / sizeof(T);
    // Too large: each part packs what it needs. Asked first, because the product may be larger than any size.
    if (!single.packing || other * static_cast<double>(args.k) > static_cast<double>(most)) return;
    const Packing packing = single.packing(args);
    if (division.by_rows()) {
      if (packing.packs_b && !args.packed_b) shared = aligned(single.packed_b_size(args));
    } else {
      shared = aligned(packing.a_size);
      blocks = packing.a_blocks;
    }
    if (shared > most) shared = 0;
  }

  [[nodiscard]] std::size_t total() const { return shared_at + shared; }

  static constexpr std::size_t kLine = 128 / sizeof(T), kGap = kLine;  ///< threads do not share a cache line

  std::size_t region;   ///< of one thread
  std::size_t threads;  ///< how many of them
  std::size_t stride;   ///< from one thread's region to the next
  std::size_t shared_at = 0, shared = 0;
  std::size_t blocks = 0;  ///< of A, that can be packed each by itself

 private:
  [[nodiscard]] static std::size_t aligned(std::size_t elements) { return divide_up(elements, kLine) * kLine; }
};

/// Columns of C that are multiplied at a time: where rows are divided, every part reads all of their B, and that should
/// stay in the last-level cache. Measured with two threads: 2000 square 140 to 143 ms instead of 143 to 160,
/// 3000x3000x1500 249 instead of 252.
template <class T>
std::size_t columns_at_once(const MatmulArgs<T>& args) {
  constexpr std::size_t unit = Division<T>::kColumnUnit;
  if (num_threads() == 1 || args.m < args.n) return args.n;
  return even_step(args.n, std::max(division_limits.cached_b / sizeof(T) / args.k, 16 * unit), unit);
}

}  // namespace tinytorch::detail
