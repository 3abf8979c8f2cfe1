#include <memory>
#include <vector>

#include "check.h"
#include "readers.h"
#include "tinytorch/train.h"

namespace tinytorch::fuzz {

namespace {

/// A small network in the middle of an accumulation, and how it is when nothing has been restored.
struct Subject {
  std::unique_ptr<train::Trainer> trainer;
  std::vector<std::byte> start;

  explicit Subject(bool adam) {
    manual_seed(1);
    const auto model = std::make_shared<nn::Sequential>(std::vector<nn::ModulePtr>{
        std::make_shared<nn::Dense>(2, 3), std::make_shared<nn::ReLU>(), std::make_shared<nn::Dense>(3, 2)});
    std::shared_ptr<optim::Optimizer> optimizer;
    if (adam)
      optimizer = std::make_shared<optim::AdamW>(model->parameters());
    else
      optimizer = std::make_shared<optim::SGD>(model->parameters(), 0.1, optim::SGDOptions{.momentum = 0.9});
    Tensor labels = Tensor::zeros({6}, DType::int32);
    for (std::int32_t i = 0; i < 6; ++i) labels.mutable_data<std::int32_t>()[i] = i % 2;
    const auto loader = std::make_shared<data::DataLoader>(data::TensorDataset(Tensor::randn({6, 2}), labels),
                                                           data::LoaderOptions{.batch_size = 2, .shuffle = true});
    trainer =
        std::make_unique<train::Trainer>(model, optimizer, loader, train::TrainOptions{.epochs = 3, .accumulate = 2});
    for (int i = 0; i < 4; ++i) trainer->step();
    start = trainer->checkpoint();
  }
};

void check(Subject& subject, Input input) {
  train::Trainer& trainer = *subject.trainer;
  if (!accepts([&] { trainer.restore(input); })) {
    require(trainer.checkpoint() == subject.start, "a refused checkpoint changes nothing");
    return;
  }
  const std::vector<std::byte> restored = trainer.checkpoint();
  trainer.restore(restored);
  require(trainer.checkpoint() == restored, "a trainer restores its own checkpoint");
  try {
    trainer.step();
  } catch (const Error&) {  // values that training cannot go on with
  }
  trainer.restore(subject.start);
  require(trainer.checkpoint() == subject.start, "what was before is restored bit by bit");
}

std::vector<Subject>& subjects() {
  static std::vector<Subject> all = [] {
    std::vector<Subject> made;
    made.emplace_back(true);
    made.emplace_back(false);
    return made;
  }();
  return all;
}

}  // namespace

std::vector<std::byte> sample_checkpoint() { return subjects().front().start; }

void check_checkpoint(Input input) {
  for (Subject& subject : subjects()) {
    // The random numbers belong to all trainers together.
    subject.trainer->restore(subject.start);
    check(subject, input);
  }
}

}  // namespace tinytorch::fuzz
