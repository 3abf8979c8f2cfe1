#include <cmath>

#include "tensor_tester.h"
#include "tinytorch/nn.h"
#include "tinytorch/ops.h"

namespace tinytorch::testing {
namespace {

using nn::Dense;
using nn::ReLU;
using nn::Sequential;

TEST(Dense, IsAnAffineMap) {
  for (DType dtype : {DType::float32, DType::float64}) {
    Dense layer(5, 3, true, dtype);
    EXPECT_EQ(layer.weight().shape(), (Shape{5, 3}));
    EXPECT_EQ(layer.bias().shape(), Shape{3});
    EXPECT_EQ(layer.name(), "Dense(5, 3)");
    for (const Shape& shape : {Shape{5}, Shape{1, 5}, Shape{4, 5}, Shape{2, 3, 5}, Shape{0, 5}}) {
      const Tensor x = make(shape, dtype);
      const Tensor y = layer.forward(x), plain = ops::add(ops::matmul(x, layer.weight()), layer.bias());
      EXPECT_EQ(y.shape(), plain.shape());
      EXPECT_TRUE(ops::allclose(y, plain, 1e-5, 1e-6));
      EXPECT_EQ(values(layer.forward_fused(x)), values(ops::relu(y)));
    }
  }
}

TEST(Dense, StartsAsPyTorchsLinear) {
  manual_seed(9);
  Dense layer(400, 300);
  const double bound = 1 / std::sqrt(400.0);
  double square = 0;
  for (double w : values(layer.weight())) {
    ASSERT_LE(std::abs(w), bound);
    square += w * w;
  }
  EXPECT_NEAR(square / 120000, bound * bound / 3, 0.01 * bound * bound);
  EXPECT_LE(ops::max(ops::abs(layer.bias())).item(), bound);
  EXPECT_GT(ops::max(layer.bias()).item(), 0.9 * bound);
  manual_seed(9);
  EXPECT_EQ(values(Dense(400, 300).weight()), values(layer.weight()));
}

TEST(Dense, WithoutBias) {
  Dense layer(4, 2, false);
  EXPECT_FALSE(layer.bias().defined());
  EXPECT_EQ(layer.parameters().size(), 1u);
  const Tensor x = make({3, 4}, DType::float32);
  EXPECT_EQ(values(layer.forward(x)), values(ops::matmul(x, layer.weight())));
}

TEST(Dense, Errors) {
  Dense layer(5, 3);
  EXPECT_ERROR(layer.forward(Tensor::zeros({2, 4})), ErrorCode::shape,
               "Dense(5, 3): the input's last axis must be 5, x is [2,4]");
  EXPECT_ERROR(layer.forward(Tensor::scalar(1)), ErrorCode::shape, "x is []");
  EXPECT_ERROR(layer.forward(Tensor()), ErrorCode::invalid_argument, "Dense(5, 3): x is an undefined tensor");
  EXPECT_ERROR(layer.forward(Tensor::zeros({2, 5}, DType::float64)), ErrorCode::dtype,
               "dtypes differ: a is float64, b is float32");
  EXPECT_ERROR(Dense(0, 3), ErrorCode::invalid_argument, "Dense(0, 3): both sizes must be positive");
  EXPECT_ERROR(Dense(3, 3, true, DType::int32), ErrorCode::dtype, "Dense(3, 3): needs float32 or float64, not int32");
  EXPECT_ERROR(Dense(std::int64_t{1} << 40, std::int64_t{1} << 40), ErrorCode::overflow, "too large");
}

TEST(Sequential, FusesDenseAndReLUWithTheSameBits) {
  manual_seed(4);
  auto first = std::make_shared<Dense>(20, 30);
  auto second = std::make_shared<Dense>(30, 10);
  auto relu = std::make_shared<ReLU>();
  Sequential model({first, relu, second, relu, relu});
  const Tensor x = make({7, 20}, DType::float32);
  const Tensor step = relu->forward(first->forward(x));
  EXPECT_EQ(values(model.forward(x)), values(relu->forward(second->forward(step))));
  Sequential starts_with_relu({relu, first});
  EXPECT_EQ(values(starts_with_relu.forward(x)), values(first->forward(relu->forward(x))));
  Sequential nested({std::make_shared<Sequential>(std::vector<nn::ModulePtr>{first, relu}), second});
  EXPECT_EQ(values(nested.forward(x)), values(second->forward(step)));
  EXPECT_EQ(values(Sequential({}).forward(x)), values(x));
}

TEST(Sequential, NamesAsPyTorchsStateDict) {
  Sequential model({std::make_shared<Dense>(4, 3), std::make_shared<ReLU>(),
                    std::make_shared<Sequential>(std::vector<nn::ModulePtr>{std::make_shared<Dense>(3, 2, false)})});
  std::vector<std::string> names;
  for (const auto& [name, t] : model.named_parameters()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"0.weight", "0.bias", "2.0.weight"}));
  EXPECT_EQ(model.parameters().size(), 3u);
  // The tensors are the layers' own.
  model.parameters()[0].fill(0);
  EXPECT_EQ(ops::max_abs_diff(model.parameters()[0], Tensor::scalar(0)), 0);
}

TEST(Sequential, Errors) {
  EXPECT_ERROR(Sequential({std::make_shared<ReLU>(), nullptr}), ErrorCode::invalid_argument,
               "Sequential: layer 1 is null");
  Sequential model({std::make_shared<Dense>(4, 3), std::make_shared<Dense>(4, 3)});
  EXPECT_ERROR(model.forward(Tensor::zeros({2, 4})), ErrorCode::shape,
               "Dense(4, 3): the input's last axis must be 4, x is [2,3]");
  EXPECT_ERROR(model.forward(Tensor()), ErrorCode::invalid_argument, "Sequential: x is an undefined tensor");
}

}  // namespace
}  // namespace tinytorch::testing
