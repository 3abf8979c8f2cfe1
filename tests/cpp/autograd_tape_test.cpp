// What the tape promises beside the numbers.
#include "autograd_tester.h"
#include "tinytorch/nn.h"

namespace tinytorch::testing {
namespace {

using namespace ops;  // NOLINT

TEST(Tape, SharedSubexpressionsAddUp) {
  Tensor x = leaf({3});
  const Tensor square = mul(x, x);
  backward(sum(add(mul(square, x), add(square, square))));  // x^3 + 2 x^2
  EXPECT_EQ(grad(x).item(), 3 * 9 + 4 * 3);
  check_gradients("diamond",
                  [](const std::vector<Tensor>& in) {
                    const Tensor h = tanh(in[0]);
                    return mul(add(h, exp(h)), add(h, h));
                  },
                  {normal({4})});
}

TEST(Tape, GradientsAccumulateUntilForgotten) {
  Tensor x = leaf({1, 2});
  backward(sum(mul(x, x)));
  backward(sum(x));
  EXPECT_EQ(values(grad(x)), (std::vector<double>{3, 5}));
  set_grad(x, {});
  EXPECT_FALSE(grad(x).defined());
  backward(sum(x));
  EXPECT_EQ(values(grad(x)), (std::vector<double>{1, 1}));
  // A gradient that somebody holds is not changed under them.
  const Tensor held = grad(x);
  backward(sum(x));
  EXPECT_EQ(values(held), (std::vector<double>{1, 1}));
  EXPECT_EQ(values(grad(x)), (std::vector<double>{2, 2}));
}

TEST(Tape, AGradientOfItsOwn) {
  // The gradient passes through `add` unchanged; both leaves must get memory of their own.
  Tensor x = leaf({1}), y = leaf({2});
  const Tensor seed = tensor64({1}, {5});
  backward(add(x, y), {.gradient = seed});
  EXPECT_FALSE(grad(x).shares_storage(grad(y)));
  EXPECT_FALSE(grad(x).shares_storage(seed));
  Tensor z = leaf({1});
  backward(z, {.gradient = seed});
  EXPECT_FALSE(grad(z).shares_storage(seed));
  EXPECT_EQ(grad(z).item(), 5);
}

TEST(Tape, WhatIsRecorded) {
  Tensor x = leaf({1, 2});
  const Tensor constant = tensor64({2}, {3, 4});
  EXPECT_TRUE(requires_grad(x));
  EXPECT_FALSE(requires_grad(add(constant, constant)));
  EXPECT_TRUE(requires_grad(add(constant, x)));
  EXPECT_FALSE(requires_grad(detach(add(constant, x))));
  {
    const NoGrad no_grad;
    EXPECT_FALSE(grad_enabled());
    EXPECT_FALSE(requires_grad(add(constant, x)));
    {
      const NoGrad inner;
    }
    EXPECT_FALSE(grad_enabled());
  }
  EXPECT_TRUE(grad_enabled());
  EXPECT_TRUE(detach(x).shares_storage(x));
  set_requires_grad(x, false);
  EXPECT_FALSE(requires_grad(add(constant, x)));
}

TEST(Tape, OnlyWhatNeedsAGradientGetsOne) {
  Tensor x = leaf({2});
  Tensor frozen = tensor64({1}, {3});
  backward(mul(x, frozen));
  EXPECT_EQ(grad(x).item(), 3);
  EXPECT_FALSE(grad(frozen).defined());
  Tensor y = leaf({2});
  const Tensor middle = mul(y, y);
  backward(add(detach(middle), y));
  EXPECT_EQ(grad(y).item(), 1);
}

TEST(Tape, Errors) {
  Tensor x = leaf({1, 2});
  EXPECT_ERROR(backward(tensor64({1}, {1})), ErrorCode::autograd,
               "backward: the result of shape [1] depends on no tensor that requires a gradient");
  EXPECT_ERROR(backward(mul(x, x)), ErrorCode::autograd,
               "backward: the result has shape [2]; only for a single element");
  EXPECT_ERROR(backward(mul(x, x), {.gradient = tensor64({1}, {1})}), ErrorCode::shape,
               "backward: the gradient is [1], the result [2]");
  EXPECT_ERROR(backward(mul(x, x), {.gradient = Tensor::ones({2})}), ErrorCode::dtype, "the gradient is float32");
  EXPECT_ERROR(backward(Tensor()), ErrorCode::invalid_argument, "undefined");
  Tensor result = mul(x, x);
  EXPECT_ERROR(set_requires_grad(result, false), ErrorCode::autograd, "the tensor is the result of 'mul'");
  Tensor ints = Tensor::zeros({1}, DType::int32);
  EXPECT_ERROR(set_requires_grad(ints), ErrorCode::dtype, "requires_grad: needs float32 or float64");
  EXPECT_ERROR(set_grad(result, {}), ErrorCode::autograd, "set_grad: the tensor of shape [2] is not a leaf");
  EXPECT_ERROR(set_grad(x, tensor64({1}, {1})), ErrorCode::shape, "set_grad: the gradient is [1], the tensor [2]");
}

TEST(Tape, AFreedGraphIsAClearError) {
  Tensor x = leaf({2});
  const Tensor shared = mul(x, x);
  const Tensor one = exp(shared), two = log(shared);
  backward(one);
  EXPECT_ERROR(backward(one), ErrorCode::autograd, "backward: the graph of 'exp' was freed by an earlier backward");
  EXPECT_ERROR(backward(two), ErrorCode::autograd, "backward: the graph of 'mul' was freed");
  // And after the error the leaf still works.
  set_grad(x, {});
  backward(mul(x, x), {.retain_graph = true});
  EXPECT_EQ(grad(x).item(), 4);
  const Tensor kept = mul(x, x);
  set_grad(x, {});
  backward(kept, {.retain_graph = true});
  backward(kept);
  EXPECT_EQ(grad(x).item(), 8);
}

TEST(Tape, OverwritingWhatBackwardNeedsIsAnError) {
  Tensor x = leaf({2}), w = leaf({3});
  const Tensor y = mul(x, w);
  w.fill(5);
  EXPECT_ERROR(backward(y), ErrorCode::autograd,
               "backward: a tensor that the gradient of 'mul' needs has been overwritten since, its shape is [1]");
  const Tensor z = add(x, w);  // needs neither
  w.fill(6);
  set_grad(x, {});
  backward(z);
  EXPECT_EQ(grad(x).item(), 1);
}

TEST(Tape, TheGraphGoesWithTheLoss) {
  Tensor x = Tensor::randn({100, 100});
  set_requires_grad(x);
  const std::int64_t before = memory_stats().live_bytes;
  {
    Tensor loss = sum(exp(tanh(mul(x, x))));
    EXPECT_GE(memory_stats().live_bytes, before + 2 * 40000);  // results of tanh and exp
  }
  EXPECT_EQ(memory_stats().live_bytes, before);
  {
    const Tensor loss = sum(exp(tanh(mul(x, x))));
    backward(loss);  // what was saved goes while the loss is still there
    EXPECT_LE(memory_stats().live_bytes, before + 40000 + 100);
  }
  set_grad(x, {});
  EXPECT_EQ(memory_stats().live_bytes, before);
}

TEST(Tape, LongChainsAreFreedWithoutRecursion) {
  Tensor x = leaf({1});
  // mul saves its operands, and so holds the nodes before it twice.
  for (const bool saves_operands : {false, true}) {
    for (const bool go_back : {false, true}) {
      Tensor y = x;
      for (int i = 0; i < 200000; ++i) y = saves_operands ? mul(y, y) : neg(y);
      if (go_back) backward(y);
    }
    if (!saves_operands) {
      EXPECT_EQ(grad(x).item(), 1);
    }
  }
}

TEST(Tape, AnomalyDetectionNamesTheOperation) {
  set_anomaly_detection(true);
  Tensor x = leaf({0, 1}), y = leaf({-1});
  EXPECT_ERROR(log(x), ErrorCode::autograd, "'log' made the first NaN or infinity, in its result of shape [2]");
  const Tensor root = sum(sqrt(x));
  EXPECT_ERROR(backward(root), ErrorCode::autograd,
               "'sqrt' made the first NaN or infinity, in the gradient of shape [2]");
  EXPECT_ERROR(ops::pow(y, Tensor::scalar(0.5, DType::float64)), ErrorCode::autograd, "'pow'");
  set_anomaly_detection(false);
  EXPECT_TRUE(std::isnan(log(y).item()));
}

TEST(Tape, NoGradientNoOverhead) {
  const Tensor a = Tensor::randn({10}), b = Tensor::randn({10});
  const MemoryStats before = memory_stats();
  const Tensor y = add(a, b);
  EXPECT_EQ(memory_stats().storages, before.storages + 1);
  EXPECT_EQ(values(y), values(ops::add(a, b)));
}

}  // namespace
}  // namespace tinytorch::testing
