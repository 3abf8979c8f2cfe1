#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "parallel/parallel_for.h"

namespace tinytorch::testing {
namespace {

using detail::parallel_for;

/// Sets the number of threads for one test.
class Parallel : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_num_threads(GetParam()); }
  void TearDown() override { set_num_threads(before_); }

 private:
  int before_ = num_threads();
};

INSTANTIATE_TEST_SUITE_P(Threads, Parallel, ::testing::Values(1, 2, 3, 4));

TEST_P(Parallel, EveryIndexOnceInChunksOfTheGrain) {
  for (std::size_t count : {0, 1, 2, 7, 64, 1000}) {
    for (std::size_t grain : {0, 1, 3, 64, 5000}) {
      std::vector<int> seen(count, 0);
      const std::size_t step = std::max<std::size_t>(grain, 1);
      parallel_for(count, grain, [&](std::size_t begin, std::size_t end) {
        EXPECT_EQ(begin % step, 0u);
        EXPECT_EQ(end, std::min(begin + step, count));
        for (std::size_t i = begin; i < end; ++i) ++seen[i];
      });
      EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(count));
    }
  }
}

TEST_P(Parallel, ThreadNumbersNameScratchThatNobodyShares) {
  std::vector<std::atomic<int>> inside(static_cast<std::size_t>(num_threads()));
  for (int round = 0; round < 200; ++round) {
    parallel_for(16, 1, [&](std::size_t, std::size_t, std::size_t thread) {
      ASSERT_LT(thread, inside.size());
      EXPECT_EQ(inside[thread].fetch_add(1), 0);
      inside[thread].fetch_sub(1);
    });
  }
}

TEST_P(Parallel, NestedCallsRunInline) {
  std::atomic<int> total{0};
  parallel_for(8, 1, [&](std::size_t, std::size_t) {
    const auto outer = std::this_thread::get_id();
    parallel_for(5, 1, [&](std::size_t, std::size_t, std::size_t thread) {
      EXPECT_EQ(std::this_thread::get_id(), outer);
      EXPECT_EQ(thread, 0u);
      ++total;
    });
  });
  EXPECT_EQ(total, 40);
}

TEST_P(Parallel, WorkersWakeAgainAfterSleep) {
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // longer than they spin
    std::atomic<std::size_t> sum{0};
    parallel_for(100, 1, [&](std::size_t begin, std::size_t) { sum += begin; });
    EXPECT_EQ(sum, 4950u);
  }
}

#if TINYTORCH_THREADS
TEST_P(Parallel, AllThreadsTakePart) {
  // Each chunk waits until as many are under way as there are threads: one thread alone would never get past it.
  const int threads = num_threads();
  ASSERT_EQ(threads, GetParam());
  std::atomic<int> arrived{0};
  parallel_for(static_cast<std::size_t>(threads), 1, [&](std::size_t, std::size_t) {
    ++arrived;
    while (arrived < threads) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, threads);
}

TEST_P(Parallel, HelpIsNearForLargeJobsAndForSmallOnesThatKeepComing) {
  EXPECT_TRUE(detail::announce_job(true));
  if (GetParam() == 1) return;
  parallel_for(8, 1, [](std::size_t, std::size_t) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // far longer than anybody spins
  EXPECT_TRUE(detail::announce_job(true));
  bool near = false;  // the clock decides how soon, but not whether
  for (int job = 0; job < 100'000 && !near; ++job) near = detail::announce_job(false);
  EXPECT_TRUE(near);
}

TEST_P(Parallel, ManyCallersShareThePool) {
  std::vector<std::thread> callers;
  std::atomic<std::size_t> sum{0};
  for (int c = 0; c < 3; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        parallel_for(20, 1, [&](std::size_t begin, std::size_t) { sum += begin; });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum, 3u * 100 * 190);
}

TEST(ParallelChange, FewerThreadsAreNeverExceeded) {
  const int before = num_threads();
  for (int round = 0; round < 300; ++round) {
    const int threads = 1 + round % 4;
    set_num_threads(threads);
    parallel_for(12, 1, [&](std::size_t, std::size_t, std::size_t thread) {
      EXPECT_LT(thread, static_cast<std::size_t>(threads));
    });
  }
  set_num_threads(before);
}
#endif

TEST(ParallelLimits, NumberOfThreadsIsClamped) {
  const int before = num_threads();
  set_num_threads(-3);
  EXPECT_EQ(num_threads(), 1);
  set_num_threads(0);
  EXPECT_EQ(num_threads(), 1);
  set_num_threads(before);
  EXPECT_EQ(num_threads(), before);
}

}  // namespace
}  // namespace tinytorch::testing
