// Which register tile this machine is fastest with, and whether with A copied into tiles or where it stands: measured,
// not guessed from a name. Every element is summed in the same order whatever the tile, so the choice changes no
// result.
//
// Engines compile a wasm function quickly at first and well only after it has run for a while, so a measurement at load
// would compare two poor compilations. Hence steps on the way of the program's own products, with some milliseconds of
// them in between: the other tiles run a little (the engine takes notice), all are timed, and if one is faster than the
// usual one all are timed again: it is taken if it wins twice.
#include "matmul/tuning.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <tuple>

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
constexpr Plan kFinePlan{3, 0.1}, kCoarsePlan{2, 0.3};
constexpr int kWarmingProducts = 2;

/// 120 rows are whole tiles of 4, 5, 6 and 8; the columns are those of a middling layer. 25 microseconds.
constexpr std::size_t kRows = 120, kDepth = 64, kPanels = 12;
constexpr std::size_t kCandidates = std::tuple_size_v<decltype(TileChoices::candidates)>;
using Times = std::array<double, kCandidates>;

enum class Stage : unsigned char { begin, warmed, won_once, done };

struct State {
  Stage stage = Stage::begin;
  double work = 0, ms = 0;  ///< multiply-adds since the last step; milliseconds of all steps
  std::size_t taken = 0;    ///< of the candidates
  Times best{};             ///< milliseconds, of each candidate; 0 until timed
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
    if (!rows[id].missing() && functions.tile_choices) return &functions;
  }
  return nullptr;
}

/// How far apart the clock's readings are, in milliseconds; infinity where it hardly moves. The smallest of a few: a
/// browser lets some of its clock's ticks come late.
double clock_tick() {
  constexpr int ticks = 4, patience = 10000;  // readings, some 0.5 ms
  double last = measured_ms(), least = std::numeric_limits<double>::infinity();
  for (int seen = 0, i = 0; seen < ticks && i < patience; ++i) {
    const double now = measured_ms();
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
  explicit Trial(const KernelFunctions<T>& rung) : rung_(rung), tiles_(rung.tile_choices()) {
    const std::size_t n = kPanels * tiles_.columns, operands = kRows * kDepth + kDepth * n, result = kRows * n;
    args_.m = kRows;
    args_.n = n;
    args_.k = kDepth;
    args_.a_row = kDepth;
    args_.b_row = args_.c_row = static_cast<std::ptrdiff_t>(n);
    std::size_t scratch = 0;
    for (const TileChoice tile : tiles_.candidates) {
      tiles_.chosen->store(tile);
      scratch = std::max(scratch, rung.workspace_size(args_));
    }
    memory_.reset(new (std::nothrow) T[operands + result + scratch]());
    args_.a = memory_.get();
    args_.b = args_.a + kRows * kDepth;
    args_.c = memory_.get() + operands;
    args_.workspace = args_.c + result;
    args_.workspace_elements = scratch;
  }
  ~Trial() { tiles_.chosen->store(tiles_.candidates[0]); }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  [[nodiscard]] bool has_memory() const { return memory_ != nullptr; }

  /// Milliseconds a product of the best round: for all candidates in turn, so that a disturbance meets each.
  [[nodiscard]] Times time(const Plan& plan) const {
    Times best;
    best.fill(std::numeric_limits<double>::max());
    for (int round = 0; round < plan.rounds; ++round) {
      for (std::size_t i = 0; i < best.size(); ++i) {
        const double start = measured_ms();
        double spent = 0;
        int products = 0;
        while (spent < plan.ms) {
          run(i);
          ++products;
          spent = measured_ms() - start;
        }
        best[i] = std::min(best[i], spent / products);
      }
    }
    return best;
  }

  void run(std::size_t candidate) const {
    tiles_.chosen->store(tiles_.candidates[candidate]);
    rung_.run(args_);
  }

 private:
  const KernelFunctions<T>& rung_;
  TileChoices tiles_;
  KernelArgs<T> args_;
  std::unique_ptr<T[]> memory_;
};

/// The next step of the choice; says what has been reached.
template <class T>
Stage advance(const KernelFunctions<T>& rung, State& state) {
  const Trial<T> trial(rung);
  if (!trial.has_memory()) return Stage::done;
  if (state.stage == Stage::begin) {
    for (std::size_t other = 1; other < kCandidates; ++other) {
      for (int i = 0; i < kWarmingProducts; ++i) trial.run(other);
    }
    return Stage::warmed;
  }
  const double tick = clock_tick();
  if (tick > kCoarseTick) return Stage::done;
  const Plan& plan = tick > kFineTick ? kCoarsePlan : kFinePlan;
  state.best = trial.time(plan);
  const auto least = std::min_element(state.best.begin(), state.best.end());
  const double usual = state.best[0];
  const bool won = *least * kWorthChanging + usual * tick / plan.ms < usual;  // by more than the clock may be wrong
  if (won && state.stage == Stage::warmed) return Stage::won_once;
  if (won) state.taken = static_cast<std::size_t>(least - state.best.begin());
  return Stage::done;
}

}  // namespace

template <class T>
TileChoices tuned_choices() noexcept {
  const KernelFunctions<T>* rung = tuned_rung<T>();
  return rung ? rung->tile_choices() : TileChoices{};
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
  const double start = measured_ms();
  tuned.stage = advance(*rung, tuned);
  const TileChoices tiles = rung->tile_choices();
  tiles.chosen->store(tiles.candidates[tuned.taken]);
  tuned.ms += measured_ms() - start;
}

template TileChoices tuned_choices<float>() noexcept;
template TileChoices tuned_choices<double>() noexcept;
template void tune_on_the_way<float>(const MatmulArgs<float>&);
template void tune_on_the_way<double>(const MatmulArgs<double>&);

template <class T>
static TileTuning report() {
  const TileChoices tiles = tuned_choices<T>();
  const State& tuned = state<T>();
  TileTuning result;
  result.columns = tiles.columns;
  result.ms = tuned.ms;
  if (!tiles.chosen) return result;
  const TileChoice chosen = tiles.chosen->load();
  const auto flops = 2.0 * static_cast<double>(kRows * kDepth * kPanels * tiles.columns);
  for (std::size_t i = 0; i < tiles.candidates.size(); ++i) {
    const TileChoice tile = tiles.candidates[i];
    const bool timed = tuned.stage == Stage::done && tuned.best[i] > 0;
    if (tile == chosen) result.chosen = static_cast<int>(i);
    result.candidates.push_back({tile.rows, tile.packs_a, timed ? flops / tuned.best[i] / 1e6 : 0});
  }
  return result;
}

}  // namespace detail

void set_tuning(bool enabled) noexcept {
  detail::enabled = enabled;
  if (enabled) return;
  for (const detail::TileChoices& tiles : {detail::tuned_choices<float>(), detail::tuned_choices<double>()}) {
    if (tiles.chosen) tiles.chosen->store(tiles.candidates[0]);
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
