// Repeated forward passes: weights kept in panels, results written into `out`.
#include <functional>
#include <memory>

#include "matmul/registry.h"
#include "tensor_tester.h"
#include "tinytorch/autograd.h"
#include "tinytorch/io.h"
#include "tinytorch/nn.h"
#include "tinytorch/ops.h"
#include "tinytorch/optim.h"

namespace tinytorch::testing {
namespace {

using nn::Dense;

/// 130 rows by 70 columns that fill no vector: kept panels pay in every build that has them.
struct Layer {
  explicit Layer(DType dtype = DType::float32)
      : dense(std::make_shared<Dense>(130, 70 + 1, true, dtype)), x(make({90, 130}, dtype)) {}
  std::shared_ptr<Dense> dense;
  Tensor x;
  [[nodiscard]] std::vector<double> run() const { return values(dense->forward(x)); }
  /// What it should give: a fresh product that keeps nothing.
  [[nodiscard]] std::vector<double> expected() const {
    const NoGrad guard;
    return values(ops::matmul(x, dense->weight(), {.bias = &dense->bias()}));
  }
};

bool has_panels() { return kernels()[static_cast<std::size_t>(detail::find_kernel("simd"))].available; }

TEST(KeptWeights, AreMadeAtTheSecondUseAndCounted) {
  for (DType dtype : {DType::float32, DType::float64}) {
    const MemoryStats empty = memory_stats();
    {
      Layer layer(dtype);
      const NoGrad guard;
      const std::int64_t before = memory_stats().live_bytes;
      EXPECT_EQ(layer.run(), layer.expected());
      EXPECT_EQ(memory_stats().live_bytes, before);
      EXPECT_EQ(layer.run(), layer.expected());
      const std::int64_t kept = memory_stats().live_bytes - before;
      const std::int64_t weight = 130 * 71 * static_cast<std::int64_t>(size_of(dtype));
      if (has_panels()) {
        EXPECT_GE(kept, weight);
        EXPECT_LE(kept, weight + weight / 10);
      } else {
        EXPECT_EQ(kept, 0);
      }
      for (int i = 0; i < 3; ++i) EXPECT_EQ(layer.run(), layer.expected());
      EXPECT_EQ(memory_stats().live_bytes, before + kept);
    }
    EXPECT_EQ(memory_stats().live_bytes, empty.live_bytes) << "freed with the layer";
    EXPECT_EQ(memory_stats().storages, empty.storages);
  }
}

TEST(KeptWeights, AreForgottenWhenTheWeightIsWritten) {
  const std::pair<const char*, std::function<void(Dense&)>> writes[] = {
      {"fill", [](Dense& d) { d.weight().fill(0.25); }},
      {"copy_from", [](Dense& d) { d.weight().copy_from(Tensor::randn({130, 71})); }},
      {"mutable_data", [](Dense& d) { d.weight().mutable_data<float>()[77] = 5; }},
      {"a view's fill", [](Dense& d) { d.weight().slice(1, 70, 71).fill(3); }},
      {"a transposed view's copy_from", [](Dense& d) { d.weight().transpose().copy_from(Tensor::randn({71, 130})); }},
      {"a detached one", [](Dense& d) { detach(d.weight()).fill(-1); }},
      {"an elementwise out", [](Dense& d) { (void)ops::mul(d.weight(), d.weight(), &d.weight()); }},
      {"a product's out",
       [](Dense& d) {
         const Tensor a = Tensor::randn({130, 3}), b = Tensor::randn({3, 71});
         (void)ops::matmul(a, b, {.out = &d.weight()});
       }},
      {"a softmax's out", [](Dense& d) { (void)ops::softmax(Tensor::randn({130, 71}), -1, &d.weight()); }},
      {"initialize", [](Dense& d) { nn::initialize(d.weight(), nn::Init::xavier_normal); }},
      {"another weight", [](Dense& d) { d.weight() = Tensor::randn({130, 71}); }},
      {"another view of the weight", [](Dense& d) { d.weight() = d.weight().clone().transpose().reshape({130, 71}); }},
      {"a state dict",
       [](Dense& d) {
         Dense other(130, 71);
         io::load_state_dict(d, io::state_dict(other));
       }},
  };
  for (const auto& [name, write] : writes) {
    SCOPED_TRACE(name);
    Layer layer;
    const NoGrad guard;
    for (int i = 0; i < 3; ++i) (void)layer.run();
    for (int round = 0; round < 2; ++round) {
      write(*layer.dense);
      for (int i = 0; i < 3; ++i) EXPECT_EQ(layer.run(), layer.expected()) << "use " << i;
    }
  }
}

TEST(KeptWeights, AreForgottenByAnOptimizerAndNeverMadeInTraining) {
  for (const bool adam : {false, true}) {
    Layer layer;
    std::unique_ptr<optim::Optimizer> optimizer;
    if (adam) {
      optimizer = std::make_unique<optim::Adam>(layer.dense->parameters(), 0.01);
    } else {
      optimizer = std::make_unique<optim::SGD>(layer.dense->parameters(), 0.1);
    }
    {
      const NoGrad guard;
      for (int i = 0; i < 3; ++i) (void)layer.run();
    }
    std::int64_t steady = 0;
    for (int step = 0; step < 4; ++step) {
      optimizer->zero_grad();
      {
        const Tensor y = layer.dense->forward(layer.x);
        EXPECT_EQ(values(y), layer.expected());
        backward(ops::mean(ops::mul(y, y)));
      }
      optimizer->step();
      if (step == 1) steady = memory_stats().live_bytes;
    }
    EXPECT_EQ(memory_stats().live_bytes, steady);
    EXPECT_EQ(layer.run(), layer.expected());
  }
}

TEST(KeptWeights, FollowTheKernel) {
  Layer layer;
  const NoGrad guard;
  for (int round = 0; round < 2; ++round) {
    for (std::size_t id = 0; id < kernels().size(); ++id) {
      if (!kernels()[id].available) continue;
      layer.dense->set_kernel(static_cast<KernelId>(id));
      const std::vector<double> first = layer.run();
      for (int i = 0; i < 2; ++i) EXPECT_EQ(layer.run(), first) << kernels()[id].name;
    }
  }
  layer.dense->set_kernel(detail::find_kernel("naive"));
  (void)layer.run();
  const std::int64_t without = memory_stats().live_bytes;
  for (int i = 0; i < 3; ++i) (void)layer.run();
  EXPECT_EQ(memory_stats().live_bytes, without) << "a rung that reads no panels needs none";
}

TEST(KeptWeights, ServeEveryShapeOfInput) {
  Dense dense(33, 10);
  const NoGrad guard;
  for (int round = 0; round < 3; ++round) {
    for (const Shape& shape : {Shape{33}, Shape{1, 33}, Shape{0, 33}, Shape{5, 33}, Shape{2, 3, 33}, Shape{80, 33}}) {
      for (View view : {View::dense, View::stepped}) {
        const Tensor x = make(shape, DType::float32, view);
        EXPECT_EQ(values(dense.forward(x)), values(ops::matmul(x, dense.weight(), {.bias = &dense.bias()})));
      }
    }
  }
  EXPECT_ERROR(dense.forward(Tensor::zeros({2, 33}, DType::float64)), ErrorCode::dtype, "float64");
}

TEST(KeptWeights, AreDoneWithoutWhereMemoryIsShort) {
  if constexpr (sizeof(void*) == 8) GTEST_SKIP() << "this address space is not to be filled";
  Dense dense(2048, 2050);
  const Tensor x = Tensor::randn({80, 2048});
  const NoGrad guard;
  const std::vector<double> expected = values(dense.forward(x));
  std::vector<Tensor> taken;
  taken.reserve(1000);
  for (const std::int64_t megabytes : {128, 8}) {
    try {
      while (true) taken.push_back(Tensor::empty({megabytes << 20}, DType::uint8));
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::out_of_memory);
    }
  }
  const std::int64_t full = memory_stats().live_bytes;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(values(dense.forward(x)), expected);
  EXPECT_EQ(memory_stats().live_bytes, full) << "no panels, for want of memory";
}

std::shared_ptr<nn::Sequential> network(DType dtype) {
  return std::make_shared<nn::Sequential>(std::vector<nn::ModulePtr>{
      std::make_shared<Dense>(20, 17, true, dtype), std::make_shared<nn::ReLU>(),
      std::make_shared<nn::LayerNorm>(17, 1e-5, dtype), std::make_shared<nn::Dropout>(), std::make_shared<nn::Tanh>(),
      std::make_shared<Dense>(17, 9, false, dtype), std::make_shared<nn::Softmax>()});
}

TEST(ForwardInto, GivesTheSameBitsWithEveryLayer) {
  for (DType dtype : {DType::float32, DType::float64}) {
    const auto model = network(dtype);
    model->set_training(false);
    const NoGrad guard;
    const std::vector<nn::ModulePtr> modules = {
        model,
        std::make_shared<Dense>(20, 4, true, dtype),
        std::make_shared<nn::ReLU>(),
        std::make_shared<nn::Sigmoid>(),
        std::make_shared<nn::Tanh>(),
        std::make_shared<nn::GELU>(),
        std::make_shared<nn::Softmax>(),
        std::make_shared<nn::Softmax>(0),
        std::make_shared<nn::LayerNorm>(20, 1e-5, dtype),
        std::make_shared<nn::Flatten>(),
        std::make_shared<nn::Sequential>(std::vector<nn::ModulePtr>{}),
        std::make_shared<nn::Sequential>(
            std::vector<nn::ModulePtr>{std::make_shared<Dense>(20, 5, true, dtype), std::make_shared<nn::ReLU>()})};
    for (const nn::ModulePtr& module : modules) {
      SCOPED_TRACE(module->name());
      const Tensor x = make({6, 20}, dtype);
      const Tensor expected = module->forward(x);
      for (View view : {View::dense, View::sliced, View::stepped, View::transposed}) {
        Tensor out = make(expected.shape(), dtype, view);
        const Tensor same = module->forward_into(x, out);
        EXPECT_EQ(same.impl(), out.impl());
        EXPECT_EQ(values(out), values(expected));
      }
      Tensor wrong = Tensor::zeros({6, 21}, dtype), whole = Tensor::zeros(expected.shape(), DType::int32), none;
      EXPECT_ERROR(module->forward_into(x, wrong), ErrorCode::shape, "[6,21]");
      EXPECT_ERROR(module->forward_into(x, whole), ErrorCode::dtype, "int32");
      EXPECT_ERROR(module->forward_into(x, none), ErrorCode::invalid_argument, "out");
    }
  }
}

TEST(ForwardInto, IsNotRecorded) {
  const auto model = network(DType::float32);
  const Tensor x = make({2, 20}, DType::float32);
  Tensor out = Tensor::zeros({2, 9});
  EXPECT_ERROR(model->forward_into(x, out), ErrorCode::autograd, "out is not recorded");
  EXPECT_ERROR(model->layers()[0]->forward_into(x, out), ErrorCode::autograd, "linear");
  Tensor marked = x.clone();
  set_requires_grad(marked);
  Tensor like = Tensor::zeros({2, 20});
  EXPECT_ERROR(nn::ReLU().forward_into(marked, like), ErrorCode::autograd, "ReLU");
  EXPECT_ERROR(nn::Flatten().forward_into(marked, like), ErrorCode::autograd, "Flatten");
  EXPECT_FALSE(requires_grad(nn::ReLU().forward_into(x, like)));
  const NoGrad guard;
  EXPECT_FALSE(requires_grad(model->forward_into(x, out)));
}

TEST(ForwardInto, RefusesToShareMemoryWithItsInput) {
  const NoGrad guard;
  Tensor x = make({4, 4}, DType::float32);
  Dense dense(4, 4);
  nn::Sequential model({std::make_shared<Dense>(4, 4), std::make_shared<Dense>(4, 4)});
  Tensor view = x.transpose();
  EXPECT_ERROR(dense.forward_into(x, x), ErrorCode::invalid_argument, "shares memory");
  EXPECT_ERROR(dense.forward_into(x, dense.weight()), ErrorCode::invalid_argument, "shares memory");
  EXPECT_ERROR(model.forward_into(x, view), ErrorCode::invalid_argument, "shares memory");
  const std::vector<double> expected = values(ops::relu(x)), soft = values(ops::softmax(x));
  Tensor copy = x.clone();
  EXPECT_EQ(values(nn::ReLU().forward_into(x, x)), expected);
  EXPECT_EQ(values(nn::Softmax().forward_into(copy, copy)), soft);
}

TEST(ForwardInto, TakesNoMemoryWhenRepeated) {
  const auto model = network(DType::float32);
  model->set_training(false);
  const NoGrad guard;
  for (std::int64_t batch : {1, 64, 100}) {
    const Tensor x = make({batch, 20}, DType::float32);
    Tensor out = Tensor::zeros({batch, 9});
    for (int i = 0; i < 3; ++i) (void)model->forward_into(x, out);
    release_pooled_memory();
    (void)model->forward_into(x, out);
    reset_peak_memory();
    (void)model->forward_into(x, out);
    const MemoryStats before = memory_stats();
    for (int i = 0; i < 1000; ++i) (void)model->forward_into(x, out);
    const MemoryStats after = memory_stats();
    EXPECT_EQ(after.live_bytes, before.live_bytes);
    EXPECT_EQ(after.peak_bytes, before.peak_bytes);
    EXPECT_EQ(after.pooled_bytes, before.pooled_bytes) << "nothing came from the system";
    EXPECT_EQ(after.storages, before.storages);
  }
}

}  // namespace
}  // namespace tinytorch::testing
