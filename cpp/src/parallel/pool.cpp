// The thread pool behind parallel_for: workers that are started once, spin for a moment after each job because
// the next one is usually near (the layers of a network follow each other within microseconds), and then sleep.
//
// A job is a row of chunks. One word, `unclaimed_`, is everything a worker looks at: the job's number and how many
// chunks nobody has taken. Whoever lowers that count from r to r - 1 owns chunk `chunks - r`, and only then reads the
// rest of the job, which stays valid until that chunk, too, is counted off `unfinished_`. So a worker may come late, or
// never (in a browser a new worker starts when the event loop turns next): the others do its share and nobody waits
// for it. The job's number makes a claim fail that was prepared for an earlier job, under its number of threads.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <system_error>
#include <thread>

#include "parallel/parallel_for.h"
#ifdef __EMSCRIPTEN__
#include <emscripten/threading.h>

#include <cmath>
#endif

namespace tinytorch::detail {
namespace {

using Word = std::atomic<std::uint32_t>;

constexpr std::uint64_t one_job = std::uint64_t{1} << 32;
constexpr std::uint32_t chunks_in(std::uint64_t unclaimed) { return static_cast<std::uint32_t>(unclaimed); }

// On a browser's main thread, where sleeping is forbidden, Emscripten's futex polls instead.
void sleep_while(Word& word, std::uint32_t value) {
#ifdef __EMSCRIPTEN__
  emscripten_futex_wait(&word, value, INFINITY);
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

/// How long a thread spins before it sleeps. Waking a sleeper takes 5 to 50 microseconds, a spinning one half a
/// microsecond; the gap between two layers called from JavaScript is a few.
constexpr std::chrono::microseconds spin_time{80};

/// Where one thread waits for a condition that others make true. They change it by a sequentially consistent
/// store and then call wake(); `ready` reads it likewise, so that one of the two sees the other.
class alignas(128) WaitingPlace {
 public:
  template <class Ready>
  void wait(Ready ready) {
    const auto start = std::chrono::steady_clock::now();
    do {
      for (int i = 0; i < 200; ++i) {
        if (ready()) return;
      }
    } while (std::chrono::steady_clock::now() - start < spin_time);
    while (true) {
      asleep_.store(1);
      if (ready()) break;
      sleep_while(asleep_, 1);
    }
    asleep_.store(0);
  }

  void wake() {
    if (asleep_.load() == 0) return;
    asleep_.store(0);
    wake_sleeper(asleep_);
  }

 private:
  Word asleep_{0};
};

class Pool {
 public:
  static constexpr int max_threads = 64;

  Pool() : threads_(std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, max_threads)) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    stopping_.store(true);
    for (int i = 0; i < started_; ++i) workers_[i].place.wake();
    for (int i = 0; i < started_; ++i) workers_[i].thread.join();
  }

  [[nodiscard]] int threads() const noexcept { return threads_.load(); }

  void set_threads(int count) noexcept {
    threads_.store(std::clamp(count, 1, max_threads));
    start_missing();
  }

  bool run(std::size_t count, std::size_t grain, std::size_t chunks, RangeFunction fn) {
    if (chunks > UINT32_MAX || busy_.exchange(true, std::memory_order_acquire)) return false;
    start_missing();
    count_ = count;
    grain_ = grain;
    chunks_ = static_cast<std::uint32_t>(chunks);
    fn_ = &fn;
    unfinished_.store(chunks_);
    unclaimed_.store(unclaimed_.load() + one_job + chunks_);
    const int helpers = static_cast<int>(std::min<std::size_t>(chunks, static_cast<std::size_t>(threads()))) - 1;
    for (int i = 0; i < std::min(helpers, started_); ++i) workers_[i].place.wake();

    work(0);
    caller_.wait([this] { return unfinished_.load() == 0; });
    busy_.store(false, std::memory_order_release);
    return true;
  }

 private:
  struct Worker {
    WaitingPlace place;
    std::thread thread;
  };

  void start_missing() noexcept {
    try {
      for (; started_ < threads() - 1; ++started_) {
        workers_[started_].thread = std::thread([this, i = started_] { serve(i); });
      }
    } catch (const std::system_error&) {  // the system gives no more threads: make do with what there is
      threads_.store(started_ + 1);
    }
  }

  void serve(int index) {
    while (true) {
      workers_[index].place.wait(
          [&] { return stopping_.load() || (chunks_in(unclaimed_.load()) != 0 && index + 1 < threads()); });
      if (stopping_.load()) return;
      work(index + 1);
    }
  }

  void work(int thread) {
    std::uint64_t unclaimed = unclaimed_.load();
    while (chunks_in(unclaimed) != 0 && thread < threads()) {
      if (!unclaimed_.compare_exchange_weak(unclaimed, unclaimed - 1)) continue;
      const std::size_t begin = (chunks_ - chunks_in(unclaimed)) * grain_;
      (*fn_)(begin, begin + std::min(grain_, count_ - begin), static_cast<std::size_t>(thread));
      if (unfinished_.fetch_sub(1) == 1) caller_.wake();
      unclaimed = unclaimed_.load();
    }
  }

  // The job: written by the caller while nothing is unclaimed, read by those who have claimed a chunk.
  std::size_t count_ = 0;
  std::size_t grain_ = 1;
  std::uint32_t chunks_ = 0;
  const RangeFunction* fn_ = nullptr;

  alignas(128) std::atomic<std::uint64_t> unclaimed_{0};
  alignas(128) Word unfinished_{0};
  WaitingPlace caller_;
  std::atomic<bool> busy_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<int> threads_;
  int started_ = 0;  // changed by a caller only, under busy_ or set_num_threads()'s own condition
  std::array<Worker, max_threads - 1> workers_;
};

Pool& pool() {
  static Pool instance;
  return instance;
}

}  // namespace

bool run_on_pool(std::size_t count, std::size_t grain, std::size_t chunks, RangeFunction fn) {
  return pool().run(count, grain, chunks, fn);
}

}  // namespace tinytorch::detail

namespace tinytorch {

int num_threads() noexcept { return detail::pool().threads(); }
void set_num_threads(int count) noexcept { detail::pool().set_threads(count); }

}  // namespace tinytorch
