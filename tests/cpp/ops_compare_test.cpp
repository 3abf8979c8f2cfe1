#include <cmath>

#include "tensor_tester.h"
#include "tinytorch/ops.h"

namespace tinytorch::testing {
namespace {

TEST(Compare, AllcloseIsNumPys) {
  const Tensor a = tensor({3}, {1, 2, 3});
  EXPECT_TRUE(ops::allclose(a, a));
  EXPECT_TRUE(ops::allclose(a, tensor64({3}, {1, 2, 3.00002})));
  EXPECT_FALSE(ops::allclose(a, tensor64({3}, {1, 2, 3.0001})));
  EXPECT_TRUE(ops::allclose(a, tensor64({3}, {1, 2, 3.0001}), 1e-4));
  EXPECT_TRUE(ops::allclose(a, tensor64({3}, {1, 2, 3.0001}), 0, 2e-4));
  EXPECT_FALSE(ops::allclose(tensor({1}, {0}), tensor64({1}, {1e-7})));
  EXPECT_TRUE(ops::allclose(Tensor::full({2, 3}, 4), Tensor::scalar(4, DType::int32)));
  EXPECT_TRUE(ops::allclose(Tensor::zeros({0}), Tensor::zeros({0})));
  EXPECT_ERROR(ops::allclose(a, Tensor::zeros({2})), ErrorCode::shape,
               "allclose: shapes do not broadcast: a is [3], b is [2]");
}

TEST(Compare, NanIsEqualToNothingInfinityToItself) {
  const Tensor nan = tensor({1}, {NAN}), inf = tensor({1}, {INFINITY}), one = tensor({1}, {1});
  EXPECT_FALSE(ops::allclose(nan, nan));
  EXPECT_TRUE(ops::allclose(inf, inf));
  EXPECT_FALSE(ops::allclose(inf, ops::neg(inf)));
  EXPECT_FALSE(ops::allclose(one, inf));
  EXPECT_FALSE(ops::allclose(inf, one));
  EXPECT_TRUE(std::isnan(ops::max_abs_diff(nan, one)));
  EXPECT_TRUE(std::isnan(ops::max_abs_diff(tensor({2}, {NAN, 1}), tensor({2}, {0, 5}))));
  EXPECT_EQ(ops::max_abs_diff(inf, inf), 0);
  EXPECT_EQ(ops::max_abs_diff(inf, one), INFINITY);
}

TEST(Compare, OverLayouts) {
  for (View view : all_views) {
    const Tensor a = make({40, 300}, DType::float32, view);
    Tensor b = a.to(DType::float64);
    EXPECT_TRUE(ops::allclose(a, b, 0, 0));
    EXPECT_EQ(ops::max_abs_diff(a, b), 0);
    b.slice(0, 39, 40).slice(1, 299, 300).fill(100);
    EXPECT_FALSE(ops::allclose(a, b));
    EXPECT_EQ(ops::max_abs_diff(a, b), std::abs(a.at({39, 299}) - 100));
  }
}

}  // namespace
}  // namespace tinytorch::testing
