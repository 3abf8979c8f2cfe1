// All decisions about a product: the rung, how C is divided among threads, which thread packs what, and where each
// piece of scratch is.
#include "matmul/plan.h"

#include <algorithm>
#include <cassert>

#include "matmul/division.h"
#include "matmul/packed/block_sizes.h"
#include "matmul/policy.h"
#include "matmul/registry.h"
#include "tinytorch/threads.h"

namespace tinytorch::detail {
namespace {

/// Threads' regions are a multiple of this apart, so that no two threads write to one cache line.
template <class T>
constexpr std::size_t kLine = 128 / sizeof(T);
/// The gap behind each thread's region (plan.h).
template <class T>
constexpr std::size_t kGap = kLine<T>;

template <class T>
std::size_t whole_lines(std::size_t elements) {
  return divide_up(elements, kLine<T>) * kLine<T>;
}

std::size_t parts_of(double work, double part) { return static_cast<std::size_t>(std::min(work / part, 1e5)); }

template <class T>
Division divide(const MatmulArgs<T>& args, std::size_t threads) {
  const DivisionLimits& limits = division_limits;
  const double work = work_of(args);
  Division d;
  d.by_rows = args.m >= args.n;
  d.length = d.units = d.by_rows ? args.m : args.n;
  d.threads = threads;
  if (threads == 1 || work < limits.least_shared) return d;
  d.large = work >= limits.waking;
  const std::size_t least = d.by_rows ? kLeastRows : kColumnUnit<T>, most = d.by_rows ? kMostRows : kMostColumns;
  std::size_t parts = std::clamp(parts_of(work, limits.usual_part), 2 * threads, kPartsPerThread * threads);
  parts = std::min({parts, parts_of(work, limits.least_part), d.length / least});
  if (parts > threads) parts -= parts % threads;
  std::size_t needed = divide_up(d.length, most);
  if (needed > threads) needed = divide_up(needed, threads) * threads;  // of 13 parts, one of two threads would do 7
  d.parts = std::max({parts, needed, std::size_t{1}});
  // Parts of many rows begin where a tile does. For few rows, equal parts are better than whole tiles.
  d.unit = !d.by_rows ? kColumnUnit<T> : d.length / d.parts >= 2 * kRowUnit ? kRowUnit : 1;
  d.units = divide_up(d.length, d.unit);
  d.parts = std::min(d.parts, d.units);  // no part is empty
  return d;
}

template <class T>
void plan_single(const KernelFunctions<T>& rung, const MatmulArgs<T>& args, Given given, SinglePlan& plan) {
  if (rung.plan) rung.plan(args, given, plan);
}

/// The packed size of the operand that all parts read (all of B, or all of A); 0 if it is not packed for all at once.
template <class T>
std::size_t shared_size(const KernelFunctions<T>& rung, const MatmulArgs<T>& args, const Division& division,
                        const SinglePlan& alone) {
  if ((division.by_rows ? alone.b : alone.a) != From::copy || !rung.pack_b) return 0;
  const double other = static_cast<double>(division.by_rows ? args.n : args.m);
  const std::size_t most = division_limits.most_shared / sizeof(T);
  // Too large: each part packs what it needs. Tested in double first, because the product of the sizes may overflow.
  if (other * static_cast<double>(args.k) > static_cast<double>(most)) return 0;
  std::size_t size = 0;
  if (division.by_rows) {
    size = rung.packed_b_size(args.k, args.n);
  } else {
    SinglePlan given;
    rung.plan(args, {.a = true, .b = alone.b == From::given}, given);
    size = divide_up(args.m, given.mc) * given.a_block;
  }
  return size <= most ? whole_lines<T>(size) : 0;
}

/// The plans of the parts, one for each length, and the largest scratch among them. Any of them may need the most: a
/// short part may need a padded panel that long ones do not.
template <class T>
void plan_parts(DividedPlan& plan, const KernelFunctions<T>& rung, const MatmulArgs<T>& args, Given given) {
  // Part 0 is a shorter one; the first of the longer ones is where edge() has gained a whole unit.
  const std::size_t first_longer = divide_up(plan.parts, std::max<std::size_t>(plan.units % plan.parts, 1)) - 1;
  plan.region = 0;
  std::size_t place = 0;
  for (const std::size_t index : {std::size_t{0}, first_longer, plan.parts - 1}) {
    DividedPlan::Part& part = plan.lengths[place++];
    part.length = plan.edge(index + 1) - plan.edge(index);
    MatmulArgs<T> own = args;
    (plan.by_rows ? own.m : own.n) = part.length;
    plan_single(rung, own, given, part.plan);
    plan.region = std::max(plan.region, part.plan.scratch);
  }
}

template <class T>
std::optional<DividedPlan> plan_divided(const KernelFunctions<T>& rung, const MatmulArgs<T>& args, Given given,
                                        const SinglePlan& alone, std::size_t threads) {
  const Division division = divide(args, threads);
  if (division.parts == 1) return {};
  std::optional<DividedPlan> result(std::in_place);
  DividedPlan& plan = *result;
  static_cast<Division&>(plan) = division;
  plan.shared.size = shared_size(rung, args, division, alone);
  Given of_part = given;
  if (plan.shared.size) (division.by_rows ? of_part.b : of_part.a) = true;
  plan_parts(plan, rung, args, of_part);
  const SinglePlan* const reader = plan.reader();
  if (!reader) plan.shared.size = 0;
  plan.stride = plan.region ? whole_lines<T>(plan.region) + kGap<T> : 0;
  plan.shared.at = threads * plan.stride;
  plan.scratch = plan.shared.at + plan.shared.size;
  if (plan.shared.size == 0) return result;
  const std::size_t together = division_limits.pack_together;
  if (division.by_rows) {
    plan.shared_pieces = args.n;
    plan.shared_grain = divide_up(together, kColumnUnit<T> * args.k) * kColumnUnit<T>;
  } else {
    plan.shared_pieces = divide_up(args.m, reader->mc);
    plan.shared_grain = divide_up(together * plan.shared_pieces, args.m * args.k);
  }
  return result;
}

/// Columns of C that are computed at a time. If C is divided by rows, every part reads all of B for these columns, and
/// that much of B should stay in the last-level cache.
template <class T>
std::size_t columns_at_once(const MatmulArgs<T>& args) {
  if (args.m < args.n) return args.n;
  const std::size_t cached = division_limits.cached_b / sizeof(T) / args.k;
  return even_step(args.n, std::max(cached, 16 * kColumnUnit<T>), kColumnUnit<T>);
}

template <class T>
void plan_stretch(Stretch& stretch, const KernelFunctions<T>& rung, const MatmulArgs<T>& args, Given given,
                  std::size_t threads) {
  plan_single(rung, args, given, stretch.alone);
  stretch.scratch = stretch.alone.scratch;
  if (threads == 1) return;
  stretch.divided = plan_divided(rung, args, given, stretch.alone, threads);
  if (stretch.divided) stretch.scratch = std::max(stretch.scratch, stretch.divided->scratch);
}

/// Whether the threads compute whole products of a batch side by side, and how.
template <class T>
BatchPlan plan_batch(const Batch& batch, const MatmulArgs<T>& args, std::size_t scratch_of_one, std::size_t threads) {
  BatchPlan plan;
  plan.batch = batch;
  plan.count = batch.count();
  const DivisionLimits& limits = division_limits;
  const double work = work_of(args), all = work * static_cast<double>(plan.count);
  plan.across = threads > 1 && plan.count >= 2 * threads && all >= limits.least_shared;
  if (!plan.across) return plan;
  plan.large = all >= limits.waking;
  const std::size_t most = divide_up(plan.count, 2 * threads);
  plan.grain = std::clamp<std::size_t>(parts_of(limits.least_part, work), 1, most);
  plan.stride = scratch_of_one ? whole_lines<T>(scratch_of_one) + kGap<T> : 0;
  return plan;
}

}  // namespace

template <class T>
Plan make_plan(const MatmulArgs<T>& args, KernelId kernel, Given given, const Batch* batch) {
  assert(args.m && args.n && args.k);
  Plan plan;
  plan.m = args.m;
  plan.n = plan.columns = args.n;
  plan.k = args.k;
  plan.element_bytes = sizeof(T);
  const double count = batch ? static_cast<double>(batch->count()) : 1;
  plan.rung = kernel == kAutoKernel ? choose_kernel(work_of(args) * count) : kernel;
  plan.epilogue_apart = !kernel_row(plan.rung).fuses_epilogue;
  const bool threaded = functions_of<T>(plan.rung).run_divided != nullptr;
  plan.single = single_of(plan.rung);
  const KernelFunctions<T>& rung = functions_of<T>(plan.single);
  if (!threaded) {
    plan_single(rung, args, given, plan.first.alone);
    plan.scratch = plan.first.scratch = plan.first.alone.scratch;
    if (batch) plan.batch = plan_batch<T>(*batch, args, plan.scratch, 1);
    return plan;
  }

  plan.threads = num_threads();
  const auto threads = static_cast<std::size_t>(plan.threads);
  if (batch) {
    plan_single(rung, args, given, plan.first.alone);
    plan.batch = plan_batch<T>(*batch, args, plan.first.alone.scratch, threads);
    if (plan.batch->across) {
      plan.first.scratch = plan.first.alone.scratch;
      plan.scratch = std::max(plan.first.scratch, threads * plan.batch->stride);
      return plan;
    }
  }
  plan.first.alone = {};  // planned again below, for one stretch
  if (threads > 1) plan.columns = columns_at_once(args);
  MatmulArgs<T> some = args;
  some.n = plan.columns;
  plan_stretch(plan.first, rung, some, given, threads);
  plan.scratch = plan.first.scratch;
  const std::size_t rest = args.n % plan.columns;
  if (rest) {
    some.n = rest;
    plan.last.emplace();
    plan_stretch(*plan.last, rung, some, given, threads);
    plan.scratch = std::max(plan.scratch, plan.last->scratch);
  }
  return plan;
}

template Plan make_plan<float>(const MatmulArgs<float>&, KernelId, Given, const Batch*);
template Plan make_plan<double>(const MatmulArgs<double>&, KernelId, Given, const Batch*);

}  // namespace tinytorch::detail
