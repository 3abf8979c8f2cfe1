#include <cmath>
#include <limits>
#include <set>

#include "fake_clock.h"
#include "tinytorch/ops.h"
#include "tinytorch/threads.h"
#include "train_tester.h"

namespace tinytorch::testing {
namespace {

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
  EXPECT_ERROR(Trainer(s.model, s.optimizer, s.loader, {.warmup = 1}), ErrorCode::invalid_argument,
               "warmup must be at least 0 and below 1, got 1");
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
  EXPECT_ERROR(Trainer(s.model, s.optimizer, s.loader, {.accumulate = 0}), ErrorCode::invalid_argument,
               "accumulate must be >= 1, got 0");
  auto nothing = std::make_shared<DataLoader>(blobs(3), LoaderOptions{.batch_size = 4, .drop_last = true});
  EXPECT_ERROR(Trainer(s.model, s.optimizer, nothing), ErrorCode::invalid_argument, "the data set makes no batch");
}

}  // namespace
}  // namespace tinytorch::testing
