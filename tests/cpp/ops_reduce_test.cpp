#include <algorithm>
#include <cmath>
#include <map>

#include "tensor_tester.h"
#include "tinytorch/ops.h"
#include "tinytorch/random.h"

namespace tinytorch::testing {
namespace {

using ops::Axes;

class Reduce : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(DTypes, Reduce, ::testing::Values(DType::float32, DType::float64), dtype_name);

/// The elements that each element of the result comes from, in order.
std::vector<std::vector<double>> groups(const Tensor& a, const Axes& axes) {
  if (!axes.dim) return {values(a)};
  const auto dim =
      static_cast<std::size_t>(*axes.dim < 0 ? *axes.dim + static_cast<std::int64_t>(a.ndim()) : *axes.dim);
  std::map<std::vector<std::int64_t>, std::vector<double>> by_rest;
  each_index(a.shape(), [&](const Dims& index) {
    std::vector<std::int64_t> rest(index.begin(), index.end());
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(dim));
    by_rest[rest].push_back(broadcast_at(a, index));
  });
  std::vector<std::vector<double>> result;
  for (auto& [rest, group] : by_rest) result.push_back(group);
  return result;
}

const std::vector<std::pair<Shape, std::vector<Axes>>> reduce_cases = {
    {{}, {{}}},
    {{1}, {{}, {0}}},
    {{37}, {{}, {0}, {-1, true}}},
    {{1025}, {{}, {0}}},
    {{5, 7}, {{}, {0}, {1}, {-1}, {-2, true}}},
    {{3, 4, 5}, {{}, {0}, {1}, {2}, {-3, true}, {std::nullopt, true}}},
    {{200, 3}, {{0}, {1}}},
    {{3, 700}, {{0}, {1}}},
    {{1, 6}, {{0}, {1}}},
};

TEST_P(Reduce, SumMeanMaxArgmaxOverShapesAndLayouts) {
  manual_seed(30);
  const double eps = GetParam() == DType::float32 ? 0x1p-23 : 0x1p-52;
  for (const auto& [shape, all_axes] : reduce_cases) {
    for (View view : all_views) {
      const Tensor a = make(shape, GetParam(), view);
      for (const Axes& axes : all_axes) {
        SCOPED_TRACE(to_string(shape) + " view " + std::to_string(static_cast<int>(view)));
        const auto want = groups(a, axes);
        const Tensor sum = ops::sum(a, axes), mean = ops::mean(a, axes), max = ops::max(a, axes);
        const Tensor argmax = ops::argmax(a, axes);
        const auto sums = values(sum), means = values(mean), maxima = values(max), places = values(argmax);
        ASSERT_EQ(sums.size(), want.size());
        EXPECT_EQ(argmax.dtype(), DType::int32);
        for (std::size_t i = 0; i < want.size(); ++i) {
          long double wide = 0;
          double magnitude = 0;
          for (double x : want[i]) wide += x, magnitude += std::abs(x);
          const auto exact = static_cast<double>(wide);
          const auto n = static_cast<double>(want[i].size());
          const double bound = 48 * eps * magnitude;
          EXPECT_NEAR(sums[i], exact, bound);
          EXPECT_NEAR(means[i], exact / n, bound / n + eps * std::abs(exact));
          const auto largest = std::max_element(want[i].begin(), want[i].end());
          EXPECT_EQ(maxima[i], *largest);
          EXPECT_EQ(places[i], static_cast<double>(largest - want[i].begin()));
        }
      }
    }
  }
}

TEST_P(Reduce, ShapesOfResults) {
  const Tensor a = Tensor::zeros({2, 3, 4}, GetParam());
  EXPECT_EQ(ops::sum(a).shape(), Shape{});
  EXPECT_EQ(ops::sum(a, {std::nullopt, true}).shape(), (Shape{1, 1, 1}));
  EXPECT_EQ(ops::sum(a, {1}).shape(), (Shape{2, 4}));
  EXPECT_EQ(ops::max(a, {-1, true}).shape(), (Shape{2, 3, 1}));
}

TEST_P(Reduce, EmptyAxes) {
  const DType dtype = GetParam();
  EXPECT_EQ(ops::sum(Tensor::zeros({0}, dtype)).item(), 0);
  EXPECT_TRUE(std::isnan(ops::mean(Tensor::zeros({0}, dtype)).item()));
  EXPECT_EQ(values(ops::sum(Tensor::zeros({2, 0, 3}, dtype), {1})), std::vector<double>(6, 0));
  EXPECT_EQ(ops::sum(Tensor::zeros({2, 0, 3}, dtype), {0}).numel(), 0);
  EXPECT_EQ(ops::max(Tensor::zeros({2, 0, 3}, dtype), {0}).numel(), 0);
  EXPECT_ERROR(ops::max(Tensor::zeros({2, 0}, dtype), {1}), ErrorCode::shape,
               "max: no elements to choose from in shape [2,0]");
  EXPECT_ERROR(ops::argmax(Tensor::zeros({0}, dtype)), ErrorCode::shape, "argmax: no elements");
}

TEST_P(Reduce, NanWinsAndTheFirstOfEqualsIsChosen) {
  const Tensor x = tensor64({2, 4}, {1, NAN, 5, NAN, 3, 7, 7, -INFINITY}).to(GetParam());
  const auto rows = values(ops::max(x, {1}));
  EXPECT_TRUE(std::isnan(rows[0]));
  EXPECT_EQ(rows[1], 7);
  EXPECT_EQ(values(ops::argmax(x, {1})), (std::vector<double>{1, 1}));
  const auto columns = values(ops::max(x, {0}));
  EXPECT_EQ(columns[0], 3);
  EXPECT_TRUE(std::isnan(columns[1]) && std::isnan(columns[3]));
  EXPECT_EQ(values(ops::argmax(x, {0})), (std::vector<double>{1, 0, 1, 0}));
  EXPECT_EQ(ops::max(tensor64({2}, {-INFINITY, -INFINITY}).to(GetParam())).item(), -INFINITY);
}

TEST(ReduceAccuracy, ErrorsGrowWithTheLogarithm) {
  // A million times 0.1: one running float32 sum is off by 1 %.
  const Tensor tenth = Tensor::full({1000, 1000}, 0.1);
  const double exact = 1e6 * static_cast<double>(0.1f);
  EXPECT_NEAR(ops::sum(tenth).item(), exact, 1e-6 * exact);
  EXPECT_NEAR(ops::sum(Tensor::full({100000, 1}, 0.1), {0}).item(), exact / 10, 1e-7 * exact);
  const Tensor columns = ops::sum(Tensor::full({100000, 5}, 0.1), {0});
  for (double x : values(columns)) EXPECT_NEAR(x, exact / 10, 1e-7 * exact);
}

TEST_P(Reduce, SoftmaxAgainstTheDefinition) {
  manual_seed(31);
  // x - max is rounded once, which e^x turns into a relative error of |x - max|; the rest is a few roundings.
  const double eps = GetParam() == DType::float32 ? 0x1p-23 : 0x1p-52;
  for (const Shape& shape : {Shape{1}, Shape{10}, Shape{64, 10}, Shape{3, 4, 5}, Shape{5, 1}, Shape{2, 300}}) {
    for (View view : all_views) {
      const Tensor a = make(shape, GetParam(), view, [](double x) { return 10 * x; });
      for (std::int64_t dim = -static_cast<std::int64_t>(a.ndim()); dim < static_cast<std::int64_t>(a.ndim()); ++dim) {
        const auto group = groups(a, {dim}), p = groups(ops::softmax(a, dim), {dim}),
                   log_p = groups(ops::log_softmax(a, dim), {dim});
        for (std::size_t g = 0; g < group.size(); ++g) {
          const double top = *std::max_element(group[g].begin(), group[g].end());
          long double sum = 0;
          for (double x : group[g]) sum += std::exp(x - top);
          const auto total = static_cast<double>(sum);
          for (std::size_t i = 0; i < group[g].size(); ++i) {
            const double want = std::exp(group[g][i] - top) / total;
            EXPECT_NEAR(p[g][i], want, eps * (16 + top - group[g][i]) * want + 1e-37);
            EXPECT_NEAR(log_p[g][i], group[g][i] - top - std::log(total), eps * (16 + top - group[g][i]));
          }
        }
      }
    }
  }
}

TEST_P(Reduce, SoftmaxOfLargeNumbersIsStable) {
  const Tensor x = tensor64({3}, {1000, 1001, 1002}).to(GetParam());
  const auto p = values(ops::softmax(x));
  EXPECT_NEAR(p[0] + p[1] + p[2], 1, 1e-6);
  EXPECT_NEAR(p[2], 0.66524095577, 1e-6);
  EXPECT_EQ(values(ops::softmax(tensor64({2}, {0, -INFINITY}).to(GetParam()))), (std::vector<double>{1, 0}));
  EXPECT_TRUE(std::isnan(ops::softmax(tensor64({2}, {0, NAN}).to(GetParam())).at({0})));
  EXPECT_EQ(ops::softmax(Tensor::zeros({3, 0}, GetParam())).shape(), (Shape{3, 0}));
}

TEST(ReduceErrors, NameTheValues) {
  const Tensor a = Tensor::zeros({2, 3});
  EXPECT_ERROR(ops::sum(a, {2}), ErrorCode::invalid_argument, "sum: axis 2 is out of range for shape [2,3]");
  EXPECT_ERROR(ops::mean(a, {-3}), ErrorCode::invalid_argument, "mean: axis -3 is out of range for shape [2,3]");
  EXPECT_ERROR(ops::softmax(a, 5), ErrorCode::invalid_argument, "softmax: axis 5");
  EXPECT_ERROR(ops::sum(Tensor::zeros({2}, DType::int32)), ErrorCode::dtype,
               "sum: needs float32 or float64, a is int32");
}

}  // namespace
}  // namespace tinytorch::testing
