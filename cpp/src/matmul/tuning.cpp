// Which height the main register tile has on this machine: measured, not guessed from a name. Every element is summed
// in the same order whatever the tile, so the choice changes no result.
//
// Engines compile a wasm function quickly at first and well only after it has run for a while, so a measurement at load
// would compare two poor compilations. Hence two steps, both on the way of the program's own products: every candidate
// runs a little (the engine takes notice), and later, with some milliseconds of products in between, they are timed.
#include "matmul/tuning.h"

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <string>

#include "matmul/registry.h"
#include "profile/clock.h"
#include "tinytorch/error.h"

namespace tinytorch {
namespace detail {
namespace {

constexpr double kWorkBeforeWarming = 1e6, kWorkBeforeTiming = 3e8;  // multiply-adds: 10 ms of compiled code
constexpr double kWorthChanging = 1.03;                              // else the usual tile stays
constexpr int kWarmingRounds = 1, kRounds = 3;
/// Products in one timing, 150 microseconds: a page's clock ticks in 5 microseconds.
constexpr int kRepeats = 5;
constexpr std::size_t kMostHeights = 4;

/// 60 rows are whole tiles of 4, 5 and 6. 30 microseconds in float32.
constexpr std::size_t kRows = 60, kDepth = 256, kColumns = 64;
constexpr double kMultiplyAdds = kRows * kDepth * kColumns;

enum class Stage : unsigned char { begin, warmed, done };

struct State {
  Stage stage = Stage::begin;
  double work = 0, ms = 0;
  std::array<double, kMostHeights> best{};  ///< milliseconds, by height
};

bool enabled = false;

template <class T>
State& state() {
  static State instance;
  return instance;
}

/// The rung that is tuned: the best of one thread.
template <class T>
const KernelFunctions<T>* tuned_rung() noexcept {
  const auto rows = kernel_rows();
  for (std::size_t id = rows.size(); id-- > 0;) {
    const KernelFunctions<T>& functions = rows[id].template functions<T>();
    if (!rows[id].missing() && functions.tile_heights) return &functions;
  }
  return nullptr;
}

/// Runs every candidate in turn, so that a disturbance meets them all; false where there is no memory.
template <class T>
bool run_candidates(const KernelFunctions<T>& rung, int rounds, State& into) {
  const TileHeights heights = rung.tile_heights();
  MatmulArgs<T> shape{.m = kRows, .n = kColumns, .k = kDepth, .a_row = kDepth, .b_row = kColumns, .c_row = kColumns};
  const std::size_t operands = kRows * kDepth + kDepth * kColumns, result = kRows * kColumns;
  std::size_t scratch = 0;
  for (std::size_t h = heights.least; h <= heights.most; ++h) {
    heights.main->store(h);
    scratch = std::max(scratch, rung.workspace_size(shape));
  }
  const std::unique_ptr<T[]> memory(new (std::nothrow) T[operands + result + scratch]());
  if (memory) {
    KernelArgs<T> args{shape};
    args.a = memory.get();
    args.b = args.a + kRows * kDepth;
    args.c = memory.get() + operands;
    args.workspace = args.c + result;
    into.best.fill(1e9);
    for (int round = 0; round < rounds; ++round) {
      for (std::size_t h = heights.least; h <= heights.most; ++h) {
        heights.main->store(h);
        const double start = now_ms();
        for (int i = 0; i < kRepeats; ++i) rung.run(args);
        double& best = into.best[h - heights.least];
        best = std::min(best, (now_ms() - start) / kRepeats);
      }
    }
  }
  heights.main->store(heights.usual);
  return memory != nullptr;
}

template <class T>
void choose(const TileHeights& heights, const State& state) {
  const auto time = [&](std::size_t h) { return state.best[h - heights.least]; };
  std::size_t fastest = heights.usual;
  for (std::size_t h = heights.least; h <= heights.most; ++h) {
    if (time(h) * (fastest == heights.usual ? kWorthChanging : 1) < time(fastest)) fastest = h;
  }
  heights.main->store(fastest);
}

}  // namespace

template <class T>
TileHeights tuned_heights() noexcept {
  const KernelFunctions<T>* rung = tuned_rung<T>();
  return rung ? rung->tile_heights() : TileHeights{};
}

template <class T>
void tune_on_the_way(const MatmulArgs<T>& next) {
  if (!enabled) return;
  State& tuned = state<T>();
  if (tuned.stage == Stage::done) return;
  tuned.work += static_cast<double>(next.m) * static_cast<double>(next.n) * static_cast<double>(next.k);
  if (tuned.work < (tuned.stage == Stage::begin ? kWorkBeforeWarming : kWorkBeforeTiming)) return;
  const KernelFunctions<T>* rung = tuned_rung<T>();
  if (!rung) {
    tuned.stage = Stage::done;
    return;
  }
  const double start = now_ms();
  const bool ran = run_candidates(*rung, tuned.stage == Stage::begin ? kWarmingRounds : kRounds, tuned);
  if (ran && tuned.stage == Stage::warmed) choose<T>(rung->tile_heights(), tuned);
  tuned.ms += now_ms() - start;
  tuned.stage = ran && tuned.stage == Stage::begin ? Stage::warmed : Stage::done;
}

template TileHeights tuned_heights<float>() noexcept;
template TileHeights tuned_heights<double>() noexcept;
template void tune_on_the_way<float>(const MatmulArgs<float>&);
template void tune_on_the_way<double>(const MatmulArgs<double>&);

template <class T>
static TileTuning report() {
  const TileHeights heights = tuned_heights<T>();
  const State& tuned = state<T>();
  TileTuning result;
  result.columns = heights.columns;
  result.ms = tuned.ms;
  if (!heights.main) return result;
  result.rows = heights.main->load();
  for (std::size_t h = heights.least; h <= heights.most; ++h) {
    const double ms = tuned.best[h - heights.least];
    const bool timed = tuned.stage == Stage::done && ms > 0;
    result.candidates.push_back({h, timed ? 2 * kMultiplyAdds / ms / 1e6 : 0});
  }
  return result;
}

}  // namespace detail

void set_tuning(bool enabled) noexcept {
  detail::enabled = enabled;
  if (enabled) return;
  for (const detail::TileHeights& heights : {detail::tuned_heights<float>(), detail::tuned_heights<double>()}) {
    if (heights.main) heights.main->store(heights.usual);
  }
  detail::state<float>() = detail::state<double>() = {};
}

bool tuning_enabled() noexcept { return detail::enabled; }

TileTuning tile_tuning(DType dtype) {
  if (!is_floating(dtype)) {
    throw Error(ErrorCode::dtype, "tile_tuning: float32 or float64 wanted, not " + std::string(name_of(dtype)));
  }
  return dtype == DType::float32 ? detail::report<float>() : detail::report<double>();
}

}  // namespace tinytorch
