// Reproducibility: a product's bits depend on its arguments alone; not on the number of threads, on what ran before,
// or on how much of C is computed in one call.
#include <gtest/gtest.h>

#include <cstring>
#include <tuple>
#include <vector>

#include "matmul/registry.h"
#include "matmul_tester.h"
#include "tinytorch/dtype.h"
#include "tinytorch/error.h"
#include "tinytorch/threads.h"

namespace tinytorch::testing {
namespace {

class MatmulBits : public ::testing::TestWithParam<std::tuple<KernelId, DType>> {
 protected:
  void TearDown() override { set_num_threads(threads_before_); }

  template <class Check>
  static void for_type(Check check) {
    const auto [kernel, dtype] = GetParam();
    if (dtype == DType::float32) {
      check(kernel, float{});
    } else {
      check(kernel, double{});
    }
  }

 private:
  int threads_before_ = num_threads();
};

INSTANTIATE_TEST_SUITE_P(Registry, MatmulBits,
                         ::testing::Combine(::testing::ValuesIn(runnable_kernels()),
                                            ::testing::Values(DType::float32, DType::float64)),
                         kernel_and_type);

/// The rungs of our own: Eigen sums as it likes.
class MatmulOrder : public MatmulBits {};

std::vector<KernelId> own_kernels() {
  std::vector<KernelId> ids = runnable_kernels();
  std::erase(ids, detail::find_kernel("eigen"));
  return ids;
}

INSTANTIATE_TEST_SUITE_P(Registry, MatmulOrder,
                         ::testing::Combine(::testing::ValuesIn(own_kernels()),
                                            ::testing::Values(DType::float32, DType::float64)),
                         kernel_and_type);

TEST_P(MatmulBits, AreTheSameForAnyNumberOfThreads) {
  for_type([](KernelId kernel, auto type) {
    using T = decltype(type);
    for (const MatmulCase& which :
         {MatmulCase{.m = 64, .n = 256, .k = 784, .bias = true, .relu = true}, MatmulCase{.m = 1, .n = 517, .k = 300},
          MatmulCase{.m = 300, .n = 10, .k = 128, .accumulate = true}, MatmulCase{.m = 131, .n = 97, .k = 67},
          MatmulCase{.m = 97, .n = 131, .k = 64, .a = Layout::columns, .b = Layout::columns}}) {
      SCOPED_TRACE(which);
      MatmulProblem<T> problem(which, Data::reals);
      set_num_threads(1);
      const std::vector<T> expected = problem.run(kernel);
      for (const int threads : {2, 3, 4}) {
        set_num_threads(threads);
        for (int round = 0; round < 3; ++round) {
          EXPECT_TRUE(same_bits(problem.run(kernel), expected)) << threads << " threads";
        }
      }
    }
  });
}

// What only `threaded` does: more parts than threads, and one operand packed by all of them together.
template <class T>
void check_division(const MatmulCase& which) {
  SCOPED_TRACE(which);
  const KernelId threaded = kernel_id("threaded");
  MatmulProblem<T> problem(which, Data::reals);
  set_num_threads(1);
  const std::vector<T> expected = problem.run(threaded);
  EXPECT_TRUE(matches<T>(expected, problem.reference(), which.n, error_bound<T>(which.k)));
  for (const int threads : {2, 3, 4}) {
    set_num_threads(threads);
    for (int round = 0; round < 6; ++round) {  // small products wait some rounds before they wake a worker
      EXPECT_TRUE(same_bits(problem.run(threaded), expected)) << threads << " threads";
    }
  }
}

TEST(MatmulDivision, SharedOperandsKeepTheBits) {
  if (!kernels()[static_cast<std::size_t>(detail::find_kernel("threaded"))].available) GTEST_SKIP();
  const int before = num_threads();
  for (const MatmulCase& which :
       {MatmulCase{.m = 64, .n = 64, .k = 64}, MatmulCase{.m = 65, .n = 64, .k = 67, .shift = 1, .padding = 3},
        MatmulCase{.m = 260, .n = 251, .k = 530, .padding = 5, .accumulate = true, .bias = true, .relu = true},
        MatmulCase{.m = 205, .n = 205, .k = 205, .a = Layout::columns, .b = Layout::columns},
        MatmulCase{.m = 199, .n = 301, .k = 530, .padding = 1, .accumulate = true, .bias = true, .relu = true},
        MatmulCase{.m = 99, .n = 1029, .k = 33, .a = Layout::columns},
        MatmulCase{.m = 70, .n = 160, .k = 90, .a = Layout::strided, .b = Layout::reversed, .bias = true},
        MatmulCase{.m = 2, .n = 700, .k = 600, .bias = true, .relu = true}, MatmulCase{.m = 1, .n = 1100, .k = 1000},
        MatmulCase{.m = 1500, .n = 7, .k = 60}, MatmulCase{.m = 3200, .n = 9, .k = 20, .bias = true}}) {
    check_division<float>(which);
    check_division<double>(which);
  }
  set_num_threads(before);
}

// With several threads a B of several megabytes is multiplied some columns at a time.
template <class T>
void check_large_b() {
  MatmulProblem<T> problem({.m = 610, .n = 607, .k = 2003, .bias = true}, Data::reals);
  set_num_threads(1);
  const std::vector<T> expected = problem.run(kAutoKernel);
  for (const int threads : {2, 3}) {
    set_num_threads(threads);
    EXPECT_TRUE(same_bits(problem.run(kAutoKernel), expected)) << threads << " threads";
  }
}

TEST(MatmulThreads, ALargeBGivesTheSameBits) {
  const int before = num_threads();
  check_large_b<float>();
  check_large_b<double>();
  set_num_threads(before);
}

// A k of 2^29 numbers of 8 bytes is a size that 32 bits cannot say; views with stride 0 have such a k and no such
// memory.
TEST(MatmulThreads, MoreBytesOfKThanAddresses) {
  if (sizeof(std::size_t) > 4) GTEST_SKIP() << "addresses of 64 bits";
  const int before = num_threads();
  set_num_threads(2);
  const double zero = 0;
  double result = 1;
  MatmulArgs<double> args;
  args.m = args.n = 1;
  args.k = std::size_t{1} << 29;
  args.a = args.b = &zero;
  args.c = &result;
  args.a_row = args.a_col = args.b_row = args.b_col = 0;
  args.c_row = 1;
  matmul(args);
  EXPECT_EQ(result, 0);
  set_num_threads(before);
}

template <class T>
void check_tiles() {
  const auto best = static_cast<std::size_t>(detail::best_single_kernel());
  const detail::TileRange tiles = detail::kernel_rows()[best].functions<T>().tiles;
  for (const MatmulCase& which :
       {MatmulCase{.m = 131, .n = 101, .k = 530, .accumulate = true, .bias = true, .relu = true},
        MatmulCase{.m = 64, .n = 144, .k = 70, .a = Layout::columns}, MatmulCase{.m = 5, .n = 9, .k = 7},
        MatmulCase{.m = 7, .n = 30, .k = 40, .b = Layout::columns}, MatmulCase{.m = 300, .n = 10, .k = 128},
        MatmulCase{.m = 205, .n = 203, .k = 201, .a = Layout::strided}}) {
    SCOPED_TRACE(which);
    MatmulProblem<T> problem(which, Data::reals);
    const std::vector<T> expected = problem.run(kAutoKernel);
    for (std::uint16_t rows = tiles.least; rows <= tiles.most; ++rows) {
      for (const bool packs_a : {false, true}) {
        detail::forced_tile.store({rows, packs_a});
        EXPECT_TRUE(same_bits(problem.run(kAutoKernel), expected)) << rows << " rows, " << (packs_a ? "packed" : "not");
      }
    }
    detail::forced_tile.store({});
  }
}

TEST(MatmulTiles, EveryTileGivesTheSameBits) {
  const int before = num_threads();
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    check_tiles<float>();
    check_tiles<double>();
  }
  set_num_threads(before);
}

TEST(MatmulTiles, AreForcedAndGivenBack) {
  const auto& rung = detail::kernel_rows()[static_cast<std::size_t>(detail::best_single_kernel())];
  const detail::TileRange range = rung.functions<float>().tiles;
  MatmulArgs<float> args;
  args.m = args.n = args.k = 1000;
  args.a_row = args.b_row = args.c_row = 1000;
  const std::string usual = explain(args);
  set_tile({range.most, true});
  EXPECT_EQ(forced_tile().rows, range.most);
  EXPECT_NE(explain(args).find("tiles of " + std::to_string(range.most) + " rows"), std::string::npos) << explain(args);
  for (const int rows : {range.least - 1, range.most + 1, -1, 1 << 20}) {
    EXPECT_THROW(set_tile({rows, false}), Error);
    EXPECT_EQ(forced_tile().rows, range.most);
  }
  set_tile({});
  EXPECT_EQ(explain(args), usual);
}

TEST_P(MatmulBits, DoNotDependOnWhatRanBefore) {
  for_type([](KernelId kernel, auto type) {
    using T = decltype(type);
    MatmulProblem<T> small({.m = 7, .n = 11, .k = 13, .b = Layout::columns}, Data::reals);
    MatmulProblem<T> large({.m = 90, .n = 95, .k = 85, .a = Layout::strided, .b = Layout::strided}, Data::reals, 2);
    const std::vector<T> expected = small.run(kernel);
    (void)large.run(kernel);
    EXPECT_TRUE(same_bits(small.run(kernel), expected));
    large.a.at(0, 0) = std::numeric_limits<T>::quiet_NaN();  // may stay behind in the workspace
    (void)large.run(kernel);
    EXPECT_TRUE(same_bits(small.run(kernel), expected));
  });
}

// Each element is the sum over p = 0, 1, ... in this order, so it does not matter where in
// a tile, or in whose share of C, it was computed.
TEST_P(MatmulOrder, DoesNotDependOnHowCIsDivided) {
  for_type([](KernelId kernel, auto type) {
    using T = decltype(type);
    constexpr std::size_t m = 45, n = 38, k = 530;
    MatmulProblem<T> problem({.m = m, .n = n, .k = k}, Data::reals);
    const std::vector<T> expected = problem.run(kernel);
    for (const auto& [rows, columns] : {std::pair{1, 38}, {45, 1}, {5, 7}, {13, 16}, {44, 37}}) {
      const auto height = static_cast<std::size_t>(rows), width = static_cast<std::size_t>(columns);
      std::vector<T> c(m * n, std::numeric_limits<T>::quiet_NaN());
      for (std::size_t i = 0; i < m; i += height) {
        for (std::size_t j = 0; j < n; j += width) {
          MatmulArgs<T> part = problem.args();
          part.m = std::min(height, m - i);
          part.n = std::min(width, n - j);
          part.a += static_cast<std::ptrdiff_t>(i) * part.a_row;
          part.b += j;
          part.c = c.data() + i * n + j;
          part.c_row = n;
          matmul(part, kernel);
        }
      }
      EXPECT_TRUE(same_bits(c, expected)) << "in parts of " << rows << " x " << columns;
    }
  });
}

}  // namespace
}  // namespace tinytorch::testing
