// Checkpoints: the same bits afterwards, and all or nothing.
#include <cmath>
#include <limits>

#include "tinytorch/io.h"
#include "train/checksum.h"
#include "train_tester.h"

namespace tinytorch::testing {
namespace {

using Bytes = std::vector<std::byte>;

/// A trainer after `steps` batches.
struct Session {
  Training parts;
  std::unique_ptr<Trainer> trainer;
};
Session make_run(const TrainOptions& options, int steps, bool adam = true) {
  Session run{make_setup(adam, 0.2), nullptr};
  run.trainer = std::make_unique<Trainer>(run.parts.model, run.parts.optimizer, run.parts.loader, options);
  for (int i = 0; i < steps; ++i) (void)run.trainer->step();
  return run;
}

/// The file with a change, and the checksum that fits it.
template <class Change>
Bytes changed(const Bytes& file, const Change& change) {
  io::TensorFile content = io::read_safetensors(file);
  change(content);
  for (auto& [key, value] : content.metadata)
    if (key == "checksum") value = train::checksum(content);
  return io::write_safetensors(content);
}

/// Restoring fails with that text and leaves everything as it was.
void expect_refused(Trainer& trainer, const Bytes& file, const std::string& text) {
  const Bytes before = trainer.checkpoint();
  EXPECT_ERROR(trainer.restore(file), ErrorCode::io, text);
  EXPECT_TRUE(trainer.checkpoint() == before) << "something was changed: " << text;
}

TEST(Checkpoint, CancelAndResumeToTheSameBits) {
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

TEST(Checkpoint, AFinishedCheckpointStaysFinished) {
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

TEST(Checkpoint, FrozenParametersGradientsAndNaNsComeBack) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Generator random(seed);
    const TrainOptions options{.epochs = 3, .accumulate = static_cast<std::int64_t>(1 + random.below(5))};
    const int stop = static_cast<int>(1 + random.below(40));
    const auto make = [&](std::uint64_t frozen, bool before_the_optimizer) {
      Session run{make_setup(false, 0.2), nullptr};
      std::vector<Tensor> all = run.parts.model->parameters(), trained;
      const auto freeze = [&] {
        for (std::size_t i = 0; i < all.size(); ++i)
          if ((frozen >> i & 1) != 0) set_requires_grad(all[i], false);
      };
      if (before_the_optimizer) freeze();
      for (const Tensor& p : all)
        if (requires_grad(p)) trained.push_back(p);
      run.parts.optimizer = std::make_shared<optim::Adam>(trained, 0.01);
      freeze();
      run.trainer = std::make_unique<Trainer>(run.parts.model, run.parts.optimizer, run.parts.loader, options);
      return run;
    };
    const std::uint64_t frozen = random.below(15);  // at least one of four is trained
    const bool early = random.below(2) == 0;
    Session first = make(frozen, early);
    for (int i = 0; i < stop; ++i) (void)first.trainer->step();
    if (random.below(3) == 0) {  // training that went wrong is restored as it is
      first.parts.model->parameters()[3].fill(NAN);
      (void)first.trainer->step();
      first.trainer->report_validation(NAN);
    }
    const Bytes file = first.trainer->checkpoint();
    Session second = make(frozen, early);
    manual_seed(seed);
    second.trainer->restore(file);
    EXPECT_TRUE(second.trainer->checkpoint() == file);
    Generator& generator = default_generator();
    const Generator state = generator;
    const int more = 5;
    for (int i = 0; i < more; ++i) (void)first.trainer->step();
    generator = state;
    for (int i = 0; i < more; ++i) (void)second.trainer->step();
    EXPECT_TRUE(second.trainer->checkpoint() == first.trainer->checkpoint());

    // A parameter that is frozen only now keeps what the checkpoint says, and takes no gradient.
    Session third = make(frozen, early);
    Tensor last = third.parts.optimizer->parameters().back();
    set_requires_grad(last, false);
    third.trainer->restore(file);
    EXPECT_FALSE(grad(last).defined());
  }
}

TEST(Checkpoint, OfAnotherTrainingIsRefused) {
  const TrainOptions options{.epochs = 2, .accumulate = 2};
  Session run = make_run(options, 3);
  const auto refused = [&](Training other, const TrainOptions& with, const char* text) {
    Trainer trainer(other.model, other.optimizer, other.loader, with);
    expect_refused(*run.trainer, trainer.checkpoint(), text);
  };
  const auto with_loader = [](LoaderOptions how, std::int64_t samples = 500) {
    Training s = make_setup(true, 0.2);
    s.loader = std::make_shared<DataLoader>(blobs(samples), how);
    return s;
  };
  const auto with_optimizer = [](const auto& make) {
    Training s = make_setup(true, 0.2);
    s.optimizer = make(s.model->parameters());
    return s;
  };
  const LoaderOptions same{.batch_size = 32, .shuffle = true, .seed = 7};
  refused(with_loader(same, 480), options, "it was made with samples 480, this training has 500");
  refused(with_loader({.batch_size = 31, .shuffle = true, .seed = 7}), options, "batch_size 31");
  refused(with_loader({.batch_size = 32, .shuffle = false, .seed = 7}), options, "shuffle 0");
  refused(with_loader({.batch_size = 32, .shuffle = true, .drop_last = true, .seed = 7}), options, "drop_last 1");
  refused(with_loader({.batch_size = 32, .shuffle = true, .seed = 8}), options, "seed_low 8");
  refused(with_loader({.batch_size = 32, .shuffle = true, .seed = 7 + (1ull << 40)}), options, "seed_high 256");
  refused(make_setup(true, 0.2), {.epochs = 2, .accumulate = 3}, "accumulate 3");
  refused(make_setup(true, 0.2), {.epochs = 2, .loss = train::Loss::mse, .accumulate = 2}, "its loss is 'mse'");
  refused(make_setup(false, 0.2), options, "its optimizer is 'SGD', this training's 'Adam'");
  refused(with_optimizer([](auto p) { return std::make_shared<optim::AdamW>(p, 0.01); }), options, "'AdamW'");
  refused(
      with_optimizer([](auto p) { return std::make_shared<optim::Adam>(p, 0.01, optim::AdamOptions{.beta2 = 0.9}); }),
      options, "optimizer.beta2 0.9");
  refused(with_optimizer([](auto p) {
            p.pop_back();
            return std::make_shared<optim::Adam>(p, 0.01);
          }),
          options, "its optimizer_parameters is");
  // What may differ.
  Training faster = make_setup(true, 0.2);
  faster.optimizer->set_learning_rate(0.5);
  Trainer other(faster.model, faster.optimizer, faster.loader,
                {.epochs = 7, .clip_norm = 3, .accumulate = 2, .schedule = train::Schedule::cosine, .patience = 4});
  other.restore(run.trainer->checkpoint());
  EXPECT_EQ(weights(*faster.model), weights(*run.parts.model));
  EXPECT_EQ(faster.optimizer->learning_rate(), 0.01);
}

TEST(Checkpoint, OtherFilesAreRefused) {
  Session run = make_run({.epochs = 2}, 3);
  const Bytes file = run.trainer->checkpoint();
  expect_refused(*run.trainer, io::write_safetensors(io::state_dict(*run.parts.model)),
                 "checkpoint: the file is not a 'tinytorch checkpoint 2'");
  io::TensorFile old = io::read_safetensors(file);
  old.metadata = {{"format", "tinytorch checkpoint 1"}};
  expect_refused(*run.trainer, io::write_safetensors(old), "of an earlier version");
  io::TensorFile bare = io::read_safetensors(file);
  bare.metadata.pop_back();
  expect_refused(*run.trainer, io::write_safetensors(bare), "its checksum is ''");
  // A byte anywhere.
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    Generator random(seed);
    Bytes broken = file;
    const std::size_t at = random.below(broken.size());
    broken[at] ^= static_cast<std::byte>(1 + random.below(255));
    expect_refused(*run.trainer, broken, "");
    broken.resize(at);
    expect_refused(*run.trainer, broken, "");
  }
}

TEST(Checkpoint, NumbersThatNoTrainingComesToAreRefused) {
  const double nan = NAN, infinity = INFINITY;
  Session run = make_run({.epochs = 4, .accumulate = 3}, 20);
  const Bytes file = run.trainer->checkpoint();
  const auto with = [&](const std::string& name, double value) {
    return changed(file, [&](io::TensorFile& content) {
      int found = 0;
      for (auto& [key, tensor] : content.tensors) {
        if (key != name) continue;
        tensor.fill(value);
        ++found;
      }
      ASSERT_EQ(found, 1) << name;
    });
  };
  for (const char* name : {"epoch", "batch", "steps", "optimizer_steps", "evaluations_without_gain", "correct", "seen",
                           "random_seed_low", "random_counter_high", "has_best", "stopped_early"}) {
    for (const double wrong : {-1.0, 0.5, 0x1p60, nan, infinity, -infinity}) {
      expect_refused(*run.trainer, with("trainer." + std::string(name), wrong), "");
    }
  }
  for (const char* name : {"learning_rate", "initial_rate"}) {
    for (const double wrong : {-1.0, nan, infinity}) {
      expect_refused(*run.trainer, with("trainer." + std::string(name), wrong), name);
    }
  }
  const double seen = 4 * 32;  // after 20 batches, of which an epoch has 16
  expect_refused(*run.trainer, with("trainer.correct", seen + 1), "correct");
  expect_refused(*run.trainer, with("trainer.seen", seen + 1), "seen");
  expect_refused(*run.trainer, with("trainer.batch", 17), "batch");
  expect_refused(*run.trainer, with("trainer.batch", 5), "seen");
  expect_refused(*run.trainer, with("trainer.epoch", 2), "steps");
  expect_refused(*run.trainer, with("trainer.steps", 8), "steps");
  expect_refused(*run.trainer, with("trainer.best_loss", nan), "best_loss");
  for (const double wrong : {-1.0, 0.5, 1e9, nan}) {
    expect_refused(*run.trainer, with("optimizer.step", wrong), "updates of parameter 0");
  }
  expect_refused(*run.trainer, changed(file, [](io::TensorFile& f) { f.tensors.erase(f.tensors.begin()); }), "model");
  expect_refused(*run.trainer, changed(file, [](io::TensorFile& f) { f.tensors.pop_back(); }), "number");
  expect_refused(*run.trainer,
                 changed(file, [](io::TensorFile& f) { f.tensors.emplace_back("more", Tensor::zeros({1})); }),
                 "belong to nothing");
  expect_refused(*run.trainer,
                 changed(file, [](io::TensorFile& f) { f.tensors.emplace_back("gradient.x", Tensor::zeros({1})); }),
                 "a gradient for 'x', which is no parameter");
  expect_refused(*run.trainer,
                 changed(file, [](io::TensorFile& f) { f.tensors[0].second = f.tensors[0].second.to(DType::float64); }),
                 "needs '0.weight' [20,32] float32");
  run.trainer->restore(file);
}

}  // namespace
}  // namespace tinytorch::testing
