// How the rung `threaded` divides C, with the shapes that a division finds hard: random sizes around whole tiles,
// panels and parts, each with every tile that can be forced.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "matmul/registry.h"
#include "matmul_tester.h"
#include "tinytorch/threads.h"

namespace tinytorch::testing {
namespace {

/// A product of 128 K to 1 M multiply-adds, large enough to be divided and small enough for hundreds of them.
MatmulCase random_case(Numbers& numbers) {
  const auto below = [&](std::uint64_t size) { return static_cast<std::size_t>(numbers.next() % size); };
  static constexpr Layout layouts[] = {Layout::rows, Layout::rows, Layout::columns, Layout::padded_rows};
  MatmulCase which{};
  const std::size_t few = 1 + below(64), many = few + below(1500);
  which.m = below(4) == 0 ? many : few;
  which.n = which.m == few ? many : few;
  const std::size_t least = (std::size_t{128} << 10) / (few * many) + 1;
  which.k = least + below(1 + std::min<std::size_t>(7 * least, 700));
  which.a = layouts[below(4)];
  which.b = layouts[below(4)];
  which.padding = below(3);
  which.bias = below(2);
  which.relu = below(2);
  which.accumulate = below(2);
  return which;
}

// A sanitizer makes a product take ten times as long; its builds have assertions. There the product fuzzer runs as
// well.
#ifdef NDEBUG
constexpr int kRounds = 25;
#else
constexpr int kRounds = 6;
#endif

template <class T>
void check_random_divisions(std::uint64_t seed) {
  const KernelId threaded = detail::find_kernel("threaded");
  const auto best = static_cast<std::size_t>(detail::best_single_kernel());
  const detail::TileRange tiles = detail::kernel_rows()[best].functions<T>().tiles;
  Numbers numbers(seed);
  for (int round = 0; round < kRounds; ++round) {
    const MatmulCase which = random_case(numbers);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    SCOPED_TRACE(which);
    MatmulProblem<T> problem(which, Data::integers, numbers.next());
    const Reference reference = problem.reference();
    const std::uint16_t most = tiles.most;
    for (const detail::TileChoice tile : {detail::TileChoice{}, {0, true}, {most, true}, {tiles.least, false}}) {
      detail::forced_tile.store(tile);
      for (const int threads : {2, 3, 4}) {
        set_num_threads(threads);
        for (int again = 0; again < 6; ++again) {  // small products wait some rounds before they wake a worker
          ASSERT_TRUE(matches<T>(problem.run(threaded), reference, which.n, 0))
              << threads << " threads, tile of " << tile.rows << " rows, "
              << (tile.packs_a ? "A packed" : "A in place");
        }
      }
    }
  }
}

class MatmulThreadedDivision : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kernels()[static_cast<std::size_t>(detail::find_kernel("threaded"))].available) GTEST_SKIP() << "no threads";
  }
  void TearDown() override {
    set_num_threads(threads_before_);
    detail::forced_tile.store({});
  }

 private:
  int threads_before_ = num_threads();
};

TEST_F(MatmulThreadedDivision, RandomShapesWithEveryTile) {
  check_random_divisions<float>(1001);
  check_random_divisions<double>(1002);
}

// The last part has columns that fill no vector, so it needs a padded panel that the longer parts do not.
TEST_F(MatmulThreadedDivision, TheLastPartMayWantMoreScratchThanTheLongest) {
  for (const auto& [m, k, n] : {std::array<std::size_t, 3>{48, 128, 1001},
                                {32, 300, 5001},
                                {11, 20, 601},
                                {4, 784, 333},
                                {64, 784, 530},
                                {32, 64, 65},
                                {2, 512, 7013}}) {
    const MatmulCase which{.m = m, .n = n, .k = k};
    SCOPED_TRACE(which);
    MatmulProblem<float> problem(which, Data::integers);
    const Reference reference = problem.reference();
    set_num_threads(2);
    for (int again = 0; again < 8; ++again) {
      ASSERT_TRUE(matches<float>(problem.run(detail::find_kernel("threaded")), reference, n, 0));
    }
  }
}

}  // namespace
}  // namespace tinytorch::testing
