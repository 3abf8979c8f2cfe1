#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tinytorch/data.h"
#include "tinytorch/nn.h"
#include "tinytorch/optim.h"
#include "tinytorch/random.h"

namespace tinytorch::train {

enum class Loss : unsigned char { cross_entropy, mse, binary_cross_entropy };
enum class Schedule : unsigned char { constant, step, cosine };

struct TrainOptions {
  std::int64_t epochs = 1;
  Loss loss = Loss::cross_entropy;
  double clip_norm = 0;  ///< 0: none
  /// Batches whose gradients are added up before a step, weighted so that they stand for one large batch: the gradient
  /// is that of the mean loss of all their samples, also in a last group that is short and with batches of unequal
  /// size.
  std::int64_t accumulate = 1;
  Schedule schedule =
      Schedule::constant;  ///< of the learning rate: cosine step by step over all epochs, step by epochs
  std::int64_t schedule_every = 1;
  double schedule_factor = 0.1, schedule_lowest = 0;
  double warmup = 0;          ///< cosine: the part of all steps in which the learning rate first rises, linearly
  std::int64_t patience = 0;  ///< stop after so many evaluations without a better validation loss; 0: never
};

struct Progress {
  std::int64_t epoch = 0, epochs = 0;         ///< epochs done, to do
  std::int64_t batch = 0, batches = 0;        ///< of this epoch
  std::int64_t steps = 0;                     ///< optimiser steps since the start
  double loss = 0, accuracy = 0;              ///< of the last batch
  double epoch_loss = 0, epoch_accuracy = 0;  ///< means over this epoch so far
  double samples_per_second = 0, seconds = 0, seconds_left = 0;
  bool epoch_ended = false, finished = false, stopped_early = false;
};

struct Evaluation {
  double loss = 0, accuracy = 0;
  std::int64_t samples = 0;
  std::vector<std::int32_t> predictions;  ///< the class of each sample, in the data set's order
  /// [classes, classes]: row is the label, column the prediction. Empty where no table was asked for.
  std::vector<std::int64_t> confusion;
  std::int64_t classes = 0;  ///< of the logits; 0 for another loss than cross-entropy
};

/// The training loop, one batch at a time, so that a caller can look, yield or stop after any of them.
///
/// A model that is in evaluation mode as a whole is trained in training mode and is back in its own mode after each
/// batch. In one that is in training mode, layers that were put into evaluation mode by hand stay there.
class Trainer {
 public:
  /// Error(invalid_argument) for options out of their range and a data set without a batch.
  Trainer(nn::ModulePtr model, std::shared_ptr<optim::Optimizer> optimizer, std::shared_ptr<data::DataLoader> loader,
          TrainOptions options = {});

  /// Forward, backward and (every `accumulate` batches) an optimiser step. After the last batch `finished` is set and
  /// further calls change nothing. Where forward() throws, the trainer stays where it was, the random numbers included.
  Progress step();
  [[nodiscard]] const Progress& progress() const noexcept { return progress_; }

  /// step() in two halves, for a model whose forward pass runs outside (in JavaScript): begin() gives the batch,
  /// finish() takes what the model made of its features, and abandon() forgets the batch. The bits are those of step().
  /// begin() gives null when training is finished; Error(invalid_argument) where a batch is under way already.
  [[nodiscard]] const data::Batch* begin();
  Progress finish(const Tensor& y);
  void abandon() noexcept;

  /// Steps until finished or until a callback returns false. Callbacks may be empty.
  struct Callbacks {
    std::function<bool(const Progress&)> on_batch, on_epoch;
  };
  Progress fit(const Callbacks& callbacks = {});

  /// Tells the trainer a validation loss; stops training once `patience` of them have brought nothing better. NaN is
  /// never better.
  void report_validation(double loss) noexcept;

  /// All that training depends on - weights, optimiser, place, random numbers - as a safetensors file. After
  /// restore() the remaining steps give the same bits as without interruption. Throws Error(io) and changes nothing for
  /// a file that is malformed, does not fit its own checksum, holds numbers that no training comes to, or is of another
  /// training: another model, another kind of optimiser, other parameters or options of it, another loss, accumulation,
  /// number of samples, batch size, order or seed. What may differ: epochs, schedule, warmup, clipping, patience,
  /// the learning rate that the optimiser was made with (the checkpoint's counts), and which parameters are frozen.
  [[nodiscard]] std::vector<std::byte> checkpoint() const;
  void restore(std::span<const std::byte> file);
  /// What checkpoint() and restore() take for the model's parameters, where the model does not know them all.
  void set_parameters(nn::NamedTensors parameters) { parameters_ = std::move(parameters); }

 private:
  /// A batch between begin() and finish().
  struct UnderWay {
    UnderWay() {
    }  // NOLINT(modernize-use-equals-default): clang finds no default one for std::optional inside this class
    data::Batch batch;
    std::int64_t index = 0;
    double share = 1;  ///< of the step's samples
    double rate = 0, start_ms = 0;
    Generator random = default_generator();  ///< as it was before
    std::optional<nn::ModeScope> mode{};
  };

  [[nodiscard]] std::int64_t steps_per_epoch() const noexcept;
  [[nodiscard]] double scheduled_rate() const;
  void measure(std::int64_t samples, double start_ms) noexcept;
  [[nodiscard]] nn::NamedTensors parameters() const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> described() const;
  [[nodiscard]] std::vector<std::pair<std::string, double>> settings() const;
  [[nodiscard]] std::vector<std::pair<std::string, double>> place() const;
  void check_place(const std::vector<std::pair<std::string, double>>& numbers) const;

  nn::ModulePtr model_;
  std::shared_ptr<optim::Optimizer> optimizer_;
  std::shared_ptr<data::DataLoader> loader_;
  TrainOptions options_;
  Progress progress_;
  double initial_rate_ = 0, best_loss_ = 0, loss_sum_ = 0;
  std::int64_t correct_ = 0, seen_ = 0, evaluations_without_gain_ = 0, timed_samples_ = 0;
  bool has_best_ = false;
  nn::NamedTensors parameters_;
  std::optional<UnderWay> under_way_;
};

/// A table of confusion is made for at most so many classes unless it is asked for.
inline constexpr std::int64_t kMostClassesOfTable = 1000;
enum class Confusion : unsigned char { where_small, always, never };

/// Loss and accuracy on a data set, in evaluation mode and without recording, one batch at a time. Every module has its
/// own mode back after each.
class Evaluator {
 public:
  Evaluator(nn::ModulePtr model, data::TensorDataset dataset, Loss loss = Loss::cross_entropy,
            std::int64_t batch_size = 1000, Confusion confusion = Confusion::where_small);
  /// One more batch; false when there was none left.
  bool step();
  /// step() in two halves, as Trainer has them; begin() gives null when no batch is left.
  [[nodiscard]] const data::Batch* begin();
  void finish(const Tensor& y);
  void abandon() noexcept;
  [[nodiscard]] std::int64_t done() const noexcept { return done_; }
  /// Of the samples so far; the reference holds until the next call of any method.
  [[nodiscard]] const Evaluation& result() noexcept;

 private:
  [[nodiscard]] std::vector<std::int64_t> make_table(std::int64_t classes) const;
  void expect_classes(std::int64_t classes);

  nn::ModulePtr model_;
  data::DataLoader loader_;
  Loss loss_;
  Confusion confusion_;
  std::int64_t done_ = 0, correct_ = 0;
  double loss_sum_ = 0;
  Evaluation result_;
  data::Batch batch_;
  std::optional<nn::ModeScope> mode_;
};
[[nodiscard]] Evaluation evaluate(nn::ModulePtr model, const data::TensorDataset& dataset,
                                  Loss loss = Loss::cross_entropy, std::int64_t batch_size = 1000,
                                  Confusion confusion = Confusion::where_small);

}  // namespace tinytorch::train
