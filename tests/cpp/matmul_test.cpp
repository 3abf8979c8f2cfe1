// Every rung of the registry x both types x the shapes, strides, epilogues and values that break kernels.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "matmul_tester.h"
#include "tinytorch/dtype.h"

namespace tinytorch::testing {
namespace {

class Matmul : public ::testing::TestWithParam<std::tuple<KernelId, DType>> {
 protected:
  static void check(const MatmulCase& which) {
    const auto [kernel, dtype] = GetParam();
    if (dtype == DType::float32) {
      check_case<float>(which, kernel);
    } else {
      check_case<double>(which, kernel);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Registry, Matmul,
                         ::testing::Combine(::testing::ValuesIn(runnable_kernels()),
                                            ::testing::Values(DType::float32, DType::float64)),
                         kernel_and_type);

// Around every register tile in use (4, 5, 6, 8 rows; 4, 8, 16 columns): tile - 1, tile, tile + 1, and mixtures.
TEST_P(Matmul, TileEdges) {
  for (std::size_t m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 13}) {
    for (std::size_t n : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 16, 17}) {
      check({.m = m, .n = n, .k = 5});
    }
  }
}

TEST_P(Matmul, EveryInnerSize) {
  for (std::size_t k = 0; k <= 20; ++k) check({.m = 7, .n = 9, .k = k});
}

TEST_P(Matmul, EmptyInEveryDirection) {
  for (std::size_t m : {0, 3}) {
    for (std::size_t n : {0, 5}) {
      for (std::size_t k : {0, 4}) {
        check({.m = m, .n = n, .k = k, .padding = 2});
        check({.m = m, .n = n, .k = k, .padding = 2, .accumulate = true, .bias = true, .relu = true});
      }
    }
  }
}

// Block sizes of the packed rungs are powers of two or multiples of 6: both sides of each, and more than one block.
TEST_P(Matmul, BlockEdges) {
  for (std::size_t k : {127, 128, 129, 255, 256, 257, 383, 384, 385, 511, 512, 513, 769}) {
    check({.m = 5, .n = 9, .k = k});
  }
  for (std::size_t m : {71, 72, 73, 95, 96, 97, 127, 128, 129, 193}) check({.m = m, .n = 10, .k = 33});
  for (std::size_t n : {255, 256, 257, 511, 513}) check({.m = 7, .n = n, .k = 19});
}

TEST_P(Matmul, Primes) {
  check({.m = 31, .n = 37, .k = 41});
  check({.m = 67, .n = 61, .k = 71});
  check({.m = 101, .n = 103, .k = 107});
}

TEST_P(Matmul, TallSkinnyAndVectors) {
  check({.m = 523, .n = 1, .k = 7});
  check({.m = 523, .n = 3, .k = 2});
  check({.m = 1, .n = 523, .k = 7});
  check({.m = 2, .n = 523, .k = 3});
  check({.m = 1, .n = 1, .k = 1031});
  check({.m = 3, .n = 2, .k = 1031});
  check({.m = 1, .n = 256, .k = 784});
  check({.m = 64, .n = 10, .k = 128});
  check({.m = 200, .n = 210, .k = 1});
}

TEST_P(Matmul, LargerThanTheCache) { check({.m = 20, .n = 390, .k = 390}); }

TEST_P(Matmul, EveryLayoutOfBothOperands) {
  for (Layout a :
       {Layout::rows, Layout::columns, Layout::padded_rows, Layout::strided, Layout::reversed, Layout::repeated_row}) {
    for (Layout b : {Layout::rows, Layout::columns, Layout::padded_rows, Layout::strided, Layout::reversed,
                     Layout::repeated_row}) {
      check({.m = 1, .n = 1, .k = 6, .a = a, .b = b});
      check({.m = 1, .n = 18, .k = 9, .a = a, .b = b});
      check({.m = 18, .n = 1, .k = 9, .a = a, .b = b});
      check({.m = 11, .n = 13, .k = 1, .a = a, .b = b});
      for (std::size_t n : {5, 10}) check({.m = 8, .n = n, .k = 7, .a = a, .b = b, .padding = 1, .bias = true});
      check({.m = 11, .n = 19, .k = 23, .a = a, .b = b, .padding = 5});
      check({.m = 50, .n = 47, .k = 45, .a = a, .b = b, .accumulate = true, .bias = true});
    }
  }
}

TEST_P(Matmul, Misaligned) {
  for (std::size_t shift : {1, 2, 3}) {
    check({.m = 9, .n = 17, .k = 11, .shift = shift, .padding = shift, .bias = true});
    check({.m = 1, .n = 33, .k = 17, .shift = shift});
    check({.m = 37, .n = 40, .k = 29, .shift = shift, .padding = 1, .accumulate = true});
  }
}

TEST_P(Matmul, AccumulateBiasAndReluInEveryCombination) {
  for (int bits = 0; bits < 8; ++bits) {
    for (const MatmulCase& shape :
         {MatmulCase{1, 1, 1}, MatmulCase{1, 10, 64}, MatmulCase{6, 8, 5}, MatmulCase{7, 6, 9}, MatmulCase{13, 11, 300},
          MatmulCase{64, 10, 31}, MatmulCase{45, 70, 33}}) {
      MatmulCase which = shape;
      which.accumulate = bits & 1;
      which.bias = bits & 2;
      which.relu = bits & 4;
      which.padding = 3;
      check(which);
    }
  }
}

// The activation belongs to the finished sum, the bias into it once, however many blocks k is cut into.
TEST_P(Matmul, EpilogueOnceForAnyNumberOfBlocks) {
  for (std::size_t k : {300, 330, 520, 700, 1031}) {
    check({.m = 7, .n = 9, .k = k, .bias = true, .relu = true});
    check({.m = 1, .n = 21, .k = k, .accumulate = true, .bias = true, .relu = true});
  }
}

TEST_P(Matmul, TrainingStepShapes) {
  check({.m = 97, .n = 50, .k = 64, .a = Layout::columns, .accumulate = true});  // dW += X^T . dY
  check({.m = 64, .n = 97, .k = 50, .b = Layout::columns});                      // dX = dY . W^T
}

template <class T>
void check_special_values(KernelId kernel) {
  constexpr T nan = std::numeric_limits<T>::quiet_NaN();
  constexpr T inf = std::numeric_limits<T>::infinity();
  for (const MatmulCase& shape : {MatmulCase{5, 9, 7}, MatmulCase{1, 11, 6}, MatmulCase{11, 1, 6},
                                  MatmulCase{35, 34, 37}, MatmulCase{6, 16, 4}}) {
    for (const bool relu : {false, true}) {
      MatmulCase which = shape;
      which.bias = which.relu = relu;
      SCOPED_TRACE(which);
      for (const T special : {nan, inf, -inf}) {
        // At the last row and column, where a kernel pads its tiles; zeros across make 0 x inf = NaN in some
        // elements, which must not leak into their neighbours.
        MatmulProblem<T> in_a(which, Data::integers);
        in_a.a.at(which.m - 1, which.k - 1) = special;
        for (std::size_t j = 0; j < which.n; j += 3) in_a.b.at(which.k - 1, j) = 0;
        EXPECT_TRUE(matches<T>(in_a.run(kernel), in_a.reference(), which.n, 0));

        MatmulProblem<T> in_b(which, Data::integers);
        in_b.b.at(0, which.n - 1) = special;
        for (std::size_t i = 0; i < which.m; i += 2) in_b.a.at(i, 0) = 0;
        EXPECT_TRUE(matches<T>(in_b.run(kernel), in_b.reference(), which.n, 0));

        MatmulProblem<T> in_bias(which, Data::integers);
        in_bias.bias.at(0, which.n / 2) = special;
        EXPECT_TRUE(matches<T>(in_bias.run(kernel), in_bias.reference(), which.n, 0));
      }
    }
  }
}

TEST_P(Matmul, NanAndInfinityGoWhereTheyShouldAndNowhereElse) {
  const auto [kernel, dtype] = GetParam();
  if (dtype == DType::float32) {
    check_special_values<float>(kernel);
  } else {
    check_special_values<double>(kernel);
  }
}

// Overflow to infinity and gradual underflow are values like any other: powers of two, so every rung is exact.
template <class T>
void check_extremes(KernelId kernel) {
  for (const T scale : {std::numeric_limits<T>::max() / 4, std::numeric_limits<T>::denorm_min()}) {
    const MatmulCase which{6, 9, 1};
    MatmulProblem<T> problem(which, Data::integers);
    for (std::size_t i = 0; i < which.m; ++i) problem.a.at(i, 0) *= scale;
    const std::vector<T> c = problem.run(kernel);
    for (std::size_t at = 0; at < c.size(); ++at) {
      EXPECT_EQ(c[at], problem.a.at(at / which.n, 0) * problem.b.at(0, at % which.n));
    }
  }
}

TEST_P(Matmul, ExtremeValues) {
  const auto [kernel, dtype] = GetParam();
  if (dtype == DType::float32) {
    check_extremes<float>(kernel);
  } else {
    check_extremes<double>(kernel);
  }
}

}  // namespace
}  // namespace tinytorch::testing
