// The same computation as digest.mjs, line by line: random numbers, products, every operation with its gradient, an
// epoch of training. Prints a digest for each line; scripts/digest.mjs compares them between compilers and engines.
// Usage: tinytorch_digest [THREADS]
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <vector>

#include "hash.h"
#include "tinytorch/tinytorch.h"

namespace tinytorch::digest {

namespace {

Hash total;

/// Prints what `body` puts into a hash.
void line(const std::string& name, const std::function<void(Hash&)>& body) {
  Hash hash;
  body(hash);
  std::printf("%s %s\n", name.c_str(), hash.text().c_str());
  std::fflush(stdout);  // a failure comes after the lines before it
  for (const char c : hash.text()) total.word(static_cast<unsigned char>(c));
}

constexpr DType floats[] = {DType::float32, DType::float64};

void random_numbers() {
  for (const DType dtype : floats) {
    for (const std::uint64_t seed : {0ull, 1ull, 4294967297ull}) {
      line("random." + std::string(name_of(dtype)) + "." + std::to_string(seed), [&](Hash& hash) {
        manual_seed(seed);
        for (std::int64_t n = 0; n < 10; ++n) {
          hash.tensor(Tensor::rand({n}, dtype));
          hash.tensor(Tensor::randn({n}, dtype));
        }
        hash.tensor(Tensor::rand({70001}, dtype));
        hash.tensor(Tensor::randn({70001}, dtype));
        hash.tensor(nn::Dropout(0.3).forward(Tensor::ones({41, 1001}, dtype)));
        for (int how = 0; how < 4; ++how) {
          Tensor weight = Tensor::zeros({37, 53}, dtype);
          nn::initialize(weight, static_cast<nn::Init>(how));
          hash.tensor(weight);
        }
        hash.tensor(nn::Dense(37, 53, true, dtype).weight());
      });
    }
  }
  line("random.order", [](Hash& hash) {
    const data::TensorDataset dataset(Tensor::zeros({1000, 1}), Tensor::zeros({1000}, DType::int32));
    data::DataLoader loader(dataset, {.batch_size = 64, .shuffle = true, .seed = 9});
    for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
      loader.set_epoch(epoch);
      for (std::int64_t i = 0; i < loader.batches(); ++i) {
        for (const std::int32_t place : loader.indices(i)) hash.number(place);
      }
    }
  });
}

/// Sizes for products, from a generator that JavaScript has too.
class Sizes {
 public:
  std::int64_t upto(std::uint32_t most) {
    state_ = state_ * 1664525u + 1013904223u;
    return 1 + static_cast<std::int64_t>((state_ >> 8) % most);
  }

 private:
  std::uint32_t state_ = 12345;
};

Tensor leaf(const Shape& shape, DType dtype) {
  Tensor tensor = Tensor::randn(shape, dtype);
  set_requires_grad(tensor);
  return tensor;
}

/// The result and the gradients of `inputs` for a random gradient of the result.
void with_gradients(Hash& hash, const Tensor& result, const std::vector<Tensor>& inputs) {
  hash.tensor(result);
  backward(result, {.gradient = Tensor::randn(result.shape(), result.dtype())});
  for (const Tensor& input : inputs) {
    const Tensor gradient = grad(input);
    if (gradient.defined())
      hash.tensor(gradient);
    else
      hash.word(0);
  }
}

void products() {
  manual_seed(2);
  Sizes sizes;
  constexpr std::uint32_t most[5][3] = {{9, 9, 9}, {70, 70, 70}, {400, 20, 60}, {20, 700, 60}, {60, 60, 900}};
  for (std::uint32_t i = 0; i < 200; ++i) {
    const auto& limits = most[i % 5];
    const std::int64_t m = sizes.upto(limits[0]), n = sizes.upto(limits[1]), k = sizes.upto(limits[2]);
    const DType dtype = floats[i / 5 % 2];
    line("product." + std::to_string(i) + "." + std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k),
         [&](Hash& hash) {
           const bool turn_a = i % 3 == 1, turn_b = i % 7 == 2;
           const Tensor a = leaf(turn_a ? Shape{k, m} : Shape{m, k}, dtype);
           const Tensor b = leaf(turn_b ? Shape{n, k} : Shape{k, n}, dtype);
           const Tensor x = turn_a ? a.transpose() : a, y = turn_b ? b.transpose() : b;
           with_gradients(hash, ops::matmul(x, y), {a, b});
         });
  }
  line("product.stack", [](Hash& hash) {
    const Tensor a = leaf({3, 1, 17, 40}, DType::float32), b = leaf({5, 40, 29}, DType::float32);
    with_gradients(hash, ops::matmul(a, b), {a, b});
  });
  line("product.shared", [](Hash& hash) {
    const Tensor a = leaf({310, 300}, DType::float32), b = leaf({300, 290}, DType::float32);
    with_gradients(hash, ops::matmul(a, b), {a, b});
  });
}

using Unary = std::function<Tensor(const Tensor&)>;
using Binary = std::function<Tensor(const Tensor&, const Tensor&)>;

// In the order of digest.mjs.
const std::vector<std::pair<std::string, Unary>> unary = {
    {"neg", ops::neg},
    {"abs", ops::abs},
    {"exp", ops::exp},
    {"log", [](const Tensor& a) { return ops::log(ops::abs(a)); }},
    {"sqrt", [](const Tensor& a) { return ops::sqrt(ops::abs(a)); }},
    {"relu", ops::relu},
    {"sigmoid", ops::sigmoid},
    {"tanh", ops::tanh},
    {"gelu", ops::gelu},
    {"sum", [](const Tensor& a) { return ops::sum(a); }},
    {"sum.0", [](const Tensor& a) { return ops::sum(a, {.dim = 0}); }},
    {"mean.1", [](const Tensor& a) { return ops::mean(a, {.dim = 1, .keepdim = true}); }},
    {"mean", [](const Tensor& a) { return ops::mean(a); }},
    {"max", [](const Tensor& a) { return ops::max(a); }},
    {"max.0", [](const Tensor& a) { return ops::max(a, {.dim = 0}); }},
    {"softmax", [](const Tensor& a) { return ops::softmax(a); }},
    {"softmax.0", [](const Tensor& a) { return ops::softmax(a, 0); }},
    {"logSoftmax", [](const Tensor& a) { return ops::log_softmax(a); }},
    {"reshape", [](const Tensor& a) { return a.reshape({-1}); }},
    {"transpose", [](const Tensor& a) { return a.transpose(); }},
    {"slice", [](const Tensor& a) { return a.slice(1, 1, 30, 3); }},
    {"expand", [](const Tensor& a) { return a.expand({2, a.size(0), a.size(1)}); }},
    {"clone", ops::clone},
    {"LayerNorm", [](const Tensor& a) { return nn::LayerNorm(a.size(1), 1e-5, a.dtype()).forward(a); }},
    {"Dropout", [](const Tensor& a) { return nn::Dropout(0.4).forward(a); }},
    {"Flatten", [](const Tensor& a) { return nn::Flatten().forward(a); }},
    {"ReLU", [](const Tensor& a) { return nn::ReLU().forward(a); }},
    {"Sigmoid", [](const Tensor& a) { return nn::Sigmoid().forward(a); }},
    {"Tanh", [](const Tensor& a) { return nn::Tanh().forward(a); }},
    {"GELU", [](const Tensor& a) { return nn::GELU().forward(a); }},
    {"Softmax", [](const Tensor& a) { return nn::Softmax().forward(a); }},
    {"Dense", [](const Tensor& a) { return nn::Dense(a.size(1), 21, true, a.dtype()).forward(a); }},
};
const std::vector<std::pair<std::string, Binary>> binary = {
    {"add", ops::add},
    {"sub", ops::sub},
    {"mul", ops::mul},
    {"div", ops::div},
    {"pow", [](const Tensor& a, const Tensor& b) { return ops::pow(ops::abs(a), b); }},
    {"maximum", ops::maximum},
    {"MSELoss", [](const Tensor& a, const Tensor& b) { return ops::mse_loss(a, b.expand(a.shape())); }},
    {"BinaryCrossEntropyLoss",
     [](const Tensor& a, const Tensor& b) {
       return ops::binary_cross_entropy(ops::sigmoid(a), autograd.expand(::sigmoid(b), a.shape()));
     }},
};

/// Normal numbers, or many orders of magnitude.
Tensor input(const Shape& shape, DType dtype, bool wide) {
  Tensor x = Tensor::randn(shape, dtype);
  if (wide) x = ops::mul(x, ops::exp(ops::mul(Tensor::randn(shape, dtype), Tensor::scalar(8, dtype))));
  set_requires_grad(x);
  return x;
}

void operations(DType dtype, const Shape& shape, bool wide) {
  const std::string end = "." + std::string(name_of(dtype)) + "." + std::to_string(shape[0]) + (wide ? ".wide" : "");
  manual_seed(3);
  for (const auto& [name, apply] : unary) {
    line(name + end, [&, &f = apply](Hash& hash) {
      const Tensor a = input(shape, dtype, wide);
      with_gradients(hash, f(a), {a});
    });
  }
  for (const auto& [name, apply] : binary) {
    line(name + end, [&, &f = apply](Hash& hash) {
      const Tensor a = input(shape, dtype, wide), b = input({shape[1]}, dtype, wide);
      with_gradients(hash, f(a, b), {a, b});
    });
  }
  line("CrossEntropyLoss" + end, [&](Hash& hash) {
    const Tensor a = input(shape, dtype, wide);
    const Tensor labels = ops::argmax(Tensor::randn(shape, dtype), {.dim = 1});
    hash.tensor(labels);
    with_gradients(hash, ops::cross_entropy(a, labels), {a});
  });
  line("argmax" + end, [&](Hash& hash) { hash.tensor(ops::argmax(Tensor::randn(shape, dtype))); });
  line("makers" + end, [&](Hash& hash) {
    hash.tensor(Tensor::eye(5, 7, dtype));
    hash.tensor(Tensor::arange(-1, 3, 0.37, dtype));
    hash.tensor(Tensor::full({3}, 0.1, dtype));
    Tensor x = Tensor::ones(shape, dtype);
    x.fill(1.0 / 3);
    hash.tensor(x);
    x.copy_from(Tensor::randn({shape[1]}, dtype));
    hash.tensor(x);
    for (const DType other : floats) hash.tensor(Tensor::randn(shape, dtype).to(other));
  });
}

void training() {
  const std::map<std::string, std::function<std::shared_ptr<optim::Optimizer>(std::vector<Tensor>)>> optimizers = {
      {"Adam", [](auto p) { return std::make_shared<optim::Adam>(std::move(p), 0.01); }},
      {"AdamW", [](auto p) { return std::make_shared<optim::AdamW>(std::move(p), 0.01); }},
      {"SGD",
       [](auto p) {
         const optim::SGDOptions options{.momentum = 0.9, .weight_decay = 1e-3, .nesterov = true};
         return std::make_shared<optim::SGD>(std::move(p), 0.05, options);
       }},
  };
  for (const auto& [name, make] : optimizers) {
    line("training." + name, [&, &make_optimizer = make](Hash& hash) {
      manual_seed(4);
      const Tensor x = Tensor::randn({150, 20});
      const Tensor y = ops::argmax(ops::matmul(x, Tensor::randn({20, 4})), {.dim = 1});
      const data::TensorDataset dataset(x, y);
      const auto model = std::make_shared<nn::Sequential>(std::vector<nn::ModulePtr>{
          std::make_shared<nn::Dense>(20, 300), std::make_shared<nn::ReLU>(), std::make_shared<nn::LayerNorm>(300),
          std::make_shared<nn::Dropout>(0.2), std::make_shared<nn::Dense>(300, 30), std::make_shared<nn::GELU>(),
          std::make_shared<nn::Dense>(30, 4)});
      const auto loader = std::make_shared<data::DataLoader>(
          dataset, data::LoaderOptions{.batch_size = 16, .shuffle = true, .seed = 5});
      train::Trainer trainer(model, make_optimizer(model->parameters()), loader,
                             {.epochs = 2, .clip_norm = 1, .schedule = train::Schedule::cosine, .warmup = 0.2});
      const train::Progress progress = trainer.fit();
      hash.number(progress.epoch_loss);
      hash.number(progress.epoch_accuracy);
      for (const Tensor& parameter : model->parameters()) hash.tensor(parameter);
      const train::Evaluation evaluation = train::evaluate(model, dataset);
      hash.number(evaluation.loss);
      hash.number(evaluation.accuracy);
      for (const std::int32_t chosen : evaluation.predictions) hash.number(chosen);
      for (const std::byte byte : io::write_safetensors(io::state_dict(*model))) {
        hash.number(std::to_integer<std::uint8_t>(byte));
      }
    });
  }
}

}  // namespace

void run() {
  random_numbers();
  products();
  for (const DType dtype : floats) {
    operations(dtype, {7, 33}, false);
    operations(dtype, {7, 33}, true);
    operations(dtype, {151, 403}, false);
  }
  training();
  std::printf("total %s\n", total.text().c_str());
}

}  // namespace tinytorch::digest

int main(int argc, char** argv) {
  tinytorch::leave_out_fused();
  tinytorch::set_num_threads(argc > 1 ? std::atoi(argv[1]) : 1);
  tinytorch::digest::run();
}
