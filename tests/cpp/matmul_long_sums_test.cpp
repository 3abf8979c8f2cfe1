// Long sums: rungs that sum k in blocks stay inside the bound that tinytorch/matmul.h states, which hardly grows with
// k.
#include <gtest/gtest.h>

#include <vector>

#include "matmul/registry.h"
#include "matmul_tester.h"
#include "tinytorch/threads.h"

namespace tinytorch::testing {
namespace {

/// `auto` and the rungs from `packed` on.
std::vector<KernelId> summing_by_blocks() {
  std::vector<KernelId> ids = runnable_kernels();
  std::erase_if(ids, [](KernelId id) { return id >= 0 && id < detail::find_kernel("packed"); });
  return ids;
}

class MatmulLongSums : public ::testing::TestWithParam<KernelId> {
 protected:
  template <class T>
  static void check(const MatmulCase& which, Data data, const auto& change) {
    SCOPED_TRACE(which);
    MatmulProblem<T> problem(which, data);
    change(problem);
    const double bound = sizeof(T) == 4 ? blocked_error_bound(which.k) : error_bound<T>(which.k);
    EXPECT_TRUE(matches<T>(problem.run(GetParam()), problem.reference(), which.n, bound));
  }
};

INSTANTIATE_TEST_SUITE_P(Registry, MatmulLongSums, ::testing::ValuesIn(summing_by_blocks()),
                         [](const auto& test) { return kernel_name(test.param); });

// 4096 * 4096 = 2^24, and then ones, which a single float32 sum would lose one and all.
TEST_P(MatmulLongSums, OnesAfterALargeProduct) {
  for (const Layout b : {Layout::rows, Layout::columns}) {
    for (const auto& [m, n] :
         {std::pair<std::size_t, std::size_t>{1, 1}, {2, 3}, {1, 16}, {1, 50}, {3, 4}, {8, 10}, {40, 48}}) {
      const std::size_t k = m * n > 20 ? 2'001 : 30'001;
      for (const bool accumulate : {false, true}) {
        const MatmulCase which{.m = m, .n = n, .k = k, .b = b, .accumulate = accumulate, .bias = accumulate};
        check<float>(which, Data::integers, [&](MatmulProblem<float>& problem) {
          for (std::size_t p = 0; p < k; ++p) {
            for (std::size_t i = 0; i < m; ++i) problem.a.at(i, p) = p == 0 ? 4096 : 1;
            for (std::size_t j = 0; j < n; ++j) problem.b.at(p, j) = p == 0 ? 4096 : 1;
          }
        });
      }
    }
  }
}

TEST_P(MatmulLongSums, AMillionRandomNumbers) {
  for (const auto& [m, n] : {std::pair<std::size_t, std::size_t>{1, 1}, {1, 6}, {4, 1}}) {
    const std::size_t k = 1'000'000;
    check<float>({.m = m, .n = n, .k = k, .relu = true}, Data::reals, [&](MatmulProblem<float>& problem) {
      for (std::size_t p = 0; p < k; ++p) {
        for (std::size_t i = 0; i < m; ++i) problem.a.at(i, p) = std::abs(problem.a.at(i, p));
        for (std::size_t j = 0; j < n; ++j) problem.b.at(p, j) = std::abs(problem.b.at(p, j));
      }
    });
  }
}

TEST_P(MatmulLongSums, EveryEdgeOfABlock) {
  for (const std::size_t k : {319, 320, 321, 511, 512, 513, 640, 641, 1023, 1024, 1025, 1537}) {
    for (const auto& [m, n] : {std::pair<std::size_t, std::size_t>{1, 37}, {2, 20}, {7, 10}, {13, 12}, {30, 33}}) {
      for (int flags = 0; flags < 4; ++flags) {
        const MatmulCase which{.m = m,
                               .n = n,
                               .k = k,
                               .padding = 2,
                               .accumulate = (flags & 1) != 0,
                               .bias = flags > 1,
                               .relu = flags == 3};
        check<float>(which, Data::reals, [](auto&) {});
        check<double>(which, Data::reals, [](auto&) {});
      }
    }
  }
}

}  // namespace
}  // namespace tinytorch::testing
