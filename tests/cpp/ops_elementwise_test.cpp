#include <cmath>

#include "tensor_tester.h"
#include "tinytorch/ops.h"
#include "tinytorch/threads.h"

namespace tinytorch::testing {
namespace {

struct BinaryCase {
  const char* name;
  Tensor (*op)(const Tensor&, const Tensor&, Tensor*);
  double (*exact)(double, double);
};
const BinaryCase binaries[] = {
    {"add", ops::add, [](double x, double y) { return x + y; }},
    {"sub", ops::sub, [](double x, double y) { return x - y; }},
    {"mul", ops::mul, [](double x, double y) { return x * y; }},
    {"div", ops::div, [](double x, double y) { return x / y; }},
    {"maximum", ops::maximum, [](double x, double y) { return x > y ? x : y; }},
};

struct UnaryCase {
  const char* name;
  Tensor (*op)(const Tensor&, Tensor*);
  double (*exact)(double);
};
const UnaryCase unaries[] = {
    {"neg", ops::neg, [](double x) { return -x; }},
    {"abs", ops::abs, [](double x) { return std::abs(x); }},
    {"exp", ops::exp, [](double x) { return std::exp(x); }},
    {"log", ops::log, [](double x) { return std::log(x); }},
    {"sqrt", ops::sqrt, [](double x) { return std::sqrt(x); }},
    {"relu", ops::relu, [](double x) { return x < 0 ? 0 : x; }},
    {"sigmoid", ops::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }},
    {"tanh", ops::tanh, [](double x) { return std::tanh(x); }},
};

constexpr double tolerance(DType dtype) { return dtype == DType::float32 ? 4e-7 : 8e-16; }

void expect_close(double got, double want, DType dtype, const std::string& what) {
  if (std::isnan(want)) {
    EXPECT_TRUE(std::isnan(got)) << what;
  } else {
    EXPECT_NEAR(got, want, tolerance(dtype) * std::abs(want)) << what;
  }
}

class Elementwise : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(DTypes, Elementwise, ::testing::Values(DType::float32, DType::float64), dtype_name);

void check_binary(const BinaryCase& c, const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast_shapes(a.shape(), b.shape(), "test");
  const Tensor y = c.op(a, b, nullptr);
  ASSERT_EQ(y.shape(), shape);
  ASSERT_EQ(y.dtype(), a.dtype());
  each_index(shape, [&](const Dims& i) {
    expect_close(broadcast_at(y, i), c.exact(broadcast_at(a, i), broadcast_at(b, i)), a.dtype(),
                 std::string(c.name) + " " + to_string(a.shape()) + " " + to_string(b.shape()) + " at " + to_string(i));
  });
}

TEST_P(Elementwise, BinaryOverShapesAndLayouts) {
  const std::pair<Shape, Shape> shapes[] = {
      {{}, {}},
      {{1}, {1}},
      {{7}, {7}},
      {{7}, {}},
      {{}, {5}},
      {{3, 5}, {5}},
      {{3, 5}, {3, 1}},
      {{4, 1}, {1, 6}},
      {{2, 3, 4}, {3, 1}},
      {{2, 1, 4}, {5, 1}},
      {{300}, {300}},
      {{2, 300}, {2, 1}},
      {{17, 19}, {17, 19}},
      {{0, 3}, {3}},
      {{5, 0}, {5, 1}},
      {{1, 1, 3}, {2, 2, 1}},
  };
  for (const BinaryCase& c : binaries) {
    for (const auto& [x, y] : shapes) {
      for (View va : all_views) {
        for (View vb : {View::dense, va}) {
          check_binary(c, make(x, GetParam(), va), make(y, GetParam(), vb));
        }
      }
    }
  }
}

TEST_P(Elementwise, UnaryOverShapesAndLayouts) {
  for (const UnaryCase& c : unaries) {
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{9}, Shape{3, 5}, Shape{2, 3, 4}, Shape{3, 301}, Shape{0}}) {
      for (View view : all_views) {
        const Tensor a = make(shape, GetParam(), view);
        const Tensor y = c.op(a, nullptr);
        ASSERT_EQ(y.shape(), shape);
        each_index(shape, [&](const Dims& i) {
          expect_close(broadcast_at(y, i), c.exact(broadcast_at(a, i)), GetParam(), c.name);
        });
      }
    }
  }
}

TEST_P(Elementwise, SpecialValues) {
  const DType dtype = GetParam();
  const Tensor x = tensor64({5}, {NAN, INFINITY, -INFINITY, -0.0, 0.0}).to(dtype);
  const std::vector<double> relu = values(ops::relu(x));
  EXPECT_TRUE(std::isnan(relu[0]));
  EXPECT_EQ(relu[1], INFINITY);
  EXPECT_EQ(relu[2], 0);
  for (const Tensor& y : {ops::maximum(x, Tensor::scalar(1, dtype)), ops::maximum(Tensor::scalar(1, dtype), x)}) {
    EXPECT_TRUE(std::isnan(y.at({0})));
    EXPECT_EQ(y.at({1}), INFINITY);
    EXPECT_EQ(y.at({2}), 1);
  }
  EXPECT_TRUE(std::isnan(ops::sub(x, x).at({1})));
  EXPECT_EQ(ops::div(Tensor::scalar(1, dtype), x).at({3}), -INFINITY);
  EXPECT_TRUE(std::isnan(ops::sqrt(Tensor::scalar(-1, dtype)).item()));
}

TEST_P(Elementwise, PowOfTwoIsAnExactSquare) {
  const Tensor x = make({100}, GetParam());
  EXPECT_EQ(values(ops::pow(x, Tensor::scalar(2, GetParam()))), values(ops::mul(x, x)));
  const Tensor cube = ops::pow(x, Tensor::full({1}, 3, GetParam()));
  for (std::int64_t i = 0; i < 100; ++i) expect_close(cube.at({i}), std::pow(x.at({i}), 3), GetParam(), "cube");
}

TEST_P(Elementwise, IntoAnOutTensor) {
  const DType dtype = GetParam();
  const Tensor a = make({4, 6}, dtype), b = make({6}, dtype);
  const std::vector<double> want = values(ops::add(a, b));
  for (View view : {View::dense, View::transposed, View::sliced, View::stepped}) {
    Tensor out = make({4, 6}, dtype, view);
    const std::uint64_t before = out.version();
    const Tensor result = ops::add(a, b, &out);
    EXPECT_EQ(result.impl(), out.impl());
    EXPECT_EQ(values(out), want);
    EXPECT_GT(out.version(), before);
  }
  Tensor in_place = a.clone();
  (void)ops::add(in_place, b, &in_place);
  EXPECT_EQ(values(in_place), want);
  // Overlapping, but not the same elements: as if the operands had been copied first.
  Tensor square = make({5, 5}, dtype);
  const std::vector<double> sum = values(ops::add(square.clone(), square.clone().transpose()));
  (void)ops::add(square, square.transpose(), &square);
  EXPECT_EQ(values(square), sum);
  Tensor line = make({10}, dtype);
  const std::vector<double> shifted = values(ops::neg(line.slice(0, 0, 9).clone()));
  Tensor tail = line.slice(0, 1, 10);
  (void)ops::neg(line.slice(0, 0, 9), &tail);
  EXPECT_EQ(values(tail), shifted);
}

TEST_P(Elementwise, LargeTensorsAreTheSameOnAnyNumberOfThreads) {
  const DType dtype = GetParam();
  const Tensor a = Tensor::randn({300, 700}, dtype), b = Tensor::randn({700}, dtype);
  const int threads = num_threads();
  set_num_threads(1);
  const Tensor one_flat = ops::exp(a), one_rows = ops::mul(a, b), one_strided = ops::tanh(a.transpose());
  for (int count : {2, 3, 8}) {
    set_num_threads(count);
    EXPECT_EQ(ops::max_abs_diff(ops::exp(a), one_flat), 0);
    EXPECT_EQ(ops::max_abs_diff(ops::mul(a, b), one_rows), 0);
    EXPECT_EQ(ops::max_abs_diff(ops::tanh(a.transpose()), one_strided), 0);
  }
  set_num_threads(threads);
  each_index({300, 700}, [&](const Dims& i) {
    if ((i[0] * 700 + i[1]) % 97 != 0) return;
    expect_close(broadcast_at(one_rows, i), broadcast_at(a, i) * broadcast_at(b, i), dtype, "mul");
    expect_close(broadcast_at(one_flat, i), std::exp(broadcast_at(a, i)), dtype, "exp");
  });
}

TEST(ElementwiseErrors, NameTheValues) {
  const Tensor a = Tensor::zeros({2, 3}), d = Tensor::zeros({2, 3}, DType::float64);
  const Tensor ints = Tensor::zeros({2, 3}, DType::int32);
  EXPECT_ERROR(ops::add(a, Tensor::zeros({4})), ErrorCode::shape, "add: shapes do not broadcast: a is [2,3], b is [4]");
  EXPECT_ERROR(ops::mul(a, d), ErrorCode::dtype, "mul: dtypes differ: a is float32, b is float64");
  EXPECT_ERROR(ops::sub(a, ints), ErrorCode::dtype, "sub: needs float32 or float64, b is int32");
  EXPECT_ERROR(ops::sub(ints, a), ErrorCode::dtype, "sub: needs float32 or float64, a is int32");
  EXPECT_ERROR(ops::exp(ints), ErrorCode::dtype, "exp: needs float32 or float64, a is int32");
  EXPECT_ERROR(ops::log(Tensor()), ErrorCode::invalid_argument, "log: a is an undefined tensor");
  EXPECT_ERROR(ops::pow(a, d), ErrorCode::dtype, "pow: dtypes differ");
  Tensor wrong_shape = Tensor::zeros({3, 2}), wrong_type = d.clone(), expanded = Tensor::zeros({3}).expand({2, 3});
  EXPECT_ERROR(ops::add(a, a, &wrong_shape), ErrorCode::shape, "add: out is [3,2], the result is [2,3]");
  EXPECT_ERROR(ops::add(a, a, &wrong_type), ErrorCode::dtype, "add: out is float64, the result is float32");
  EXPECT_ERROR(ops::add(a, a, &expanded), ErrorCode::invalid_argument, "add: out is an expanded view of shape [2,3]");
  EXPECT_ERROR(Tensor::randn({2}, DType::int32), ErrorCode::dtype, "randn: needs float32 or float64, not int32");
}

}  // namespace
}  // namespace tinytorch::testing
