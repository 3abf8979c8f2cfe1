// A plan says what a product does, and a batch of products is one plan.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "matmul/division.h"
#include "matmul/registry.h"
#include "matmul_tester.h"
#include "tinytorch/error.h"
#include "tinytorch/ops.h"
#include "tinytorch/random.h"
#include "tinytorch/threads.h"

namespace tinytorch::testing {
namespace {

class MatmulPlan : public ::testing::Test {
 protected:
  void TearDown() override {
    set_num_threads(threads_before_);
    detail::division_limits = {};
  }

 private:
  int threads_before_ = num_threads();
};

/// Row-major operands of that shape, for a plan that reads none of them.
template <class T>
MatmulArgs<T> product(std::size_t m, std::size_t k, std::size_t n) {
  MatmulArgs<T> args;
  args.m = m;
  args.n = n;
  args.k = k;
  args.a_row = static_cast<std::ptrdiff_t>(k);
  args.b_row = args.c_row = static_cast<std::ptrdiff_t>(n);
  return args;
}

bool has_threads() { return kernels()[static_cast<std::size_t>(detail::find_kernel("threaded"))].available; }
bool has_vectors() { return kernels()[static_cast<std::size_t>(detail::find_kernel("simd"))].available; }

TEST_F(MatmulPlan, IsToldInWords) {
  const std::string text = explain(product<float>(64, 784, 256), kernel_id("naive"));
  EXPECT_EQ(text,
            "[64,784] . [784,256], float32: 25.7 million operations\n"
            "rung naive: The definition: one scalar sum for each element of C.\n"
            "one thread, rung naive: its loops\n"
            "  A is read where it is\n"
            "  B is read where it is\n"
            "bias and activation, where there are any: a second pass over C\n"
            "scratch: none\n");
  EXPECT_EQ(explain(product<float>(0, 3, 4)), "nothing: the result has no elements\n");
  EXPECT_EQ(explain(product<float>(2, 0, 4)), "zeros: the sums have no terms\n");
  EXPECT_THROW((void)explain(product<float>(2, 3, 4), 99), Error);
  if (!has_vectors()) return;
  const auto tells = [](std::size_t m, std::size_t k, std::size_t n, const char* words) {
    const std::string told = explain(product<double>(m, k, n), detail::best_single_kernel());
    EXPECT_NE(told.find(words), std::string::npos) << told;
  };
  tells(16, 16, 16, "small, so both operands are read where they are");
  tells(1, 300, 200, "so few rows");
  tells(200, 300, 5, "so few columns");
  tells(500, 500, 1000, "A is packed");
  tells(500, 500, 1000, "B is packed");
  tells(500, 500, 1000, "kept for all blocks of rows");
}

TEST_F(MatmulPlan, OfSeveralThreadsTellsHowCIsDivided) {
  if (!has_threads()) GTEST_SKIP() << "no threads";
  set_num_threads(2);
  const std::string rows = explain(product<float>(600, 500, 300)), columns = explain(product<float>(300, 500, 600));
  EXPECT_NE(rows.find("C divided by rows"), std::string::npos) << rows;
  EXPECT_NE(rows.find("B is packed once, by all threads together"), std::string::npos) << rows;
  EXPECT_NE(columns.find("C divided by columns"), std::string::npos) << columns;
  EXPECT_NE(columns.find("for 2 threads"), std::string::npos) << columns;
  set_num_threads(1);
  EXPECT_EQ(explain(product<float>(600, 500, 300)).find("C divided by"), std::string::npos);
}

// The parts cover C once, in order, and each has the plan of its length.
TEST_F(MatmulPlan, PartsCoverC) {
  if (!has_threads()) GTEST_SKIP() << "no threads";
  detail::division_limits.least_shared = 0;
  detail::division_limits.least_part = 1;
  Numbers numbers(3001);
  for (int round = 0; round < 400; ++round) {
    const auto size = [&] { return 1 + static_cast<std::size_t>(numbers.next() % 1500); };
    set_num_threads(2 + static_cast<int>(numbers.next() % 7));
    const MatmulArgs<float> args = product<float>(size(), 1 + size() / 40, size());
    const detail::Plan plan = detail::plan_of(detail::KernelArgs<float>{args}, detail::find_kernel("threaded"));
    if (!plan.first.divided) continue;
    const detail::DividedPlan& divided = *plan.first.divided;
    EXPECT_EQ(divided.edge(0), 0U);
    EXPECT_EQ(divided.edge(divided.parts), divided.length);
    for (std::size_t i = 0; i < divided.parts; ++i) {
      const std::size_t length = divided.edge(i + 1) - divided.edge(i);
      EXPECT_GT(length, 0U);
      EXPECT_EQ(std::count_if(divided.lengths.begin(), divided.lengths.end(),
                              [&](const auto& part) { return part.length == length; }) > 0,
                true)
          << args.m << 'x' << args.k << 'x' << args.n << ", part " << i << " of " << divided.parts;
      EXPECT_LE(divided.of(length).scratch, divided.region);
    }
    EXPECT_LE(divided.shared.at + divided.shared.size, plan.scratch);
  }
}

// Batches, broadcast and transposed ones too: the bits of one product after the other.
template <class T>
void check_batches(DType dtype, std::uint64_t seed) {
  Numbers numbers(seed);
  const auto below = [&](std::uint64_t size) { return static_cast<std::int64_t>(numbers.next() % size); };
  for (int round = 0; round < 60; ++round) {
    const std::int64_t outer = 1 + below(4), inner = 1 + below(40), m = 1 + below(40), k = 1 + below(70),
                       n = 1 + below(40);
    manual_seed(seed + static_cast<std::uint64_t>(round));
    Tensor a = Tensor::randn({below(3) ? outer : 1, inner, m, k}, dtype);
    Tensor b = below(2) ? Tensor::randn({below(2) ? inner : 1, k, n}, dtype)
                        : Tensor::randn({outer, 1, n, k}, dtype).transpose(-1, -2);
    if (below(3) == 0) a = a.transpose(0, 1);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round) + ", " + to_string(a.shape()) +
                 " . " + to_string(b.shape()));
    set_num_threads(1);
    Tensor alone;
    try {
      alone = ops::matmul(a, b);
    } catch (const Error&) {
      continue;  // shapes that do not broadcast
    }
    // One by one, through the two-dimensional product.
    Shape full = alone.shape();
    const Tensor wide_a = a.expand({full[0], full[1], m, k}), wide_b = b.expand({full[0], full[1], k, n});
    for (std::int64_t i = 0; i < full[0]; ++i) {
      for (std::int64_t j = 0; j < full[1]; ++j) {
        const auto at = [&](const Tensor& t) -> Tensor {
          return t.slice(0, i, i + 1).slice(1, j, j + 1).reshape({t.size(2), t.size(3)}).contiguous();
        };
        const Tensor one = ops::matmul(at(wide_a), at(wide_b)), expected = at(alone);
        EXPECT_EQ(std::memcmp(one.data<T>(), expected.data<T>(), static_cast<std::size_t>(m * n) * sizeof(T)), 0);
      }
    }
    for (const int threads : {2, 3, 4}) {
      set_num_threads(threads);
      for (const double least : {0.0, 128.0 * 1024}) {
        detail::division_limits.least_shared = detail::division_limits.waking = least;
        const Tensor divided = ops::matmul(a, b);
        EXPECT_EQ(std::memcmp(divided.data<T>(), alone.data<T>(), static_cast<std::size_t>(alone.numel()) * sizeof(T)),
                  0)
            << threads << " threads";
      }
    }
  }
}

TEST_F(MatmulPlan, BatchesHaveTheBitsOfTheirProducts) {
  check_batches<float>(DType::float32, 4001);
  check_batches<double>(DType::float64, 4002);
}

TEST_F(MatmulPlan, ABatchOfSmallProductsGoesToAllThreads) {
  const Tensor a = Tensor::zeros({64, 16, 32}), b = Tensor::zeros({64, 32, 16});
  const std::string alone = ops::explain_matmul(a, b, detail::best_single_kernel());
  EXPECT_NE(alone.find("a batch of 64 products, one after the other"), std::string::npos) << alone;
  if (!has_threads()) return;
  set_num_threads(3);
  const std::string text = ops::explain_matmul(a, b);
  EXPECT_NE(text.find("a batch of 64 products, side by side on 3 threads"), std::string::npos) << text;
  EXPECT_THROW((void)ops::explain_matmul(a, a), Error);
}

}  // namespace
}  // namespace tinytorch::testing
