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
#include <cassert>
#include <cstddef>

#include "base/poison.h"
#include "matmul/division.h"
#include "matmul/kernels.h"
#include "matmul/workspace.h"
#include "parallel/parallel_for.h"

namespace tinytorch::detail {
namespace {

template <class T>
void pack_together(KernelArgs<T>& args, const Division<T>& division, std::size_t blocks, T* shared) {
  const KernelFunctions<T>& single = best_single<T>();
  const std::size_t together = division_limits.pack_together;
  if (division.by_rows()) {
    const std::size_t unit = Division<T>::kColumnUnit;
    const std::size_t grain = divide_up(together, unit * args.k) * unit;
    parallel_for(args.n, grain, [&](std::size_t begin, std::size_t end) {
      const MatmulArgs<T>& whole = args;
      single.pack_b(Division<T>::columns(whole, begin, end), shared + begin * args.k);
    });
    args.packed_b = shared;
  } else {
    const std::size_t grain = divide_up(together * blocks, args.m * args.k);
    parallel_for(blocks, grain, [&](std::size_t begin, std::size_t end) { single.pack_a(args, begin, end, shared); });
    args.packed_a = shared;
  }
}

/// Makes an access to the gaps behind the threads' regions an error under AddressSanitizer, as long as it lives.
template <class T>
class PoisonedGaps {
 public:
  PoisonedGaps(T* workspace, const ScratchLayout<T>& layout) : workspace_(workspace), layout_(layout) {
    for (std::size_t i = 0; layout.region && i < layout.threads; ++i) {
      poison(workspace + i * layout.stride + layout.region, (layout.stride - layout.region) * sizeof(T));
    }
  }
  ~PoisonedGaps() { unpoison(workspace_, layout_.total() * sizeof(T)); }
  PoisonedGaps(const PoisonedGaps&) = delete;
  PoisonedGaps& operator=(const PoisonedGaps&) = delete;

 private:
  T* workspace_;
  const ScratchLayout<T>& layout_;
};

template <class T>
void multiply_columns(const KernelArgs<T>& given) {
  const auto run = best_single<T>().run;
  const Division<T> division(given);
  if (division.parts() == 1 || !help_is_near(division.large())) {
    run(given);
    return;
  }
  const ScratchLayout<T> layout(given, division);
  if (layout.total() > given.workspace_elements) {  // the number of threads has changed since the scratch was asked for
    run(given);
    return;
  }
  KernelArgs<T> args = given;
  const PoisonedGaps<T> gaps(args.workspace, layout);
  if (layout.shared) pack_together(args, division, layout.blocks, args.workspace + layout.shared_at);
  parallel_for(division.parts(), 1, [&](std::size_t begin, std::size_t, std::size_t thread) {
    assert(thread < layout.threads);
    KernelArgs<T> part = division.part(args, begin);
    part.workspace = args.workspace + thread * layout.stride;
    part.workspace_elements = layout.region;
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

/// For multiply_columns(), whichever way it goes.
template <class T>
std::size_t columns_workspace(const KernelArgs<T>& args) {
  const std::size_t alone = best_single<T>().workspace_size(args);
  const Division<T> division(args);
  return division.parts() == 1 ? alone : std::max(alone, ScratchLayout<T>(args, division).total());
}

template <class T>
std::size_t threaded_workspace(const KernelArgs<T>& args) {
  const std::size_t step = columns_at_once(args);
  if (step >= args.n) return columns_workspace(args);
  const std::size_t last = (args.n - 1) / step * step;
  return std::max(columns_workspace(Division<T>::columns(args, 0, step)),
                  columns_workspace(Division<T>::columns(args, last, args.n)));
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
