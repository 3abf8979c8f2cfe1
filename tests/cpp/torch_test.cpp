// Agreement with PyTorch: vectors made by scripts/make_torch_vectors.py.
#include <functional>
#include <map>

#include "autograd_tester.h"
#include "fixtures.h"
#include "tinytorch/nn.h"
#include "tinytorch/optim.h"

namespace tinytorch::testing {
namespace {

const io::TensorFile& vectors() {
  static const io::TensorFile file = io::read_safetensors(fixture("torch_vectors.safetensors"));
  return file;
}

TEST(Torch, OperationsAndTheirGradients) {
  using In = std::vector<Tensor>;
  using namespace ops;  // NOLINT
  const std::map<std::string, Function> cases = {
      {"add", [](const In& x) { return add(x[0], x[1]); }},
      {"sub", [](const In& x) { return sub(x[0], x[1]); }},
      {"mul", [](const In& x) { return mul(x[0], x[1]); }},
      {"div", [](const In& x) { return div(x[0], x[1]); }},
      {"pow", [](const In& x) { return ops::pow(x[0], x[1]); }},
      {"maximum", [](const In& x) { return maximum(x[0], x[1]); }},
      {"neg", [](const In& x) { return neg(x[0]); }},
      {"abs", [](const In& x) { return abs(x[0]); }},
      {"exp", [](const In& x) { return exp(x[0]); }},
      {"log", [](const In& x) { return log(x[0]); }},
      {"sqrt", [](const In& x) { return sqrt(x[0]); }},
      {"relu", [](const In& x) { return relu(x[0]); }},
      {"sigmoid", [](const In& x) { return sigmoid(x[0]); }},
      {"tanh", [](const In& x) { return tanh(x[0]); }},
      {"gelu", [](const In& x) { return gelu(x[0]); }},
      {"sum", [](const In& x) { return sum(x[0], {1}); }},
      {"mean", [](const In& x) { return mean(x[0], {0}); }},
      {"max", [](const In& x) { return ops::max(x[0], {1}); }},
      {"softmax", [](const In& x) { return softmax(x[0]); }},
      {"log_softmax", [](const In& x) { return log_softmax(x[0]); }},
      {"matmul", [](const In& x) { return matmul(x[0], x[1]); }},
      {"linear_relu", [](const In& x) { return linear(x[0], x[1], x[2], {.activation = Activation::relu}); }},
      {"layer_norm", [](const In& x) { return layer_norm(x[0], x[1], x[2]); }},
      {"mse_loss", [](const In& x) { return mse_loss(x[0], x[1]); }},
      {"cross_entropy", [](const In& x) { return cross_entropy(x[0], find(vectors(), "labels")); }},
      {"binary_cross_entropy",
       [](const In& x) { return binary_cross_entropy(x[0], find(vectors(), "binary_cross_entropy.target")); }},
      {"reshape", [](const In& x) { return x[0].reshape({4, 3}); }},
      {"transpose", [](const In& x) { return x[0].transpose(0, 1); }},
      {"slice", [](const In& x) { return x[0].slice(1, 1, 4, 2); }},
      {"expand", [](const In& x) { return x[0].expand({3, 4}); }},
  };
  std::size_t seen = 0;
  for (const auto& [name, tensor] : vectors().tensors) seen += name.ends_with(".in0");
  EXPECT_EQ(seen, cases.size());
  for (const auto& [name, f] : cases) {
    SCOPED_TRACE(name);
    In inputs;
    for (int i = 0; contains(vectors(), name + ".in" + std::to_string(i)); ++i) {
      inputs.push_back(find(vectors(), name + ".in" + std::to_string(i)).clone());
      set_requires_grad(inputs.back());
    }
    const Tensor y = f(inputs);
    EXPECT_EQ(y.shape(), find(vectors(), name + ".out").shape());
    EXPECT_TRUE(ops::allclose(y, find(vectors(), name + ".out"), 1e-12, 1e-14));
    backward(y, {.gradient = find(vectors(), name + ".weights")});
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Tensor& want = find(vectors(), name + ".grad" + std::to_string(i));
      EXPECT_TRUE(ops::allclose(grad(inputs[i]), want, 1e-11, 1e-13))
          << "gradient " << i << ": off by " << ops::max_abs_diff(grad(inputs[i]), want);
    }
  }
}

TEST(Torch, Optimizers) {
  using Make = std::function<std::unique_ptr<optim::Optimizer>(std::vector<Tensor>)>;
  const auto sgd = [](optim::SGDOptions options) -> Make {
    return [=](std::vector<Tensor> p) { return std::make_unique<optim::SGD>(std::move(p), 0.1, options); };
  };
  const std::map<std::string, Make> cases = {
      {"sgd", sgd({})},
      {"sgd_decay", sgd({.weight_decay = 0.05})},
      {"sgd_momentum", sgd({.momentum = 0.9, .dampening = 0.1})},
      {"sgd_nesterov", sgd({.momentum = 0.9, .weight_decay = 0.01, .nesterov = true})},
      {"adam", [](std::vector<Tensor> p) { return std::make_unique<optim::Adam>(std::move(p), 0.01); }},
      {"adam_decay",
       [](std::vector<Tensor> p) {
         return std::make_unique<optim::Adam>(
             std::move(p), 0.01, optim::AdamOptions{.beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.1});
       }},
      {"adamw", [](std::vector<Tensor> p) { return std::make_unique<optim::AdamW>(std::move(p), 0.01); }},
  };
  for (const auto& [name, make] : cases) {
    SCOPED_TRACE(name);
    for (DType dtype : {DType::float64, DType::float32}) {
      Tensor p = find(vectors(), name + ".start").to(dtype).clone();
      set_requires_grad(p);
      const auto optimizer = make({p});
      const Tensor &grads = find(vectors(), name + ".grads"), &path = find(vectors(), name + ".path");
      for (std::int64_t step = 0; step < grads.size(0); ++step) {
        set_grad(p, grads.slice(0, step, step + 1).reshape({-1}).to(dtype));
        optimizer->step();
        const double tolerance = dtype == DType::float64 ? 1e-13 : 2e-5;
        EXPECT_TRUE(ops::allclose(p, path.slice(0, step, step + 1).reshape({-1}), tolerance, tolerance)) << step;
      }
      EXPECT_EQ(optimizer->steps(), grads.size(0));
    }
  }
}

TEST(Torch, ClippingAndTheCosine) {
  Tensor p = Tensor::zeros({6}, DType::float64);
  set_requires_grad(p);
  set_grad(p, find(vectors(), "clip.grad"));
  EXPECT_NEAR(optim::clip_grad_norm({p}, 0.5), find(vectors(), "clip.norm").item(), 1e-14);
  EXPECT_TRUE(ops::allclose(grad(p), find(vectors(), "clip.result"), 1e-13));
  const Tensor& rates = find(vectors(), "cosine.rates");
  for (std::int64_t t = 0; t < rates.numel(); ++t) {
    EXPECT_NEAR(optim::cosine_schedule(0.1, 0.01, t, 10), rates.at({t}), 1e-15);
  }
}

TEST(Torch, AModelSavedByPyTorchGivesItsLogits) {
  nn::Sequential model(
      {std::make_shared<nn::Dense>(6, 5), std::make_shared<nn::ReLU>(), std::make_shared<nn::Dense>(5, 3)});
  io::load_state_dict(model, io::read_safetensors(fixture("torch_mlp.safetensors")));
  const NoGrad no_grad;
  EXPECT_TRUE(ops::allclose(model.forward(find(vectors(), "mlp.input")), find(vectors(), "mlp.logits"), 1e-6, 1e-7));
}

/// The script's `hashed`.
Tensor hashed(const Shape& shape, std::uint32_t salt, float scale = 1) {
  Tensor t = Tensor::empty(shape);
  float* out = t.mutable_data<float>();
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(t.numel()); ++i) {
    std::uint32_t x = i * 2654435761u + salt * 40503u + 12345u;
    x = (x ^ (x >> 15)) * 2246822519u;
    x = (x ^ (x >> 13)) * 3266489917u;
    x ^= x >> 16;
    out[i] = (static_cast<float>(x >> 8) * 0x1p-23f - 1) * scale;
  }
  return t;
}

class TorchTraining : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Optimizers, TorchTraining, ::testing::Values("sgd", "adam"));

TEST_P(TorchTraining, TwoHundredStepsFollowTheLossCurve) {
  std::vector<std::shared_ptr<nn::Dense>> dense;
  const std::pair<int, int> sizes[] = {{784, 256}, {256, 128}, {128, 10}};
  for (std::uint32_t k = 0; k < 3; ++k) {
    dense.push_back(std::make_shared<nn::Dense>(sizes[k].first, sizes[k].second));
    dense[k]->weight().copy_from(hashed({sizes[k].first, sizes[k].second}, 2 * k, 1.0f / 32));
    dense[k]->bias().copy_from(hashed({sizes[k].second}, 2 * k + 1, 1.0f / 32));
  }
  const auto relu = std::make_shared<nn::ReLU>();
  nn::Sequential model({dense[0], relu, dense[1], relu, dense[2]});
  constexpr std::int64_t batches = 8;
  const Tensor prototypes = hashed({10, 784}, 100), noise = hashed({batches, 64, 784}, 101);
  std::vector<Tensor> x, labels;
  for (std::int64_t b = 0; b < batches; ++b) {
    Tensor features = Tensor::empty({64, 784}), classes = Tensor::empty({64}, DType::int32);
    for (std::int64_t i = 0; i < 64; ++i) {
      const std::int64_t label = (b * 64 + i) % 10;
      classes.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(label);
      for (std::int64_t j = 0; j < 784; ++j) {
        features.mutable_data<float>()[i * 784 + j] =
            0.25f * prototypes.data<float>()[label * 784 + j] + 0.75f * noise.data<float>()[(b * 64 + i) * 784 + j];
      }
    }
    x.push_back(features);
    labels.push_back(classes);
  }
  const std::string name = GetParam();
  std::unique_ptr<optim::Optimizer> optimizer;
  if (name == "sgd")
    optimizer = std::make_unique<optim::SGD>(model.parameters(), 0.02, optim::SGDOptions{.momentum = 0.9});
  if (name == "adam") optimizer = std::make_unique<optim::Adam>(model.parameters(), 1e-4);
  const Tensor& want = find(vectors(), "training." + name);
  double largest = 0;
  for (std::int64_t step = 0; step < want.numel(); ++step) {
    optimizer->zero_grad();
    const auto b = static_cast<std::size_t>(step % batches);
    const Tensor loss = ops::cross_entropy(model.forward(x[b]), labels[b]);
    backward(loss);
    optimizer->step();
    const double error = std::abs(loss.item() - want.at({step})) / want.at({step});
    largest = std::max(largest, error);
    ASSERT_LE(error, 1e-4) << "step " << step << ": " << loss.item() << ", PyTorch " << want.at({step});
  }
  RecordProperty("largest relative difference", std::to_string(largest));
}

}  // namespace
}  // namespace tinytorch::testing
