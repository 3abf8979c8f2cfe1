#include <cmath>

#include "autograd_tester.h"
#include "tinytorch/nn.h"

namespace tinytorch::testing {
namespace {

TEST(Modules, AreTheirOperations) {
  const Tensor x = Tensor::randn({3, 5});
  EXPECT_EQ(values(nn::Sigmoid().forward(x)), values(ops::sigmoid(x)));
  EXPECT_EQ(values(nn::Tanh().forward(x)), values(ops::tanh(x)));
  EXPECT_EQ(values(nn::GELU().forward(x)), values(ops::gelu(x)));
  EXPECT_EQ(values(nn::Softmax().forward(x)), values(ops::softmax(x)));
  EXPECT_EQ(values(nn::Softmax(0).forward(x)), values(ops::softmax(x, 0)));
  EXPECT_EQ(nn::Flatten().forward(Tensor::zeros({2, 3, 4})).shape(), (Shape{2, 12}));
  EXPECT_EQ(nn::Flatten().forward(Tensor::zeros({0, 3, 4})).shape(), (Shape{0, 12}));
  nn::LayerNorm norm(5);
  const Tensor y = norm.forward(x);
  for (double m : values(ops::mean(y, {1}))) EXPECT_NEAR(m, 0, 1e-6);
  for (double v : values(ops::mean(ops::mul(y, y), {1}))) EXPECT_NEAR(v, 1, 1e-3);
}

TEST(Modules, ParametersRequireGradients) {
  nn::Sequential model({std::make_shared<nn::Dense>(5, 4), std::make_shared<nn::LayerNorm>(4)});
  ASSERT_EQ(model.parameters().size(), 4u);
  for (const Tensor& p : model.parameters()) EXPECT_TRUE(requires_grad(p));
  const Tensor y = model.forward(Tensor::randn({2, 5}));
  EXPECT_TRUE(requires_grad(y));
  backward(ops::sum(ops::mul(y, y)));
  for (const Tensor& p : model.parameters()) EXPECT_TRUE(grad(p).defined());
}

TEST(Modules, DropoutOnlyInTraining) {
  auto dropout = std::make_shared<nn::Dropout>(0.5);
  nn::Sequential model({dropout});
  const Tensor x = Tensor::ones({1000});
  EXPECT_TRUE(model.training());
  EXPECT_NE(values(model.forward(x)), values(x));
  model.set_training(false);
  EXPECT_FALSE(dropout->training());
  EXPECT_EQ(values(model.forward(x)), values(x));
  EXPECT_ERROR(nn::Dropout(-0.1), ErrorCode::invalid_argument, "Dropout: p is -0.1, not between 0 and 1");
}

TEST(Modules, Initialisation) {
  manual_seed(5);
  const auto deviation = [](nn::Init init) {
    Tensor w = Tensor::zeros({300, 200});
    nn::initialize(w, init);
    return std::sqrt(ops::mean(ops::mul(w, w)).item());
  };
  EXPECT_NEAR(deviation(nn::Init::kaiming_uniform), std::sqrt(2 / 300.0), 1e-3);
  EXPECT_NEAR(deviation(nn::Init::kaiming_normal), std::sqrt(2 / 300.0), 1e-3);
  EXPECT_NEAR(deviation(nn::Init::xavier_uniform), std::sqrt(2 / 500.0), 1e-3);
  EXPECT_NEAR(deviation(nn::Init::xavier_normal), std::sqrt(2 / 500.0), 1e-3);
  Tensor vector = Tensor::zeros({3});
  EXPECT_ERROR(nn::initialize(vector, nn::Init::xavier_normal), ErrorCode::shape,
               "needs a weight [in, out], it is [3]");
}

TEST(Modules, Summary) {
  nn::Sequential model({std::make_shared<nn::Flatten>(), std::make_shared<nn::Dense>(784, 256),
                        std::make_shared<nn::ReLU>(), std::make_shared<nn::Dense>(256, 10, false)});
  const auto rows = nn::summary(model, {64, 28, 28});
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].output, (Shape{64, 784}));
  EXPECT_EQ(rows[1].name, "Dense(784, 256)");
  EXPECT_EQ(rows[1].output, (Shape{64, 256}));
  EXPECT_EQ(rows[1].parameters, 784 * 256 + 256);
  EXPECT_EQ(rows[1].bytes, 4 * (784 * 256 + 256));
  EXPECT_EQ(rows[1].flops, 64.0 * 256 * (2 * 784 + 1));
  EXPECT_EQ(rows[3].flops, 64.0 * 10 * 2 * 256);
  EXPECT_EQ(rows[4].name, "total");
  EXPECT_EQ(rows[4].parameters, 784 * 256 + 256 + 2560);
  EXPECT_EQ(rows[4].output, (Shape{64, 10}));
  EXPECT_ERROR(nn::summary(model, {64, 28}), ErrorCode::shape,
               "Dense(784, 256): the input's last axis must be 784, x is [64,28]");
}

TEST(Modules, GradientStats) {
  nn::Dense layer(2, 2);
  auto stats = nn::gradient_stats(layer);
  ASSERT_EQ(stats.size(), 2u);
  EXPECT_EQ(stats[0].name, "weight");
  EXPECT_EQ(stats[0].warning, "no gradient");
  set_grad(layer.weight(), tensor({2, 2}, {3, 0, -4, 0}));
  set_grad(layer.bias(), tensor({2}, {1e-9f, 0}));
  stats = nn::gradient_stats(layer);
  EXPECT_EQ(stats[0].mean, -0.25);
  EXPECT_EQ(stats[0].norm, 5);
  EXPECT_EQ(stats[0].largest, 4);
  EXPECT_EQ(stats[0].zeros, 0.5);
  EXPECT_EQ(stats[0].warning, "");
  EXPECT_EQ(stats[1].warning, "vanishing");
  set_grad(layer.bias(), tensor({2}, {2000, 0}));
  EXPECT_EQ(nn::gradient_stats(layer)[1].warning, "exploding");
  set_grad(layer.bias(), tensor({2}, {NAN, 0}));
  EXPECT_EQ(nn::gradient_stats(layer)[1].warning, "NaN or infinity");
}

}  // namespace
}  // namespace tinytorch::testing
