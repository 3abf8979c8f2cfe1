// Gradients where a formula has a corner, and of tensors without elements. What is expected is PyTorch's rule.
#include <functional>
#include <limits>

#include "autograd_tester.h"
#include "tinytorch/nn.h"

namespace tinytorch::testing {
namespace {

using namespace ops;  // NOLINT

constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();

class Corners : public ::testing::TestWithParam<DType> {
 protected:
  [[nodiscard]] static Tensor leaf(const std::vector<double>& data) {
    Tensor t = tensor64({static_cast<std::int64_t>(data.size())}, data).to(GetParam());
    set_requires_grad(t);
    return t;
  }
  [[nodiscard]] static Tensor number(double value) { return Tensor::scalar(value, GetParam()); }
  static void expect(const Tensor& got, const std::vector<double>& want, const std::string& what) {
    const std::vector<double> have = values(got);
    ASSERT_EQ(have.size(), want.size()) << what;
    const double eps = got.dtype() == DType::float32 ? 1e-6 : 1e-14;
    for (std::size_t i = 0; i < want.size(); ++i) {
      const bool same = std::isnan(want[i])
                            ? std::isnan(have[i])
                            : have[i] == want[i] || std::abs(have[i] - want[i]) <= eps * std::abs(want[i]);
      EXPECT_TRUE(same) << what << ", element " << i << ": " << have[i] << ", expected " << want[i];
    }
  }
  /// The gradient of sum(f(x) * dy) at each of `at`.
  static void slope(const std::string& what, const std::function<Tensor(const Tensor&)>& f,
                    const std::vector<double>& at, const std::vector<double>& want, double dy = 1) {
    Tensor x = leaf(at);
    const Tensor y = f(x);
    backward(y, {.gradient = Tensor::full(y.shape(), dy, GetParam())});
    expect(grad(x), want, what);
  }
};

TEST_P(Corners, PowOfTheBase) {
  for (const bool as_tensor : {false, true}) {
    const auto to = [&](double exponent) {
      return [=](const Tensor& x) {
        return ops::pow(x, as_tensor ? Tensor::full(x.shape(), exponent, GetParam()) : number(exponent));
      };
    };
    slope("x^0", to(0), {0, -0.0, 1, -2, inf, nan}, {0, 0, 0, 0, 0, 0});
    slope("x^0, infinite dy", to(0), {0, 1}, {0, 0}, inf);
    slope("x^1", to(1), {0, 1, -2}, {1, 1, 1});
    slope("x^2", to(2), {0, 1, -2}, {0, 2, -4});
    slope("x^3", to(3), {0, -1, 2}, {0, 3, 12});
    slope("x^0.5", to(0.5), {0, 4, -1}, {inf, 0.25, nan});
    slope("x^-1", to(-1), {0, 2, -2}, {-inf, -0.25, -0.25});
    slope("x^1.5", to(1.5), {0, 4}, {0, 3});
  }
  slope(
      "a polynomial",
      [](const Tensor& x) { return add(ops::pow(x, number(0)), add(ops::pow(x, number(1)), ops::pow(x, number(2)))); },
      {0, 1, -2}, {1, 3, -3});
}

TEST_P(Corners, PowOfTheExponent) {
  const auto of = [](double base) {
    return [=](const Tensor& y) { return ops::pow(Tensor::full(y.shape(), base, GetParam()), y); };
  };
  slope("0^y", of(0), {0, 1, 2, 0.5, -1}, {0, 0, 0, 0, -inf});
  slope("0^y, infinite dy", of(0), {0, 1, -1}, {0, 0, -inf}, inf);
  slope("0^y, dy of 0", of(0), {0, -1}, {0, nan}, 0);
  slope("1^y", of(1), {0, 3, -2}, {0, 0, 0});
  slope("2^y", of(2), {0, 1}, {std::log(2), 2 * std::log(2)});
  slope("(-2)^y", of(-2), {2, 3}, {nan, nan});
  slope("inf^y", of(inf), {1, -1}, {inf, nan});
}

TEST_P(Corners, Maximum) {
  const auto with = [](double other) { return [=](const Tensor& x) { return maximum(x, number(other)); }; };
  slope("maximum(x, 1)", with(1), {0, 1, 2, nan}, {0, 0.5, 1, 1});
  slope("maximum(x, nan)", with(nan), {0, 1}, {1, 1});
  slope("maximum(x, 1), infinite dy", with(1), {0, 1, 2}, {0, inf, inf}, inf);
  slope("maximum(x, x)", [](const Tensor& x) { return maximum(x, x); }, {0, nan}, {1, 2});
}

TEST_P(Corners, OneOperand) {
  slope("relu", [](const Tensor& x) { return relu(x); }, {-1, -0.0, 0, 2, nan}, {0, 0, 0, 1, 1});
  slope("relu, infinite dy", [](const Tensor& x) { return relu(x); }, {-1, 0, 2}, {0, 0, inf}, inf);
  slope("abs", [](const Tensor& x) { return abs(x); }, {-1, -0.0, 0, 2, nan, -nan, inf}, {-1, 0, 0, 1, 0, 0, 1});
  slope("sqrt", [](const Tensor& x) { return sqrt(x); }, {0, 4, -1}, {inf, 0.25, nan});
  slope("log", [](const Tensor& x) { return log(x); }, {0, 2, inf}, {inf, 0.5, 0});
  slope("exp", [](const Tensor& x) { return exp(x); }, {-inf, 0, inf}, {0, 1, inf});
  slope("sigmoid", [](const Tensor& x) { return sigmoid(x); }, {-inf, 0, inf}, {0, 0.25, 0});
  slope("tanh", [](const Tensor& x) { return tanh(x); }, {-inf, 0, inf}, {0, 1, 0});
  slope("gelu", [](const Tensor& x) { return gelu(x); }, {-inf, -1e30, -50, 0, 50, 1e30, inf, nan},
        {0, 0, 0, 0.5, 1, 1, 1, nan});
  expect(gelu(leaf({-inf, -1e30, 0, 1e30, inf, nan})), {0, 0, 0, 1e30, inf, nan}, "gelu's values");
}

TEST_P(Corners, LinearWithRelu) {
  // relu of NaN passes its gradient here too: one row, weights of 1.
  for (const double bias : {-1.0, 0.0, 2.0, nan}) {
    Tensor b = leaf({bias});
    backward(linear(Tensor::zeros({1, 1}, GetParam()), Tensor::ones({1, 1}, GetParam()), b,
                    {.activation = Activation::relu}));
    expect(grad(b), {bias <= 0 ? 0.0 : 1.0}, "bias " + std::to_string(bias));
  }
}

TEST_P(Corners, TiesOfMax) {
  const auto along = [](ops::Axes axes) { return [=](const Tensor& x) { return ops::max(x, axes); }; };
  slope("max()", along({}), {1, 3, 3, 2}, {0, 0.5, 0.5, 0});
  slope("max(), keepdim", along({std::nullopt, true}), {1, 3, 3, 2}, {0, 0.5, 0.5, 0});
  slope("max(), infinite dy", along({}), {1, 3}, {0, inf}, inf);
  slope("max(), NaN", along({}), {1, nan, 3, nan}, {0, 0.5, 0, 0.5});
  slope("max(), infinities", along({}), {-inf, -inf}, {0.5, 0.5});
  slope("max(0)", along({0}), {1, 3, 3, 2}, {0, 1, 0, 0});
  slope("max(0), NaN", along({0}), {1, nan, 3, nan}, {0, 1, 0, 0});
  slope("max of a table", [](const Tensor& x) { return ops::max(x.reshape({2, 2})); }, {5, 1, 5, 5},
        {1.0 / 3, 0, 1.0 / 3, 1.0 / 3});
}

TEST_P(Corners, WithoutAxes) {
  for (const std::int64_t dim : {0, -1}) {
    for (const bool keepdim : {false, true}) {
      const ops::Axes axes{dim, keepdim};
      for (const auto operation : {ops::sum, ops::mean, ops::max}) {
        Tensor x = number(3);
        set_requires_grad(x);
        const Tensor y = operation(x, axes, nullptr);
        EXPECT_EQ(y.shape(), Shape{});
        EXPECT_EQ(y.item(), 3);
        backward(y);
        EXPECT_EQ(grad(x).item(), 1);
      }
      EXPECT_EQ(ops::argmax(number(3), axes).item(), 0);
    }
    Tensor x = number(3), out = number(0);
    set_requires_grad(x);
    const Tensor p = softmax(x, dim);
    EXPECT_EQ(p.shape(), Shape{});
    EXPECT_EQ(p.item(), 1);
    backward(p);
    EXPECT_EQ(grad(x).item(), 0);
    EXPECT_EQ(log_softmax(x, dim).item(), 0);
    EXPECT_EQ(ops::softmax(detach(x), dim, &out).item(), 1);
    EXPECT_EQ(out.item(), 1);
  }
  EXPECT_ERROR(ops::sum(number(3), {1}), ErrorCode::invalid_argument, "sum: axis 1 is out of range for shape []");
  EXPECT_ERROR(ops::softmax(number(3), -2), ErrorCode::invalid_argument, "softmax: axis -2");
}

TEST_P(Corners, BinaryCrossEntropy) {
  const auto loss = [](const Tensor& p, const Tensor& t) { return binary_cross_entropy(p, t, Reduction::sum); };
  slope("of p", [&](const Tensor& p) { return loss(p, tensor64({4}, {0, 1, 0, 1}).to(GetParam())); }, {0, 1, 0.5, 0.25},
        {0, 0, 2, -4});
  slope("of p, wrong and sure", [&](const Tensor& p) { return loss(p, tensor64({2}, {1, 0}).to(GetParam())); }, {0, 1},
        {-1e12, 1e12});
  slope("of the target", [&](const Tensor& t) { return loss(tensor64({4}, {0, 1, 0.5, 0.25}).to(GetParam()), t); },
        {0, 1, 0.3, 0.3}, {inf, -inf, 0, std::log(3)});
}

TEST_P(Corners, OfNoElements) {
  const auto empty = [](const Shape& shape) {
    Tensor t = Tensor::zeros(shape, GetParam());
    set_requires_grad(t);
    return t;
  };
  using Loss = std::function<Tensor(const Tensor&)>;
  const Tensor none = Tensor::zeros({0, 3}, GetParam()), one = Tensor::ones({3}, GetParam());
  const std::vector<std::pair<std::string, Loss>> cases = {
      {"add", [&](const Tensor& x) { return add(x, one); }},
      {"sub", [&](const Tensor& x) { return sub(one, x); }},
      {"mul", [&](const Tensor& x) { return mul(x, x); }},
      {"div", [&](const Tensor& x) { return div(x, x); }},
      {"pow", [&](const Tensor& x) { return ops::pow(x, x); }},
      {"maximum", [&](const Tensor& x) { return maximum(x, one); }},
      {"neg", [](const Tensor& x) { return neg(x); }},
      {"abs", [](const Tensor& x) { return abs(x); }},
      {"exp", [](const Tensor& x) { return exp(x); }},
      {"log", [](const Tensor& x) { return log(x); }},
      {"sqrt", [](const Tensor& x) { return sqrt(x); }},
      {"relu", [](const Tensor& x) { return relu(x); }},
      {"sigmoid", [](const Tensor& x) { return sigmoid(x); }},
      {"tanh", [](const Tensor& x) { return tanh(x); }},
      {"gelu", [](const Tensor& x) { return gelu(x); }},
      {"sum of rows", [](const Tensor& x) { return sum(x, {1}); }},
      {"sum of columns", [](const Tensor& x) { return sum(x, {0}); }},
      {"mean of rows", [](const Tensor& x) { return mean(x, {1, true}); }},
      {"mean of columns", [](const Tensor& x) { return mean(x, {0}); }},
      {"max of rows", [](const Tensor& x) { return ops::max(x, {1}); }},
      {"softmax", [](const Tensor& x) { return softmax(x); }},
      {"softmax 0", [](const Tensor& x) { return softmax(x, 0); }},
      {"log_softmax", [](const Tensor& x) { return log_softmax(x); }},
      {"reshape", [](const Tensor& x) { return x.reshape({3, 0, 2}); }},
      {"transpose", [](const Tensor& x) { return x.transpose(); }},
      {"slice", [](const Tensor& x) { return x.slice(1, 0, 2); }},
      {"slice of rows", [](const Tensor& x) { return x.slice(0, 0, 2); }},
      {"expand", [](const Tensor& x) { return x.expand({2, 0, 3}); }},
      {"clone", [](const Tensor& x) { return x.clone(); }},
      {"to", [](const Tensor& x) { return x.to(DType::float64); }},
      {"matmul", [](const Tensor& x) { return matmul(x, Tensor::ones({3, 2}, GetParam())); }},
      {"matmul of a vector", [](const Tensor& x) { return matmul(x, Tensor::ones({3}, GetParam())); }},
      {"matmul inside", [](const Tensor& x) { return matmul(x.transpose(), x); }},
      {"matmul, stacked",
       [](const Tensor& x) { return matmul(x.reshape({0, 1, 3}), Tensor::ones({3, 2}, GetParam())); }},
      {"linear",
       [](const Tensor& x) { return linear(x, Tensor::ones({3, 2}, GetParam()), Tensor::ones({2}, GetParam())); }},
      {"layer_norm", [&](const Tensor& x) { return layer_norm(x, one, one); }},
      {"dropout", [](const Tensor& x) { return dropout(x, 0.5); }},
      {"mse_loss", [&](const Tensor& x) { return mse_loss(x, none); }},
      {"binary_cross_entropy", [&](const Tensor& x) { return binary_cross_entropy(x, none); }},
      {"cross_entropy", [](const Tensor& x) { return cross_entropy(x, Tensor::zeros({0}, DType::int32)); }},
      {"sum", [](const Tensor& x) { return sum(x); }},
      {"mean", [](const Tensor& x) { return mean(x); }},
      {"Dense", [](const Tensor& x) { return nn::Dense(3, 2, true, GetParam()).forward(x); }},
      {"LayerNorm", [](const Tensor& x) { return nn::LayerNorm(3, 1e-5, GetParam()).forward(x); }},
      {"Flatten", [](const Tensor& x) { return nn::Flatten().forward(x.reshape({0, 3, 1})); }},
      {"Dropout", [](const Tensor& x) { return nn::Dropout(0.5).forward(x); }},
      {"Softmax", [](const Tensor& x) { return nn::Softmax().forward(x); }},
  };
  for (const auto& [name, f] : cases) {
    SCOPED_TRACE(name);
    Tensor x = empty({0, 3});
    const Tensor y = f(x);
    backward(y, {.gradient = Tensor::ones(y.shape(), y.dtype())});
    ASSERT_TRUE(grad(x).defined());
    EXPECT_EQ(grad(x).shape(), x.shape());
  }
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    const Tensor labels = Tensor::zeros({0}, DType::int32);
    for (const Tensor& loss : {mse_loss(none, none, reduction), cross_entropy(none, labels, reduction),
                               binary_cross_entropy(none, none, reduction)}) {
      EXPECT_EQ(std::isnan(loss.item()), reduction == Reduction::mean);
      if (reduction == Reduction::sum) {
        EXPECT_EQ(loss.item(), 0);
      }
    }
  }
  EXPECT_TRUE(std::isnan(mean(none).item()));
  EXPECT_EQ(sum(none).item(), 0);
  // What an empty batch is multiplied by gets a gradient of zeros.
  Tensor w = empty({3, 2}), b = empty({2});
  backward(sum(linear(none, w, b, {.activation = Activation::relu})));
  expect(grad(w), std::vector<double>(6, 0), "weight");
  expect(grad(b), {0, 0}, "bias");
}

TEST_P(Corners, FlattenKeepsTheSizes) {
  std::vector<nn::SummaryRow> rows;
  for (const auto& [in, out] : {std::pair{Shape{0, 3, 2}, Shape{0, 6}},
                                {Shape{2, 0, 3}, Shape{2, 0}},
                                {Shape{4}, Shape{4, 1}},
                                {Shape{2, 3, 4, 5}, Shape{2, 60}},
                                {Shape{0}, Shape{0, 1}}}) {
    EXPECT_EQ(nn::Flatten().forward(Tensor::zeros(in, GetParam())).shape(), out);
    EXPECT_EQ(nn::Flatten().describe(in, rows), out);
  }
  EXPECT_ERROR(nn::Flatten().describe({0, std::int64_t{1} << 40, std::int64_t{1} << 40}, rows), ErrorCode::overflow,
               "too large");
}

INSTANTIATE_TEST_SUITE_P(Both, Corners, ::testing::Values(DType::float32, DType::float64), dtype_name);

}  // namespace
}  // namespace tinytorch::testing
