// Which height the main register tile has on this machine: measured, not guessed from a name. Every element is summed
// in the same order whatever the tile, so the choice changes no result.
//
// Engines compile a wasm function quickly at first and well only after it has run for a while, so a measurement at load
// would compare two poor compilations. Hence steps on the way of the program's own products, with some milliseconds of
// them in between: the other tile runs a little (the engine takes notice), both are timed, and if the other one is
// faster both are timed again: it is taken if it wins twice.
#include "matmul/tuning.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <new>
#include <string>

#include "matmul/registry.h"
#include "profile/clock.h"
#include "tinytorch/error.h"

namespace tinytorch {
namespace detail {
namespace {

constexpr double kWorkBefore = 4e8;      // each step, in multiply-adds: 14 ms of well compiled code
constexpr double kWorthChanging = 1.03;  // else the usual tile stays

/// How often the candidates are timed in turn, and for how long each time.
struct Plan {
  int rounds;
  double ms;
};
// A page's clock ticks in 5 microseconds where it is isolated, else in 100 or more: too rarely for a short measurement.
constexpr double kFineTick = 0.025, kCoarseTick = 0.25;  // milliseconds
constexpr Plan kFinePlan{3, 0.12}, kCoarsePlan{2, 0.5};
constexpr int kWarmingProducts = 6;

/// 120 rows are whole tiles of 4, 5, 6 and 8. 17 microseconds.
constexpr std::size_t kRows = 120, kDepth = 64, kPanels = 8;

enum class Stage : unsigned char { begin, warmed, won_once, done };

struct State {
  Stage stage = Stage::begin;
  double work = 0, ms = 0;  ///< multiply-adds since the last step; milliseconds of all steps
  bool takes_other = false;
  std::array<double, 2> best{};  ///< milliseconds, of each candidate; 0 until timed
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

/// How far apart the clock's readings are, in milliseconds; infinity where it hardly moves. The smallest of a few: a
/// browser lets some of its clock's ticks come late.
double clock_tick() {
  constexpr int ticks = 4, patience = 10000;  // readings, some 0.5 ms
  double last = now_ms(), least = std::numeric_limits<double>::infinity();
  for (int seen = 0, i = 0; seen < ticks && i < patience; ++i) {
    const double now = now_ms();
    if (now == last) continue;
    if (seen++ > 0) least = std::min(least, now - last);
    last = now;
  }
  return least;
}

/// A product for the candidates to run.
template <class T>
class Trial {
 public:
  explicit Trial(const KernelFunctions<T>& rung) : rung_(rung), heights_(rung.tile_heights()) {
    const std::size_t n = kPanels * heights_.columns, operands = kRows * kDepth + kDepth * n, result = kRows * n;
    args_.m = kRows;
    args_.n = n;
    args_.k = kDepth;
    args_.a_row = kDepth;
    args_.b_row = args_.c_row = static_cast<std::ptrdiff_t>(n);
    std::size_t scratch = 0;
    for (const std::size_t height : heights_.candidates) {
      heights_.main->store(height);
      scratch = std::max(scratch, rung.workspace_size(args_));
    }
    memory_.reset(new (std::nothrow) T[operands + result + scratch]());
    args_.a = memory_.get();
    args_.b = args_.a + kRows * kDepth;
    args_.c = memory_.get() + operands;
    args_.workspace = args_.c + result;
  }
  ~Trial() { heights_.main->store(heights_.candidates[0]); }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  [[nodiscard]] bool has_memory() const { return memory_ != nullptr; }

  /// Milliseconds a product of the best round: for the usual tile and the other one, in turn, so that a disturbance
  /// meets both.
  [[nodiscard]] std::array<double, 2> time(const Plan& plan) const {
    std::array<double, 2> best{std::numeric_limits<double>::max(), std::numeric_limits<double>::max()};
    for (int round = 0; round < plan.rounds; ++round) {
      for (std::size_t i = 0; i < best.size(); ++i) {
        const double start = now_ms();
        double spent = 0;
        int products = 0;
        for (; spent < plan.ms; ++products, spent = now_ms() - start) run(i);
        best[i] = std::min(best[i], spent / products);
      }
    }
    return best;
  }

  void run(std::size_t candidate) const {
    heights_.main->store(heights_.candidates[candidate]);
    rung_.run(args_);
  }

 private:
  const KernelFunctions<T>& rung_;
  TileHeights heights_;
  KernelArgs<T> args_;
  std::unique_ptr<T[]> memory_;
};

/// The next step of the choice; says what has been reached.
template <class T>
Stage advance(const KernelFunctions<T>& rung, State& state) {
  const Trial<T> trial(rung);
  if (!trial.has_memory()) return Stage::done;
  if (state.stage == Stage::begin) {
    for (int i = 0; i < kWarmingProducts; ++i) trial.run(1);
    return Stage::warmed;
  }
  const double tick = clock_tick();
  if (tick > kCoarseTick) return Stage::done;
  const Plan& plan = tick > kFineTick ? kCoarsePlan : kFinePlan;
  state.best = trial.time(plan);
  const auto [usual, other] = state.best;
  const bool won = other * kWorthChanging + usual * tick / plan.ms < usual;  // by more than the clock may be wrong
  if (won && state.stage == Stage::warmed) return Stage::won_once;
  state.takes_other = won;
  return Stage::done;
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
  if (tuned.work < kWorkBefore) return;
  tuned.work = 0;
  const KernelFunctions<T>* rung = tuned_rung<T>();
  if (!rung) {
    tuned.stage = Stage::done;
    return;
  }
  const double start = now_ms();
  tuned.stage = advance(*rung, tuned);
  const TileHeights heights = rung->tile_heights();
  heights.main->store(heights.candidates[tuned.takes_other]);
  tuned.ms += now_ms() - start;
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
  const auto flops = 2.0 * static_cast<double>(kRows * kDepth * kPanels * heights.columns);
  for (std::size_t i = 0; i < heights.candidates.size(); ++i) {
    const bool timed = tuned.stage == Stage::done && tuned.best[i] > 0;
    result.candidates.push_back({heights.candidates[i], timed ? flops / tuned.best[i] / 1e6 : 0});
  }
  return result;
}

}  // namespace detail

void set_tuning(bool enabled) noexcept {
  detail::enabled = enabled;
  if (enabled) return;
  for (const detail::TileHeights& heights : {detail::tuned_heights<float>(), detail::tuned_heights<double>()}) {
    if (heights.main) heights.main->store(heights.candidates[0]);
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
