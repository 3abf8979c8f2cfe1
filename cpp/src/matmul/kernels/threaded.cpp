// The rung `threaded`: the best rung of one thread on parts of C, one part a thread.
//
//     m < n: columns are divided            m >= n: rows are divided
//
//       B  [ 0 | 1 ]                          B  [  all  ]
//     A    +---+---+                        A    +-------+
//     all  | 0 | 1 |                        0    |   0   |
//          +---+---+                        1    |   1   |
//                                                +-------+
//
// The longer side is divided, so that each thread packs the smaller operand whole and only its share of the larger
// one. k is never divided: each element is summed by one thread in one order, and has the same bits for any number of
// threads.
#include <algorithm>
#include <cstddef>

#include "matmul/kernels.h"
#include "matmul/registry.h"
#include "parallel/parallel_for.h"

namespace tinytorch::detail {
namespace {

/// Parts are multiples of whole register tiles: 12 rows serve tiles of 4 and 6, 16 columns those of 2 vectors.
constexpr std::size_t kRowUnit = 12;
constexpr std::size_t kColumnUnit = 16;

/// The least work that is worth a thread of its own, in multiplications: 4 microseconds at 30 multiply-adds a
/// nanosecond, against half a microsecond to hand a part to a spinning thread.
constexpr double kLeastWork = 128.0 * 1024;

/// The last row of the table before this one that can run here.
template <class T>
const KernelFunctions<T>& best_single() {
  auto id = static_cast<std::size_t>(Rung::threaded) - 1;
  while (kernel_rows()[id].missing()) --id;
  return kernel_rows()[id].template functions<T>();
}

/// How C is divided.
template <class T>
struct Division {
  explicit Division(const MatmulArgs<T>& args)
      : by_rows(args.m >= args.n), length(by_rows ? args.m : args.n), part(length) {
    const std::size_t unit = by_rows ? kRowUnit : kColumnUnit;
    const double work = static_cast<double>(args.m) * static_cast<double>(args.n) * static_cast<double>(args.k);
    const std::size_t units = (length + unit - 1) / unit;
    const auto worth = static_cast<std::size_t>(std::min(work / kLeastWork, 1e6));
    const std::size_t parts = std::min({static_cast<std::size_t>(num_threads()), units, worth});
    if (parts > 1) part = std::min(length, (units + parts - 1) / parts * unit);
  }

  /// The product that gives the part of C from `begin` to `end`.
  template <class Args>
  [[nodiscard]] Args cut(Args args, std::size_t begin, std::size_t end) const {
    const auto offset = static_cast<std::ptrdiff_t>(begin);
    if (by_rows) {
      args.m = end - begin;
      args.a += offset * args.a_row;
      args.c += offset * args.c_row;
    } else {
      args.n = end - begin;
      args.b += offset * args.b_col;
      args.c += offset;
      if (args.bias) args.bias += offset;
      if constexpr (requires { args.packed_b; }) {
        if (args.packed_b) args.packed_b += begin * args.k;
      }
    }
    return args;
  }

  /// Elements of scratch for one thread. The last part may be smaller and still want more: blocks are cut evenly.
  [[nodiscard]] std::size_t workspace(const MatmulArgs<T>& args) const {
    const auto size = best_single<T>().workspace_size;
    if (!size) return 0;
    const std::size_t last = length % part ? length % part : part;
    const std::size_t larger = std::max(size(cut(args, 0, part)), size(cut(args, length - last, length)));
    return (larger + kAlignment - 1) / kAlignment * kAlignment;
  }

  bool by_rows;
  std::size_t length, part;

 private:
  static constexpr std::size_t kAlignment = 128 / sizeof(T);  // threads do not share a cache line
};

}  // namespace

template <class T>
void matmul_threaded(const KernelArgs<T>& args) {
  const auto run = best_single<T>().run;
  const Division<T> division(args);
  if (division.part == division.length) {
    run(args);
    return;
  }
  const std::size_t scratch = division.workspace(args);
  parallel_for(division.length, division.part, [&](std::size_t begin, std::size_t end, std::size_t thread) {
    KernelArgs<T> part = division.cut(args, begin, end);
    part.workspace = args.workspace + thread * scratch;
    run(part);
  });
}

template <class T>
std::size_t threaded_workspace(const MatmulArgs<T>& args) {
  const Division<T> division(args);
  const std::size_t threads = division.part == division.length ? 1 : static_cast<std::size_t>(num_threads());
  return threads * division.workspace(args);
}

template <class T>
std::size_t threaded_packed_b_size(const MatmulArgs<T>& args) {
  return best_single<T>().packed_b_size(args);
}
template <class T>
void threaded_pack_b(const MatmulArgs<T>& args, T* out) {
  best_single<T>().pack_b(args, out);
}

template void matmul_threaded<float>(const KernelArgs<float>&);
template void matmul_threaded<double>(const KernelArgs<double>&);
template std::size_t threaded_workspace<float>(const MatmulArgs<float>&);
template std::size_t threaded_workspace<double>(const MatmulArgs<double>&);
template std::size_t threaded_packed_b_size<float>(const MatmulArgs<float>&);
template std::size_t threaded_packed_b_size<double>(const MatmulArgs<double>&);
template void threaded_pack_b<float>(const MatmulArgs<float>&, float*);
template void threaded_pack_b<double>(const MatmulArgs<double>&, double*);

}  // namespace tinytorch::detail
