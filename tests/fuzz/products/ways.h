#pragma once

// The ways in which one product is computed: every rung, and for those that have a choice every tile and packing of A
// that can be forced, panels of B kept or not, 1 to 4 threads, scratch of the library or of the test.
#include <algorithm>
#include <vector>

#include "case.h"
#include "matmul/args.h"
#include "matmul/division.h"
#include "matmul/packed/add_block.h"
#include "matmul/registry.h"
#include "tinytorch/matmul.h"
#include "tinytorch/threads.h"

namespace tinytorch::fuzz {

/// The rung whose loops run for that kernel.
inline const detail::KernelRow& single_row(KernelId kernel) {
  const KernelId rung = kernel == kAutoKernel ? detail::best_single_kernel() : detail::single_of(kernel);
  return detail::kernel_rows()[static_cast<std::size_t>(rung)];
}

/// `Case::division` as limits: 0 those of the program; 1 everything is divided; 2 in pieces of few columns, too;
/// 3 each part packs what it needs.
inline detail::DivisionLimits limits_of(std::int64_t division) {
  detail::DivisionLimits limits;
  if (division == 0) return limits;
  limits.least_shared = limits.waking = 0;
  limits.least_part = limits.usual_part = 1;
  limits.pack_together = 1;
  if (division == 2) limits.cached_b = 0;
  if (division == 3) limits.most_shared = 0;
  return limits;
}

/// Sets what a way asks for, and gives the usual tile back. Threads stay as they are until the next way.
class SetWay {
 public:
  explicit SetWay(const Case& way) {
    if (num_threads() != way.threads) set_num_threads(static_cast<int>(way.threads));
    detail::division_limits = limits_of(way.division);
    detail::forced_tile.store({static_cast<std::uint16_t>(way.tile), way.packs_a != 0});
  }
  ~SetWay() { detail::forced_tile.store({}); }
  SetWay(const SetWay&) = delete;
  SetWay& operator=(const SetWay&) = delete;
};

/// The ways for a case: the usual one of each rung, and as many of the others as its size leaves time for.
template <class T>
std::vector<Case> ways_of(const Case& which) {
  std::vector<Case> ways, more;
  const bool empty = which.work() == 0;
  const auto count = static_cast<KernelId>(kernels().size());
  for (KernelId kernel = kAutoKernel; kernel < count; ++kernel) {
    if (kernel != kAutoKernel && !kernels()[static_cast<std::size_t>(kernel)].available) continue;
    Case way = which;
    way.one_way = 1;
    way.kernel = kernel;
    way.tile = way.packs_a = way.panels = way.scratch = 0;
    way.threads = 1;
    ways.push_back(way);
    const detail::KernelFunctions<T>& functions = single_row(kernel).template functions<T>();
    const detail::TileRange tiles = functions.tiles;
    const bool threaded = kernel == detail::find_kernel("threaded");
    const bool packs = !empty && kernel != kAutoKernel && functions.pack_b;
    for (way.threads = 1; way.threads <= (threaded ? 4 : 1); ++way.threads) {
      for (way.scratch = 0; way.scratch < 2; ++way.scratch) {
        for (way.panels = 0; way.panels <= (packs ? 1 : 0); ++way.panels) {
          way.tile = way.packs_a = 0;
          more.push_back(way);
          for (way.tile = tiles.least; tiles.least && way.tile <= tiles.most; ++way.tile) {
            for (way.packs_a = 0; way.packs_a < 2; ++way.packs_a) more.push_back(way);
          }
        }
      }
    }
  }
  if (which.one_way) {  // after the usual ones, whose bits it is compared with
    const int times = which.threads > 1 ? 20 : 1;
    for (int i = 0; i < times; ++i) ways.push_back(which);
    return ways;
  }
  Stream random(static_cast<std::uint64_t>(which.data), 5);
  const auto wanted = static_cast<std::int64_t>(std::clamp(4e5 / (which.work() + 1000), 4.0, 60.0));
  for (std::int64_t i = 0; i < wanted; ++i) {
    ways.push_back(more[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(more.size())))]);
  }
  return ways;
}

/// Unit roundoffs by which an element may be off, as a share of its magnitude (tinytorch/matmul.h); and of the
/// reference.
template <class T>
double error_bound(KernelId rung, std::size_t k) {
  const bool blocks = rung >= detail::find_kernel("packed");
  const std::size_t kc = std::max<std::size_t>(detail::block_of_k<T>(k), 1);
  const double roundings = static_cast<double>(blocks ? kc + (k + kc - 1) / kc : k + 2);
  const double unit = sizeof(T) == 4 ? 0x1p-24 : 0x1p-53, nu = roundings * unit;
  return nu / (1 - nu) + static_cast<double>(sizeof(T) == 4 ? k : 2) * 0x1p-53;
}

}  // namespace tinytorch::fuzz
