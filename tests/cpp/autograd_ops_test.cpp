// Gradients of single operations, beside those that hold for every one (ops_table_test.cpp).
#include <set>
#include <span>

#include "autograd_tester.h"
#include "tensor/dispatch.h"

namespace tinytorch::testing {
namespace {

using namespace ops;  // NOLINT: every name here is an operation under test

TEST(AutogradOps, PowWithAFixedExponent) {
  for (double exponent : {2.0, 3.0, 0.5, -1.0}) {
    const Function f = [=](const std::vector<Tensor>& in) {
      return ops::pow(in[0], Tensor::scalar(exponent, DType::float64));
    };
    check_gradients("pow " + std::to_string(exponent), f, {uniform({7}, 0.5)});
  }
  // At zero: d x^2 = 0, d 0^y / dy = 0.
  Tensor x = Tensor::zeros({1}, DType::float64), y = Tensor::full({1}, 2, DType::float64);
  set_requires_grad(x);
  set_requires_grad(y);
  backward(ops::pow(x, y));
  EXPECT_EQ(grad(x).item(), 0);
  EXPECT_EQ(grad(y).item(), 0);
}

TEST(AutogradOps, KinksAndTies) {
  Tensor x = tensor64({3}, {-1, 0, 2});
  set_requires_grad(x);
  backward(sum(relu(x)));
  EXPECT_EQ(values(grad(x)), (std::vector<double>{0, 0, 1}));
  set_grad(x, {});
  backward(sum(abs(x)));
  EXPECT_EQ(values(grad(x)), (std::vector<double>{-1, 0, 1}));
  set_grad(x, {});
  backward(sum(maximum(x, tensor64({3}, {0, 0, 0}))));
  EXPECT_EQ(values(grad(x)), (std::vector<double>{0, 0.5, 1}));
  Tensor ties = tensor64({4}, {1, 3, 3, 2});
  set_requires_grad(ties);
  backward(max(ties));
  EXPECT_EQ(values(grad(ties)), (std::vector<double>{0, 0.5, 0.5, 0}));
  set_grad(ties, {});
  backward(max(ties, {0}));
  EXPECT_EQ(values(grad(ties)), (std::vector<double>{0, 1, 0, 0}));
}

TEST(AutogradOps, Views) {
  manual_seed(4);
  check_gradients("reshape", [](const std::vector<Tensor>& in) { return in[0].reshape({2, -1}); }, {normal({3, 4})});
  check_gradients("reshape of a view", [](const std::vector<Tensor>& in) { return in[0].transpose().reshape({12}); },
                  {normal({3, 4})});
  check_gradients("transpose", [](const std::vector<Tensor>& in) { return in[0].transpose(0, 2); },
                  {normal({2, 3, 4})});
  check_gradients("slice", [](const std::vector<Tensor>& in) { return in[0].slice(1, 1, 6, 2); }, {normal({3, 7})});
  check_gradients("expand", [](const std::vector<Tensor>& in) { return in[0].expand({2, 3, 4}); }, {normal({3, 1})});
  // Two slices of one tensor, overlapping: both add up.
  check_gradients("slices",
                  [](const std::vector<Tensor>& in) { return add(in[0].slice(0, 0, 4), in[0].slice(0, 2, 6)); },
                  {normal({6})});
}

TEST(AutogradOps, Products) {
  manual_seed(5);
  const std::pair<Shape, Shape> shapes[] = {
      {{2, 3}, {3, 4}},    {{3}, {3}},          {{3}, {3, 4}},          {{2, 3}, {3}},
      {{5, 2, 3}, {3, 4}}, {{2, 3}, {2, 3, 4}}, {{2, 2, 3}, {2, 3, 2}}, {{2, 1, 2, 3}, {3, 3, 2}},
      {{2, 2, 3}, {3}},    {{3}, {2, 3, 2}}};
  for (const auto& [x, y] : shapes) {
    check_gradients("matmul " + to_string(x) + to_string(y),
                    [](const std::vector<Tensor>& in) { return matmul(in[0], in[1]); }, {normal(x), normal(y)});
  }
  check_gradients("matmul of views", [](const std::vector<Tensor>& in) { return matmul(in[0].transpose(), in[1]); },
                  {normal({3, 2}), make({3, 4}, DType::float64, View::transposed)});
  for (const Shape& shape : {Shape{4, 3}, Shape{2, 2, 3}, Shape{3}}) {
    for (Activation activation : {Activation::none, Activation::relu}) {
      check_gradients(
          "linear",
          [=](const std::vector<Tensor>& in) { return linear(in[0], in[1], in[2], {.activation = activation}); },
          {normal(shape), normal({3, 5}), normal({5})});
      check_gradients(
          "linear without bias",
          [=](const std::vector<Tensor>& in) { return linear(in[0], in[1], {}, {.activation = activation}); },
          {normal(shape), normal({3, 5})});
    }
  }
}

TEST(AutogradOps, AForcedKernelRunsForwardAndBackward) {
  manual_seed(6);
  const Tensor x = Tensor::randn({37, 301}), w = Tensor::randn({301, 43}), dy = Tensor::randn({37, 43});
  std::set<std::vector<double>> results;
  for (std::size_t i = 0; i < kernels().size(); ++i) {
    if (!kernels()[i].available) continue;
    SCOPED_TRACE(kernels()[i].name);
    const KernelId kernel = static_cast<KernelId>(i);
    const auto product = [&](const Tensor& a, const Tensor& b) {
      return values(ops::matmul(a, b, {.kernel = kernel}));
    };
    results.insert(product(x, w));
    for (const bool layer : {false, true}) {
      Tensor a = x.clone(), b = w.clone();
      set_requires_grad(a);
      set_requires_grad(b);
      const Tensor y = layer ? linear(a, b, {}, {.kernel = kernel}) : matmul(a, b, {.kernel = kernel});
      EXPECT_EQ(values(y), product(x, w));
      backward(y, {.gradient = dy});
      EXPECT_EQ(values(grad(a)), product(dy, w.transpose()));
      EXPECT_EQ(values(grad(b)), product(x.transpose(), dy));
    }
  }
  EXPECT_GE(results.size(), 2u) << "rungs that add in another order give other bits";
}

TEST(AutogradOps, TheBiasOfALayerOfAnySize) {
  // Small integers: every sum is exact. Rows beyond one run, columns beside whole cache lines, several chunks.
  manual_seed(12);
  for (const DType dtype : {DType::float32, DType::float64}) {
    for (const auto& [rows, columns] : {std::pair{1, 1}, {3, 10}, {64, 16}, {65, 37}, {130, 21}, {700, 130}}) {
      SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(columns));
      const auto whole = [&](const Shape& shape) {
        Tensor t = Tensor::empty(shape, dtype);
        Generator& generator = default_generator();
        detail::for_floating(dtype, [&]<class T>() {
          for (T& v : std::span(t.mutable_data<T>(), static_cast<std::size_t>(t.numel()))) {
            v = static_cast<T>(generator.below(9)) - 4;
          }
        });
        return t;
      };
      const Tensor x = whole({rows, 2}), dy = whole({rows, columns}), before = dy.clone();
      for (const Activation activation : {Activation::none, Activation::relu}) {
        Tensor w = whole({2, columns}), bias = whole({columns});
        set_requires_grad(w);
        set_requires_grad(bias);
        const Tensor y = linear(x, w, bias, {.activation = activation});
        backward(y, {.gradient = dy, .retain_graph = true});
        backward(y, {.gradient = dy});  // adds up
        const std::vector<double> g = values(dy), out = values(y), sum = values(grad(bias));
        for (int j = 0; j < columns; ++j) {
          double expected = 0;
          for (int i = 0; i < rows; ++i) {
            const auto at = static_cast<std::size_t>(i * columns + j);
            if (activation == Activation::none || out[at] > 0) expected += 2 * g[at];
          }
          EXPECT_EQ(sum[static_cast<std::size_t>(j)], expected) << j;
        }
        EXPECT_EQ(values(dy), values(before)) << "the caller's gradient was written to";
      }
    }
  }
}

TEST(AutogradOps, NormAndLosses) {
  manual_seed(6);
  check_gradients(
      "layer_norm", [](const std::vector<Tensor>& in) { return layer_norm(in[0], in[1], in[2]); },
      {normal({3, 5}), normal({5}), normal({5})}, 1e-6);
  check_gradients(
      "layer_norm, plain", [](const std::vector<Tensor>& in) { return layer_norm(in[0], {}, {}); }, {normal({2, 3, 5})},
      1e-6);
  const std::vector<std::int32_t> classes{2, 0, 4, 1};
  const Tensor labels = Tensor::from(std::span<const std::int32_t>(classes), {4});
  for (Reduction reduction : {Reduction::mean, Reduction::sum}) {
    check_gradients("mse", [=](const std::vector<Tensor>& in) { return mse_loss(in[0], in[1], reduction); },
                    {normal({3, 4}), normal({3, 4})});
    check_gradients("cross_entropy",
                    [=](const std::vector<Tensor>& in) { return cross_entropy(in[0], labels, reduction); },
                    {normal({4, 5})});
    Tensor target = Tensor::rand({3, 4}, DType::float64);
    check_gradients(
        "binary_cross_entropy",
        [=](const std::vector<Tensor>& in) { return binary_cross_entropy(sigmoid(in[0]), target, reduction); },
        {normal({3, 4})});
  }
}

TEST(AutogradOps, DropoutKeepsItsMask) {
  manual_seed(7);
  Tensor x = Tensor::ones({1000}, DType::float64);
  set_requires_grad(x);
  const Tensor y = dropout(x, 0.25);
  backward(sum(y));
  EXPECT_EQ(values(grad(x)), values(y));
  double zeros = 0;
  for (double v : values(y)) {
    EXPECT_TRUE(v == 0 || std::abs(v - 4.0 / 3) < 1e-15);
    zeros += v == 0;
  }
  EXPECT_NEAR(zeros / 1000, 0.25, 0.07);
  EXPECT_EQ(ops::max_abs_diff(dropout(x, 1), Tensor::scalar(0)), 0);
  EXPECT_EQ(ops::max_abs_diff(dropout(x, 0), x), 0);
  EXPECT_ERROR(dropout(x, 1.5), ErrorCode::invalid_argument, "dropout: p is 1.5, not between 0 and 1");
}

TEST(AutogradOps, LossesAgainstTheirDefinitions) {
  const Tensor logits = tensor64({2, 3}, {1, 2, 3, 1000, 0, -1000});
  const std::vector<std::int32_t> classes{0, 1};
  const Tensor labels = Tensor::from(std::span<const std::int32_t>(classes), {2});
  const double first = std::log(std::exp(-2) + std::exp(-1) + 1) + 2;
  EXPECT_NEAR(cross_entropy(logits, labels).item(), (first + 1000) / 2, 1e-12);
  EXPECT_NEAR(cross_entropy(logits, labels, Reduction::sum).item(), first + 1000, 1e-12);
  EXPECT_NEAR(mse_loss(tensor64({2}, {1, 5}), tensor64({2}, {0, 2})).item(), 5, 1e-15);
  EXPECT_NEAR(binary_cross_entropy(tensor64({2}, {0.25, 1}), tensor64({2}, {1, 0})).item(), (std::log(4) + 100) / 2,
              1e-12);
  EXPECT_ERROR(cross_entropy(logits, Tensor::full({2}, 3, DType::int32)), ErrorCode::invalid_argument,
               "cross_entropy: label 3 of row 0 is not one of 3 classes");
  EXPECT_ERROR(cross_entropy(logits, Tensor::zeros({2})), ErrorCode::dtype, "cross_entropy: labels must be int32");
  EXPECT_ERROR(cross_entropy(logits, Tensor::zeros({3}, DType::int32)), ErrorCode::shape, "[2,3] and [3]");
  EXPECT_ERROR(mse_loss(logits, labels.to(DType::float64)), ErrorCode::shape,
               "mse_loss: shapes differ: the prediction is [2,3], the target [2]");
}

}  // namespace
}  // namespace tinytorch::testing
