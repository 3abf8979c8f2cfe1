// The training loop: groups of batches, modes, steps in halves, evaluation of many classes.
#include <cmath>
#include <limits>

#include "train_tester.h"

namespace tinytorch::testing {
namespace {

/// A layer that reads the mode.
class Watch : public nn::Module {
 public:
  [[nodiscard]] Tensor forward(const Tensor& x) override {
    modes.push_back(training());
    return x;
  }
  [[nodiscard]] std::string_view name() const override { return "Watch"; }
  std::vector<bool> modes;
};

TEST(Accumulation, AGroupOfBatchesIsOneLargeBatch) {
  for (std::uint64_t seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE(seed);
    Generator random(seed);
    manual_seed(seed);
    const auto n = static_cast<std::int64_t>(1 + random.below(40));
    const auto batch = static_cast<std::int64_t>(1 + random.below(12));
    const auto accumulate = static_cast<std::int64_t>(1 + random.below(6));
    const train::Loss loss = random.below(2) == 0 ? train::Loss::cross_entropy : train::Loss::mse;
    const Tensor x = Tensor::randn({n, 3}, DType::float64);
    Tensor y = Tensor::zeros({n}, DType::int32);
    for (std::int64_t i = 0; i < n; ++i) y.mutable_data<std::int32_t>()[i] = static_cast<std::int32_t>(random.below(4));
    if (loss == train::Loss::mse) y = Tensor::randn({n, 4}, DType::float64);
    auto model = std::make_shared<nn::Dense>(3, 4, true, DType::float64);
    nn::Dense large(3, 4, true, DType::float64);
    large.weight().copy_from(detach(model->weight()));
    large.bias().copy_from(detach(model->bias()));
    auto loader = std::make_shared<DataLoader>(TensorDataset(x, y), LoaderOptions{.batch_size = batch});
    const auto end = Trainer(model, std::make_shared<optim::SGD>(model->parameters(), 0.3), loader,
                             {.epochs = 2, .loss = loss, .accumulate = accumulate})
                         .fit();
    optim::SGD optimizer(large.parameters(), 0.3);
    std::int64_t steps = 0;
    for (int epoch = 0; epoch < 2; ++epoch) {
      for (std::int64_t first = 0; first < n; first += batch * accumulate, ++steps) {
        const std::int64_t last = std::min(n, first + batch * accumulate);
        optimizer.zero_grad();
        const Tensor z = large.forward(x.slice(0, first, last)), target = y.slice(0, first, last).clone();
        backward(loss == train::Loss::mse ? ops::mse_loss(z, target) : ops::cross_entropy(z, target));
        optimizer.step();
      }
    }
    EXPECT_EQ(end.steps, steps);
    const std::vector<double> got = weights(*model), want = weights(large);
    for (std::size_t i = 0; i < got.size(); ++i) {
      // Sums of at most 40 terms, in another order, in each of at most 80 steps.
      ASSERT_NEAR(got[i], want[i], 80 * 40 * 0x1p-53 * (10 + std::abs(want[i])))
          << n << ' ' << batch << ' ' << accumulate;
    }
  }
}

TEST(Modes, TrainingGivesAModelItsOwnBack) {
  const data::TensorDataset dataset(Tensor::randn({6, 3}), Tensor::zeros({6}, DType::int32));
  auto loader = std::make_shared<DataLoader>(dataset, LoaderOptions{.batch_size = 2});
  for (const bool by_hand : {false, true}) {
    auto inside = std::make_shared<Watch>(), beside = std::make_shared<Watch>();
    auto dense = std::make_shared<nn::Dense>(3, 2);
    auto model = std::make_shared<nn::Sequential>(std::vector<nn::ModulePtr>{
        std::make_shared<nn::Sequential>(std::vector<nn::ModulePtr>{inside}), beside, dense});
    Trainer trainer(model, std::make_shared<optim::SGD>(dense->parameters(), 0.1), loader, {.epochs = 9});
    inside->set_training(!by_hand);  // stays in evaluation mode where it was put there by hand
    (void)trainer.step();
    EXPECT_EQ(inside->modes, std::vector<bool>{!by_hand});
    EXPECT_EQ(beside->modes, std::vector<bool>{true});
    (void)train::evaluate(model, dataset);
    (void)trainer.step();
    EXPECT_EQ(inside->modes, (std::vector<bool>{!by_hand, false, !by_hand}));
    EXPECT_EQ(beside->modes, (std::vector<bool>{true, false, true}));
    model->set_training(false);  // a model in evaluation mode is trained in training mode, and is back in its own after
    (void)trainer.step();
    EXPECT_TRUE(inside->modes.back());
    EXPECT_FALSE(inside->training());
    EXPECT_FALSE(model->training());
  }
}

TEST(Trainer, AStepInHalvesHasTheSameBits) {
  for (const std::int64_t accumulate : {1, 3}) {
    const TrainOptions options{
        .epochs = 2, .clip_norm = 0.5, .accumulate = accumulate, .schedule = train::Schedule::cosine};
    Training whole = make_setup(true, 0.2);
    Trainer(whole.model, whole.optimizer, whole.loader, options).fit();
    Training halves = make_setup(true, 0.2);
    Trainer trainer(halves.model, halves.optimizer, halves.loader, options);
    int abandoned = 0;
    while (const data::Batch* batch = trainer.begin()) {
      EXPECT_ERROR(trainer.begin(), ErrorCode::invalid_argument, "a step is under way");
      const train::Progress before = trainer.progress();
      if (abandoned++ % 3 == 0) {
        (void)halves.model->forward(batch->features);  // draws random numbers
        trainer.abandon();
        EXPECT_EQ(trainer.progress().batch, before.batch);
        EXPECT_EQ(trainer.progress().steps, before.steps);
        batch = trainer.begin();
      }
      (void)trainer.finish(halves.model->forward(batch->features));
    }
    EXPECT_TRUE(trainer.progress().finished);
    EXPECT_EQ(weights(*halves.model), weights(*whole.model));
    EXPECT_ERROR(trainer.finish(Tensor::zeros({1})), ErrorCode::invalid_argument, "no step is under way");
  }
}

TEST(Trainer, OptionsThatAreRefused) {
  Training s = make_setup();
  const auto refused = [&](const TrainOptions& options, const char* text) {
    EXPECT_ERROR(Trainer(s.model, s.optimizer, s.loader, options), ErrorCode::invalid_argument, text);
  };
  for (const double wrong : {-1.0, static_cast<double>(NAN)}) {
    refused({.clip_norm = wrong}, "Trainer: clip_norm");
    refused({.schedule_factor = wrong}, "Trainer: schedule_factor");
    refused({.schedule_lowest = wrong}, "Trainer: schedule_lowest");
    refused({.warmup = wrong}, "Trainer: warmup");
  }
  refused({.schedule_factor = INFINITY}, "Trainer: schedule_factor");
  refused({.warmup = 1}, "Trainer: warmup");
  refused({.epochs = -1}, "Trainer: epochs must be >= 0, got -1");
  refused({.accumulate = 0}, "Trainer: accumulate");
  refused({.schedule_every = 0}, "Trainer: schedule_every");
  refused({.patience = -1}, "Trainer: patience");
}

TEST(Trainer, LargeNumbersDoNotWrap) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  Training s = make_setup();
  auto loader = std::make_shared<DataLoader>(blobs(10), LoaderOptions{.batch_size = most});
  EXPECT_EQ(loader->batches(), 1);
  EXPECT_EQ(loader->indices(0).size(), 10u);
  Trainer trainer(s.model, s.optimizer, loader,
                  {.epochs = most, .accumulate = most, .schedule = train::Schedule::cosine, .schedule_every = most});
  const train::Progress p = trainer.step();
  EXPECT_EQ(p.steps, 1);
  EXPECT_GE(p.seconds_left, 0);
  EXPECT_NEAR(s.optimizer->learning_rate(), 0.05, 1e-12);
  EXPECT_EQ(train::evaluate(s.model, blobs(10), train::Loss::cross_entropy, most).samples, 10);
}

TEST(Trainer, ANaNIsNeverTheBest) {
  Training s = make_setup();
  Trainer trainer(s.model, s.optimizer, s.loader, {.patience = 2});
  trainer.report_validation(NAN);
  trainer.report_validation(5);
  trainer.report_validation(6);
  EXPECT_FALSE(trainer.progress().finished);
  trainer.report_validation(4);
  trainer.report_validation(NAN);
  EXPECT_FALSE(trainer.progress().finished);
  trainer.report_validation(NAN);
  EXPECT_TRUE(trainer.progress().stopped_early);
}

TEST(Evaluate, ATableForManyClassesOnlyWhereItIsAskedFor) {
  for (const std::int64_t classes : {3, 1000, 1001, 65536, 70000}) {
    SCOPED_TRACE(classes);
    auto model = std::make_shared<nn::Dense>(1, classes);
    const TensorDataset dataset(Tensor::ones({3, 1}),
                                Tensor::full({3}, static_cast<double>(classes - 1), DType::int32));
    const train::Evaluation found = train::evaluate(model, dataset);
    EXPECT_EQ(found.classes, classes);
    EXPECT_EQ(found.predictions.size(), 3u);
    EXPECT_EQ(found.confusion.size(), classes <= 1000 ? static_cast<std::size_t>(classes * classes) : 0u);
    using train::Confusion;
    const auto with = [&](Confusion how) {
      return train::evaluate(model, dataset, train::Loss::cross_entropy, 2, how);
    };
    EXPECT_TRUE(with(Confusion::never).confusion.empty());
    if (classes <= 1001) {
      std::int64_t total = 0;
      for (const std::int64_t count : with(Confusion::always).confusion) total += count;
      EXPECT_EQ(total, 3);
    }
  }
}

TEST(Evaluate, AModelThatChangesItsClassesIsRefused) {
  class Grows : public nn::Module {
   public:
    [[nodiscard]] Tensor forward(const Tensor& x) override { return Tensor::ones({x.size(0), ++classes}); }
    [[nodiscard]] std::string_view name() const override { return "Grows"; }
    std::int64_t classes = 1;
  };
  const TensorDataset dataset(Tensor::ones({4, 1}), Tensor::zeros({4}, DType::int32));
  EXPECT_ERROR(train::evaluate(std::make_shared<Grows>(), dataset, train::Loss::cross_entropy, 2), ErrorCode::shape,
               "the model gives 3 classes, for earlier batches it gave 2");
}

}  // namespace
}  // namespace tinytorch::testing
