// The rung `threaded`: the best rung of one thread on parts of C, more parts than threads.
//
//     m < n: columns are divided            m >= n: rows are divided
//
//       B  [0|1|2|3]                          B  [  all  ]
//     A    +-+-+-+-+                        A 0  +-------+
//     all  |0|1|2|3|                          1  +-------+
//          +-+-+-+-+                          2  +-------+
//
// A free thread takes the next part. So a thread that wakes late, or shares its processor with another program, costs
// little more than the last part it took. The operand that all parts read is packed once, by all threads together,
// before the parts start; each part packs its own share of the other operand. k is never divided: each element is
// summed by one thread in one order, so it has the same bits for any number of threads.
//
// plan.cpp decides how many parts there are, and where each thread's scratch is. What must hold here:
// - a part writes its own rows or columns of C, and the scratch of the thread that runs it;
// - the shared operand is written before the first part begins, and only read afterwards;
// - each part has the plan of its length.
#include <cassert>
#include <cstddef>

#include "base/poison.h"
#include "matmul/division.h"
#include "matmul/registry.h"
#include "parallel/parallel_for.h"

namespace tinytorch::detail {
namespace {

template <class T>
void pack_together(const KernelFunctions<T>& single, const DividedPlan& plan, KernelArgs<T>& args, T* shared) {
  if (plan.by_rows) {
    parallel_for(plan.shared_pieces, plan.shared_grain, [&](std::size_t begin, std::size_t end) {
      const MatmulArgs<T>& whole = args;
      single.pack_b(columns_of(whole, begin, end), shared + begin * args.k);
    });
    args.packed_b = shared;
  } else {
    parallel_for(plan.shared_pieces, plan.shared_grain,
                 [&](std::size_t begin, std::size_t end) { single.pack_a(*plan.reader(), args, begin, end, shared); });
    args.packed_a = shared;
  }
}

/// While it lives, an access to the gaps behind the threads' regions is an error under AddressSanitizer.
template <class T>
class PoisonedGaps {
 public:
  PoisonedGaps(T* workspace, const DividedPlan& plan) : workspace_(workspace), plan_(plan) {
    for (std::size_t i = 0; plan.region && i < plan.threads; ++i) {
      poison(workspace + i * plan.stride + plan.region, (plan.stride - plan.region) * sizeof(T));
    }
  }
  ~PoisonedGaps() { unpoison(workspace_, plan_.scratch * sizeof(T)); }
  PoisonedGaps(const PoisonedGaps&) = delete;
  PoisonedGaps& operator=(const PoisonedGaps&) = delete;

 private:
  T* workspace_;
  const DividedPlan& plan_;
};

template <class T>
bool run_divided(const DividedPlan& plan, KernelId rung, const KernelArgs<T>& given) {
  if (!announce_job(plan.large)) return false;
  assert(plan.scratch <= given.workspace_elements);
  const KernelFunctions<T>& single = functions_of<T>(rung);
  KernelArgs<T> args = given;
  const PoisonedGaps<T> gaps(args.workspace, plan);
  if (plan.shared.size) pack_together(single, plan, args, args.workspace + plan.shared.at);
  parallel_for(plan.parts, 1, [&](std::size_t index, std::size_t, std::size_t thread) {
    assert(thread < plan.threads);
    const std::size_t begin = plan.edge(index), end = plan.edge(index + 1);
    KernelArgs<T> part = plan.by_rows ? rows_of(args, begin, end) : columns_of(args, begin, end);
    part.workspace = args.workspace + thread * plan.stride;
    part.workspace_elements = plan.region;
    single.run(plan.of(end - begin), part);
  });
  return true;
}

template <class T>
constexpr KernelFunctions<T> functions() {
  return {.run_divided = run_divided<T>};
}

}  // namespace

extern constinit const RungFunctions threaded_rung{functions<float>(), functions<double>()};

}  // namespace tinytorch::detail
