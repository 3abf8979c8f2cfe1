#include "tinytorch/train.h"

#include <cmath>
#include <limits>
#include <set>

#include "fake_clock.h"
#include "tensor_tester.h"
#include "tinytorch/autograd.h"
#include "tinytorch/io.h"
#include "tinytorch/ops.h"
#include "tinytorch/threads.h"

namespace tinytorch::testing {
namespace {

using data::DataLoader;
using data::LoaderOptions;
using data::TensorDataset;
using train::Trainer;
using train::TrainOptions;

/// Three classes of bytes that a small network can tell apart.
TensorDataset blobs(std::int64_t count, std::uint64_t seed = 1) {
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

Training make_setup(bool adam = false, double dropout = 0, std::int64_t samples = 500) {
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

std::vector<double> weights(const nn::Module& model) {
  std::vector<double> all;
  for (const Tensor& p : model.parameters())
    for (double v : values(p)) all.push_back(v);
  return all;
}

TEST(DataLoader, BatchesCoverTheDataInASeededOrder) {
  const TensorDataset dataset = blobs(100);
  DataLoader loader(dataset, {.batch_size = 32, .shuffle = true, .seed = 3});
  EXPECT_EQ(loader.batches(), 4);
  std::vector<std::int32_t> first, second;
  for (std::int64_t epoch : {0, 1}) {
    loader.set_epoch(epoch);
    std::set<std::int32_t> seen;
    for (std::int64_t b = 0; b < 4; ++b) {
      const auto rows = loader.indices(b);
      EXPECT_EQ(rows.size(), b < 3 ? 32u : 4u);
      seen.insert(rows.begin(), rows.end());
      (epoch == 0 ? first : second).insert(epoch == 0 ? first.end() : second.end(), rows.begin(), rows.end());
      const data::Batch batch = loader.batch(b);
      EXPECT_EQ(batch.features.dtype(), DType::float32);
      EXPECT_EQ(batch.labels.dtype(), DType::int32);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto at = static_cast<std::int64_t>(i);
        EXPECT_EQ(batch.labels.at({at}), dataset.labels.at({rows[i]}));
        const double pixel = dataset.features.at({rows[i], 7}) / 255;
        EXPECT_NEAR(batch.features.at({at, 7}), (pixel - 0.3) / 0.25, 1e-6);
      }
    }
    EXPECT_EQ(seen.size(), 100u);
  }
  EXPECT_NE(first, second);
  DataLoader again(dataset, {.batch_size = 32, .shuffle = true, .seed = 3});
  const auto rows = again.indices(0);
  EXPECT_TRUE(std::equal(rows.begin(), rows.end(), first.begin()));
  const DataLoader plain(dataset, {.batch_size = 32, .drop_last = true});
  EXPECT_EQ(plain.batches(), 3);
  EXPECT_EQ(plain.indices(1)[0], 32);
}

TEST(DataLoader, OtherTypes) {
  const Tensor x = Tensor::randn({5, 2, 3}, DType::float64), y = Tensor::randn({5, 1});
  const DataLoader loader({x, y}, {.batch_size = 2});
  const data::Batch batch = loader.batch(1);
  EXPECT_EQ(values(batch.features), values(x.slice(0, 2, 4)));
  EXPECT_EQ(values(batch.labels), values(y.slice(0, 2, 4)));
  EXPECT_EQ(batch.labels.shape(), (Shape{2, 1}));
  EXPECT_TRUE(loader.dataset().features.shares_storage(x));
}

TEST(DataLoader, Errors) {
  EXPECT_ERROR(TensorDataset(Tensor::zeros({3, 2}), Tensor::zeros({2})), ErrorCode::shape,
               "TensorDataset: features are [3,2], labels [2]");
  EXPECT_ERROR(TensorDataset(Tensor::zeros({2}, DType::int32), Tensor::zeros({2})), ErrorCode::dtype, "int32");
  EXPECT_ERROR(TensorDataset(Tensor(), Tensor::zeros({2})), ErrorCode::invalid_argument, "features is an undefined");
  EXPECT_ERROR(DataLoader(blobs(3), {.batch_size = 0}), ErrorCode::invalid_argument, "the batch size is 0");
  const DataLoader loader(blobs(3), {});
  EXPECT_ERROR(loader.batch(1), ErrorCode::invalid_argument, "DataLoader: batch 1 of 1");
}

TEST(Trainer, Learns) {
  for (bool adam : {false, true}) {
    const FakeClock clock(125);  // read when a step begins and when it ends
    Training s = make_setup(adam);
    Trainer trainer(s.model, s.optimizer, s.loader, {.epochs = 5});
    int batches = 0, epochs = 0;
    const train::Progress end = trainer.fit({[&](const train::Progress&) { return ++batches > 0; },
                                             [&](const train::Progress& p) { return ++epochs == p.epoch; }});
    EXPECT_EQ(batches, 5 * 16);
    EXPECT_EQ(epochs, 5);
    EXPECT_TRUE(end.finished);
    EXPECT_EQ(end.steps, 80);
    EXPECT_LT(end.epoch_loss, 0.1);
    EXPECT_EQ(end.seconds, 80 * 0.125);
    EXPECT_EQ(end.samples_per_second, 5.0 * static_cast<double>(s.loader->dataset().size()) / end.seconds);
    EXPECT_EQ(end.seconds_left, 0);
    const train::Evaluation result = train::evaluate(s.model, blobs(300, 2));
    EXPECT_GT(result.accuracy, 0.97);
    EXPECT_LT(result.loss, 0.15);
    EXPECT_EQ(result.samples, 300);
    EXPECT_EQ(result.predictions.size(), 300u);
    std::int64_t total = 0, diagonal = 0;
    for (std::size_t i = 0; i < 9; ++i) {
      total += result.confusion[i];
      if (i % 4 == 0) diagonal += result.confusion[i];
    }
    EXPECT_EQ(total, 300);
    EXPECT_EQ(static_cast<double>(diagonal) / 300, result.accuracy);
    const double before = weights(*s.model)[0];
    EXPECT_TRUE(trainer.step().finished);  // further calls change nothing
    EXPECT_EQ(weights(*s.model)[0], before);
  }
}

TEST(Trainer, TheSameSeedGivesTheSameBitsOnAnyNumberOfThreads) {
  const int threads = num_threads();
  std::vector<double> first;
  for (int count : {1, 2, 1, 4}) {
    set_num_threads(count);
    Training s = make_setup(true, 0.2);
    Trainer(s.model, s.optimizer, s.loader, {.epochs = 2}).fit();
    if (first.empty()) first = weights(*s.model);
    EXPECT_EQ(weights(*s.model), first) << count << " threads";
  }
  set_num_threads(threads);
}

TEST(Trainer, CancelAndResumeToTheSameBits) {
  for (std::int64_t accumulate : {1, 3}) {
    const TrainOptions options{
        .epochs = 3, .clip_norm = 1, .accumulate = accumulate, .schedule = train::Schedule::cosine};
    Training whole = make_setup(true, 0.2);
    Trainer(whole.model, whole.optimizer, whole.loader, options).fit();
    for (int stop : {1, 16, 20, 47}) {
      Training part = make_setup(true, 0.2);
      Trainer trainer(part.model, part.optimizer, part.loader, options);
      int done = 0;
      trainer.fit({[&](const train::Progress&) { return ++done < stop; }, {}});
      EXPECT_EQ(done, stop);
      const std::vector<std::byte> file = trainer.checkpoint();
      Training fresh = make_setup(true, 0.2);
      manual_seed(123);  // whatever the state of the generator was
      Trainer resumed(fresh.model, fresh.optimizer, fresh.loader, options);
      resumed.restore(file);
      EXPECT_EQ(resumed.checkpoint(), file);
      const train::Progress end = resumed.fit();
      EXPECT_TRUE(end.finished);
      EXPECT_EQ(weights(*fresh.model), weights(*whole.model)) << "stopped after " << stop;
    }
  }
}

TEST(Trainer, AFinishedCheckpointStaysFinished) {
  Training s = make_setup();
  Trainer trainer(s.model, s.optimizer, s.loader, {.epochs = 1});
  trainer.fit();
  const auto file = trainer.checkpoint();
  Training t = make_setup();
  Trainer again(t.model, t.optimizer, t.loader, {.epochs = 1});
  again.restore(file);
  EXPECT_TRUE(again.progress().finished);
  Trainer longer(t.model, t.optimizer, t.loader, {.epochs = 2});
  longer.restore(file);
  EXPECT_FALSE(longer.progress().finished);
  EXPECT_EQ(longer.fit().epoch, 2);
}

TEST(Trainer, RestoreChangesNothingOnError) {
  Training s = make_setup(true);
  Trainer trainer(s.model, s.optimizer, s.loader, {.epochs = 1});
  (void)trainer.step();
  const std::vector<std::byte> before = trainer.checkpoint();
  std::vector<std::byte> cut(before.begin(), before.end() - 1);
  EXPECT_ERROR(trainer.restore(cut), ErrorCode::io, "safetensors");
  EXPECT_ERROR(trainer.restore(io::write_safetensors(io::state_dict(*s.model))), ErrorCode::io,
               "checkpoint: the file is not a 'tinytorch checkpoint 1'");
  Training sgd = make_setup(false);
  Trainer other(sgd.model, sgd.optimizer, sgd.loader, {.epochs = 1});
  EXPECT_ERROR(trainer.restore(other.checkpoint()), ErrorCode::io, "checkpoint: it has 4 optimizer tensors, needs 8");
  EXPECT_EQ(trainer.checkpoint(), before);
}

TEST(Trainer, AccumulatedBatchesAreOneLargeOne) {
  // Without shuffling, 4 batches of 8 against 1 of 32: the same gradient up to rounding.
  std::vector<std::vector<double>> results;
  for (std::int64_t accumulate : {1, 4}) {
    Training s = make_setup(false, 0, 64);
    auto loader = std::make_shared<DataLoader>(blobs(64), LoaderOptions{.batch_size = 32 / accumulate});
    const train::Progress end = Trainer(s.model, s.optimizer, loader, {.epochs = 1, .accumulate = accumulate}).fit();
    EXPECT_EQ(end.steps, 2);
    results.push_back(weights(*s.model));
  }
  for (std::size_t i = 0; i < results[0].size(); ++i) EXPECT_NEAR(results[0][i], results[1][i], 1e-6);
}

TEST(Trainer, SchedulesAndEarlyStopping) {
  Training s = make_setup();
  Trainer step_wise(s.model, s.optimizer, s.loader,
                    {.epochs = 3, .schedule = train::Schedule::step, .schedule_factor = 0.5});
  std::vector<double> rates;
  step_wise.fit({{}, [&](const train::Progress&) {
                   rates.push_back(s.optimizer->learning_rate());
                   return true;
                 }});
  EXPECT_EQ(rates, (std::vector<double>{0.05, 0.025, 0.0125}));

  Training t = make_setup();
  Trainer cosine(t.model, t.optimizer, t.loader, {.epochs = 2, .schedule = train::Schedule::cosine});
  cosine.fit();
  EXPECT_LT(t.optimizer->learning_rate(), 0.0002);

  Training u = make_setup();
  Trainer patient(u.model, u.optimizer, u.loader, {.epochs = 9, .patience = 2});
  patient.report_validation(1.0);
  patient.report_validation(1.5);
  EXPECT_FALSE(patient.progress().finished);
  patient.report_validation(0.5);
  patient.report_validation(0.6);
  patient.report_validation(0.5);
  EXPECT_TRUE(patient.progress().finished);
  EXPECT_TRUE(patient.progress().stopped_early);
}

TEST(Trainer, TheRateRisesBeforeItFalls) {
  Training s = make_setup(false, 0, 320);  // 10 batches
  Trainer trainer(s.model, s.optimizer, s.loader,
                  {.epochs = 2, .schedule = train::Schedule::cosine, .schedule_lowest = 0.01, .warmup = 0.25});
  std::vector<double> rates;
  trainer.fit({[&](const train::Progress&) {
                 rates.push_back(s.optimizer->learning_rate());
                 return true;
               },
               {}});
  ASSERT_EQ(rates.size(), 20u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(rates[i], 0.01 + 0.04 * static_cast<double>(i + 1) / 5, 1e-15);
  for (std::size_t i = 5; i < 20; ++i) {
    EXPECT_EQ(rates[i], optim::cosine_schedule(0.05, 0.01, static_cast<std::int64_t>(i) - 5, 15));
  }
  EXPECT_ERROR(Trainer(s.model, s.optimizer, s.loader, {.warmup = 1}), ErrorCode::invalid_argument, "warmup 1");
}

TEST(Optimizer, GradientsThatEndLeaveNoSubnormalNumbers) {
  const auto none_is_subnormal = [](const optim::Optimizer& optimizer) {
    for (const auto& [name, tensor] : optimizer.state()) {
      for (double v : values(tensor)) {
        EXPECT_TRUE(v == 0 || std::abs(v) >= static_cast<double>(std::numeric_limits<float>::min()))
            << name << ' ' << v;
      }
    }
  };
  for (const bool adam : {false, true}) {
    Tensor p = Tensor::ones({7});
    set_requires_grad(p);
    std::unique_ptr<optim::Optimizer> optimizer;
    if (adam) {
      optimizer = std::make_unique<optim::Adam>(std::vector{p}, 0.01, optim::AdamOptions{.beta2 = 0.9});
    } else {
      optimizer = std::make_unique<optim::SGD>(std::vector{p}, 0.01, optim::SGDOptions{.momentum = 0.9});
    }
    set_grad(p, Tensor::ones({7}));
    optimizer->step();
    set_grad(p, Tensor::zeros({7}));
    for (int i = 0; i < 1000; ++i) {
      optimizer->step();
      none_is_subnormal(*optimizer);
    }
    for (const auto& [name, tensor] : optimizer->state())
      EXPECT_EQ(values(tensor), std::vector<double>(7, 0.0)) << name;
    // A NaN is not swept away.
    set_grad(p, Tensor::full({7}, NAN));
    optimizer->step();
    EXPECT_TRUE(std::isnan(values(p)[0]));
    for (const auto& [name, tensor] : optimizer->state()) EXPECT_TRUE(std::isnan(values(tensor)[6])) << name;
  }
}

TEST(Trainer, OtherLosses) {
  manual_seed(11);
  const Tensor x = Tensor::randn({200, 4});
  const Tensor target = ops::matmul(x, tensor({4, 1}, {1, -2, 0.5, 3}));
  auto model = std::make_shared<nn::Sequential>(std::vector<nn::ModulePtr>{std::make_shared<nn::Dense>(4, 1)});
  auto optimizer = std::make_shared<optim::Adam>(model->parameters(), 0.1);
  auto loader = std::make_shared<DataLoader>(TensorDataset(x, target), LoaderOptions{.batch_size = 50});
  const auto end = Trainer(model, optimizer, loader, {.epochs = 100, .loss = train::Loss::mse}).fit();
  EXPECT_LT(end.epoch_loss, 1e-3);
  EXPECT_EQ(train::evaluate(model, {x, target}, train::Loss::mse).accuracy, 0);
  const Tensor sign = ops::sigmoid(ops::mul(target, Tensor::scalar(100)));
  auto classifier = std::make_shared<nn::Sequential>(
      std::vector<nn::ModulePtr>{std::make_shared<nn::Dense>(4, 1), std::make_shared<nn::Sigmoid>()});
  auto second = std::make_shared<optim::Adam>(classifier->parameters(), 0.1);
  auto pairs = std::make_shared<DataLoader>(TensorDataset(x, sign), LoaderOptions{.batch_size = 50});
  EXPECT_LT(
      Trainer(classifier, second, pairs, {.epochs = 60, .loss = train::Loss::binary_cross_entropy}).fit().epoch_loss,
      0.15);
}

TEST(Trainer, SteadyStateAllocatesNothingThatGrows) {
  Training s = make_setup(true, 0.1, 320);
  Trainer trainer(s.model, s.optimizer, s.loader, {.epochs = 1000});
  for (int i = 0; i < 100; ++i) (void)trainer.step();
  const MemoryStats before = memory_stats();
  for (int i = 0; i < 9900; ++i) (void)trainer.step();
  const MemoryStats after = memory_stats();
  EXPECT_EQ(after.live_bytes, before.live_bytes);
  EXPECT_EQ(after.storages, before.storages);
  EXPECT_EQ(after.pooled_bytes, before.pooled_bytes);
  EXPECT_EQ(after.peak_bytes, before.peak_bytes);
}

TEST(Trainer, Errors) {
  Training s = make_setup();
  EXPECT_ERROR(Trainer(nullptr, s.optimizer, s.loader), ErrorCode::invalid_argument, "Trainer: needs a model");
  EXPECT_ERROR(Trainer(s.model, s.optimizer, s.loader, {.accumulate = 0}), ErrorCode::invalid_argument, "accumulate 0");
  auto nothing = std::make_shared<DataLoader>(blobs(3), LoaderOptions{.batch_size = 4, .drop_last = true});
  EXPECT_ERROR(Trainer(s.model, s.optimizer, nothing), ErrorCode::invalid_argument, "the data set makes no batch");
  EXPECT_ERROR(optim::SGD({Tensor::zeros({2})}, 0.1), ErrorCode::autograd,
               "a parameter of shape [2] is not a dense leaf");
  EXPECT_ERROR(optim::SGD({}, -1), ErrorCode::invalid_argument, "the learning rate is -1");
  EXPECT_ERROR(optim::SGD({}, NAN), ErrorCode::invalid_argument, "the learning rate is nan");
}

}  // namespace
}  // namespace tinytorch::testing
