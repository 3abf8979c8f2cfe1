// What a job costs on the pool before any work is done: one after the other (the workers still spin), and after a
// pause in which they have gone to sleep. Start with --threads=2 or more.
#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>

#include "bench.h"
#include "parallel/parallel_for.h"
#include "tinytorch/threads.h"

namespace tinytorch::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// A job with a chunk for each thread, every one of which waits until all have been taken.
void meet() {
  std::atomic<int> arrived{0};
  const int threads = num_threads();
  detail::parallel_for(static_cast<std::size_t>(threads), 1, [&](std::size_t, std::size_t) {
    ++arrived;
    while (arrived < threads) {
    }
  });
}

void measure(benchmark::State& state, std::chrono::microseconds pause, bool asleep) {
  meet();
  for ([[maybe_unused]] auto _ : state) {
    if (asleep) {
      std::this_thread::sleep_for(pause);
    } else {
      for (const auto end = Clock::now() + pause; Clock::now() < end;) {
      }
    }
    const auto start = Clock::now();
    meet();
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - start).count());
  }
}

}  // namespace

void register_benchmarks() {
  using std::chrono::microseconds;
  const auto add = [](const char* name, microseconds pause, bool asleep) {
    benchmark::RegisterBenchmark(name, [=](benchmark::State& state) { measure(state, pause, asleep); })
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  };
  add("parallel/meet/at_once", microseconds(0), false);
  add("parallel/meet/after_10us", microseconds(10), false);
  add("parallel/meet/after_1ms", microseconds(1000), true);
}

}  // namespace tinytorch::bench
