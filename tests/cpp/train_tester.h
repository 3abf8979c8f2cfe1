#pragma once

// A small problem that a network can learn, and what training it needs.
#include <cstdint>
#include <memory>
#include <vector>

#include "tensor_tester.h"
#include "tinytorch/autograd.h"
#include "tinytorch/ops.h"
#include "tinytorch/train.h"

namespace tinytorch::testing {

using data::DataLoader;
using data::LoaderOptions;
using data::TensorDataset;
using train::Trainer;
using train::TrainOptions;

/// Three classes of bytes that a small network can tell apart.
inline TensorDataset blobs(std::int64_t count, std::uint64_t seed = 1) {
  Generator generator(seed);
  Tensor x = Tensor::empty({count, 20}, DType::uint8), y = Tensor::empty({count}, DType::uint8);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::uint8_t>(generator.below(3));
    y.mutable_data<std::uint8_t>()[i] = label;
    for (int j = 0; j < 20; ++j) {
      x.mutable_data<std::uint8_t>()[i * 20 + j] =
          static_cast<std::uint8_t>(generator.below(128) + (j % 3 == label ? 100 : 0));
    }
  }
  return {x, y, 0.3, 0.25};
}

struct Training {
  nn::ModulePtr model;
  std::shared_ptr<optim::Optimizer> optimizer;
  std::shared_ptr<DataLoader> loader;
};

inline Training make_setup(bool adam = false, double dropout = 0, std::int64_t samples = 500) {
  manual_seed(99);
  std::vector<nn::ModulePtr> layers{std::make_shared<nn::Dense>(20, 32), std::make_shared<nn::ReLU>()};
  if (dropout > 0) layers.push_back(std::make_shared<nn::Dropout>(dropout));
  layers.push_back(std::make_shared<nn::Dense>(32, 3));
  Training s{std::make_shared<nn::Sequential>(layers), nullptr, nullptr};
  if (adam) {
    s.optimizer = std::make_shared<optim::Adam>(s.model->parameters(), 0.01);
  } else {
    s.optimizer = std::make_shared<optim::SGD>(s.model->parameters(), 0.05, optim::SGDOptions{.momentum = 0.9});
  }
  s.loader = std::make_shared<DataLoader>(blobs(samples), LoaderOptions{.batch_size = 32, .shuffle = true, .seed = 7});
  return s;
}

inline std::vector<double> weights(const nn::Module& model) {
  std::vector<double> all;
  for (const Tensor& p : model.parameters())
    for (double v : values(p)) all.push_back(v);
  return all;
}

}  // namespace tinytorch::testing
