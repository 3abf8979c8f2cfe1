// The thread pool behind parallel_for. Workers are started once. After each job they spin for a moment, because the
// next job usually follows within microseconds (the layers of a network), and then they sleep.
//
// A job is a row of chunks. One word, `unclaimed_`, is all that a worker looks at: the job's number, and the chunks
// that nobody has taken, from `front` to `back`.
//
//     | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
//     ------>| front           back |<----
//     caller   nobody has these   workers
//
// - The caller takes chunks from the front, workers from the back. When a program repeats its calls, each thread finds
//   much of the same data in its own cache.
// - A thread claims a chunk by moving an end over it. Only then does it read the rest of the job, which stays valid
//   until that chunk is counted off `unfinished_`.
// - So a worker may come late, or never: the others do its share, and nobody waits for it. (In a browser, a new worker
//   starts when the event loop turns next.)
// - The job's number makes a claim fail that a thread prepared for an earlier job.
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>

#include "base/clock.h"
#include "parallel/parallel_for.h"
#include "parallel/thread.h"
#ifdef __EMSCRIPTEN__
#include <emscripten/html5.h>
#include <emscripten/threading.h>
#endif

namespace tinytorch::detail {
namespace {

using Word = std::atomic<std::uint32_t>;

/// The job's number, then front and back.
constexpr int kEndBits = 20;
constexpr std::uint64_t kMaxChunks = (std::uint64_t{1} << kEndBits) - 1;
constexpr std::uint64_t kOneAtFront = std::uint64_t{1} << kEndBits, kOneJob = kOneAtFront << kEndBits;
constexpr std::uint64_t front_of(std::uint64_t unclaimed) { return unclaimed >> kEndBits & kMaxChunks; }
constexpr std::uint64_t back_of(std::uint64_t unclaimed) { return unclaimed & kMaxChunks; }
constexpr bool any_left(std::uint64_t unclaimed) { return front_of(unclaimed) != back_of(unclaimed); }

// Sleeps while `word` is `value`. May return early. In a module it returns after `most_ms` even if nobody wakes it.
// Emscripten's own wait is not used, because it throws a JavaScript exception when a worker has crashed. A browser's
// main thread may not sleep, so it polls.
void sleep_while(Word& word, std::uint32_t value, [[maybe_unused]] double most_ms) {
#ifdef __EMSCRIPTEN__
  if (emscripten_is_main_browser_thread()) {
    const double end = now_ms() + most_ms;
    while (word.load() == value && now_ms() < end) continue;
  } else {
    const std::int64_t nanoseconds = std::isinf(most_ms) ? -1 : static_cast<std::int64_t>(most_ms * 1e6);
    __builtin_wasm_memory_atomic_wait32(reinterpret_cast<int*>(&word), static_cast<int>(value), nanoseconds);
  }
#else
  word.wait(value);
#endif
}

void wake_sleeper(Word& word) {
#ifdef __EMSCRIPTEN__
  emscripten_futex_wake(&word, 1);
#else
  word.notify_one();
#endif
}

/// How long a thread spins before it sleeps. A spinning thread starts much sooner than a sleeping one can be woken
/// (docs/benchmarks.md, "Choices"). After a few waits that ended while it spun, a thread spins longer.
constexpr double kFirstSpinMs = 0.08, kLaterSpinMs = 0.3;
constexpr int kWaitsBeforeLaterSpin = 3;

/// Small jobs wake nobody until this many have followed each other, each at most this far apart.
constexpr int kJobsBeforeWaking = 4;
constexpr double kJobDistanceMs = 0.1;

/// In a module a worker can die while it has a chunk: it crashes, or the page, the engine or the system ends it. The
/// thread that waits for the chunk is not told. It gives up after this long, or after this many times the duration of
/// its own chunk of the same size, whichever is longer.
constexpr double kLeastPatienceMs = 10'000, kPatienceInChunks = 20;
constexpr double kLookAroundMs = 500;

/// Where one thread waits for a condition that others make true. They change it by a sequentially consistent
/// store and then call wake(); `ready` reads it likewise, so that one of the two sees the other.
class alignas(128) WaitingPlace {
 public:
  template <class Ready>
  void wait(Ready ready) {
    wait(ready, INFINITY, [] { return false; });
  }
  /// The same, with a look at `gives_up` every `most_ms`. False where it gave up.
  template <class Ready, class GivesUp>
  bool wait(Ready ready, double most_ms, GivesUp gives_up) {
    if (spin(ready)) {
      short_waits_ = std::min(short_waits_ + 1, kWaitsBeforeLaterSpin);
      return true;
    }
    short_waits_ = 0;
    // If a worker wakes after the job is done, it keeps spinning for the next one. Otherwise it might always arrive
    // late.
    do {
      if (gives_up()) return false;
      asleep_.store(1);
      if (!ready()) sleep_while(asleep_, 1, most_ms);
      asleep_.store(0);
    } while (!spin(ready));
    return true;
  }

  void wake() {
    if (asleep_.load() == 0) return;
    asleep_.store(0);
    wake_sleeper(asleep_);
  }

  [[nodiscard]] bool asleep() const { return asleep_.load(std::memory_order_relaxed) != 0; }

 private:
  template <class Ready>
  [[nodiscard]] bool spin(Ready ready) const {
    constexpr int looks = 200;  // between two looks at the clock, which is JavaScript in a browser
    for (int i = 0; i < looks; ++i) {
      if (ready()) return true;
    }
    const double end = now_ms() + (short_waits_ < kWaitsBeforeLaterSpin ? kFirstSpinMs : kLaterSpinMs);
    do {
      for (int i = 0; i < looks; ++i) {
        if (ready()) return true;
      }
    } while (now_ms() < end);
    return false;
  }

  Word asleep_{0};
  int short_waits_ = 0;
};

class Pool {
 public:
  static constexpr int kMaxThreads = 64;

  Pool() : threads_(std::clamp(Thread::processors(), 1, kMaxThreads)) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    stopping_.store(true);
    for (int i = 0; i < started_; ++i) workers_[i].place.wake();
    for (int i = 0; i < started_; ++i) workers_[i].thread.join();
  }

  [[nodiscard]] int threads() const noexcept { return threads_.load(); }

  void set_threads(int count) noexcept {
    threads_.store(std::clamp(count, 1, kMaxThreads));
    start_missing();
  }

  [[nodiscard]] bool announce_job(bool large) noexcept {
    const int wanted = threads() - 1;
    if (large || started_.load() < wanted) return true;
    for (int i = 0; i < wanted; ++i) {
      if (!workers_[i].place.asleep()) return true;
    }
    const double now = now_ms();
    const bool soon = now - last_lonely_job_ms_.exchange(now) < kJobDistanceMs;
    return (lonely_jobs_ = soon ? lonely_jobs_ + 1 : 1) > kJobsBeforeWaking;
  }

  bool run(std::size_t count, std::size_t grain, std::size_t chunks, RangeFunction fn) {
    if (chunks > kMaxChunks || busy_.exchange(true, std::memory_order_acquire)) return false;
    start_missing();
    count_ = count;
    grain_ = grain;
    fn_ = &fn;
    unfinished_.store(static_cast<std::uint32_t>(chunks));
    job_ += kOneJob;
    unclaimed_.store(job_ | kOneAtFront | chunks);  // the first chunk is the caller's
    const int helpers = static_cast<int>(std::min<std::size_t>(chunks, static_cast<std::size_t>(threads()))) - 1;
    for (int i = 0; i < std::min(helpers, started_.load()); ++i) workers_[i].place.wake();

#ifdef __EMSCRIPTEN__
    const double start = emscripten_date_now();  // whole milliseconds suffice, and this clock is cheaper
    run_chunk(0, 0);
    const double chunk_ms = emscripten_date_now() - start;
    work(0);
    if (!wait_for_workers(std::max(kLeastPatienceMs, kPatienceInChunks * chunk_ms))) throw WorkerLost();
#else
    run_chunk(0, 0);
    work(0);
    caller_.wait([this] { return unfinished_.load() == 0; });
#endif
    busy_.store(false, std::memory_order_release);
    return true;
  }

 private:
  struct Worker {
    WaitingPlace place;
    Thread thread;
    Pool* pool = nullptr;
    int index = 0;
  };

  void start_missing() noexcept {
    for (; started_ < threads() - 1; ++started_) {
      Worker& worker = workers_[started_];
      worker.pool = this;
      worker.index = started_;
      if (!worker.thread.start(serve, &worker)) {
        threads_.store(started_ + 1);  // use only the workers that have started
        return;
      }
    }
  }

  /// False if no chunk was finished for that long: the worker that has one must be dead.
  [[nodiscard]] bool wait_for_workers(double patience_ms) {
    double last_change = 0;
    std::uint32_t last_seen = UINT32_MAX;  // more chunks than any job has
    const auto gives_up = [&] {
      const double now = now_ms();
      const std::uint32_t unfinished = unfinished_.load();
      if (unfinished != last_seen) last_change = now;
      last_seen = unfinished;
      return now - last_change > patience_ms;
    };
    return caller_.wait([this] { return unfinished_.load() == 0; }, kLookAroundMs, gives_up);
  }

  static void serve(void* argument) {
    Worker& self = *static_cast<Worker*>(argument);
    Pool& pool = *self.pool;
    while (true) {
      self.place.wait([&] {
        return pool.stopping_.load() || (any_left(pool.unclaimed_.load()) && self.index + 1 < pool.threads());
      });
      if (pool.stopping_.load()) return;
      pool.work(self.index + 1);
    }
  }

  void work(int thread) {
    std::uint64_t unclaimed = unclaimed_.load();
    while (any_left(unclaimed) && thread < threads()) {
      if (!unclaimed_.compare_exchange_weak(unclaimed, thread == 0 ? unclaimed + kOneAtFront : unclaimed - 1)) continue;
      run_chunk(static_cast<std::size_t>(thread == 0 ? front_of(unclaimed) : back_of(unclaimed) - 1), thread);
      unclaimed = unclaimed_.load();
    }
  }

  void run_chunk(std::size_t chunk, int thread) {
    const std::size_t begin = chunk * grain_;
    (*fn_)(begin, begin + std::min(grain_, count_ - begin), static_cast<std::size_t>(thread));
    if (unfinished_.fetch_sub(1) == 1) caller_.wake();
  }

  // The job: written by the caller while nothing is unclaimed, read by those who have claimed a chunk.
  std::size_t count_ = 0;
  std::size_t grain_ = 1;
  const RangeFunction* fn_ = nullptr;

  alignas(128) std::atomic<std::uint64_t> unclaimed_{0};
  alignas(128) Word unfinished_{0};
  WaitingPlace caller_;
  std::atomic<bool> busy_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<int> threads_;
  std::atomic<int> started_{0};  // only a caller changes it, while busy_ or where no operation may run (threads.h)
  std::array<Worker, kMaxThreads - 1> workers_;
  std::uint64_t job_ = 0;
  std::atomic<int> lonely_jobs_{0};  // small jobs in a row that found all workers asleep
  std::atomic<double> last_lonely_job_ms_{0};
};

Pool& pool() {
  static Pool instance;
  return instance;
}

}  // namespace

bool announce_job(bool large) { return pool().announce_job(large); }

bool run_on_pool(std::size_t count, std::size_t grain, std::size_t chunks, RangeFunction fn) {
  return pool().run(count, grain, chunks, fn);
}

}  // namespace tinytorch::detail

namespace tinytorch {

int num_threads() noexcept { return detail::pool().threads(); }
void set_num_threads(int count) noexcept { detail::pool().set_threads(count); }

}  // namespace tinytorch
