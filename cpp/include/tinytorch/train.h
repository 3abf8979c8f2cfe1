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
  /// How many batches add up their gradients before a step. They count as one large batch: the gradient is that of the
  /// mean loss over all their samples, even if the last group is short or the batches differ in size.
  std::int64_t accumulate = 1;
  Schedule schedule =
      Schedule::constant;  ///< of the learning rate: cosine changes it at every step, step between epochs
  std::int64_t schedule_every = 1;
  double schedule_factor = 0.1, schedule_lowest = 0;
  double warmup = 0;          ///< cosine: the share of all steps in which the learning rate first rises, linearly
  std::int64_t patience = 0;  ///< stop after this many evaluations without a better validation loss; 0: never
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
  /// [classes, classes]: row is the label, column the prediction. Empty if there is no table.
  std::vector<std::int64_t> confusion;
  std::int64_t classes = 0;  ///< columns of the logits; 0 for a loss other than cross-entropy
};

/// The training loop, one batch at a time, so that a caller can look, yield or stop after any of them.
///
/// If the model is in evaluation mode, the trainer puts it into training mode for each batch and back afterwards. If
/// the model is in training mode, layers in it that were put into evaluation mode by hand stay in that mode.
class Trainer {
 public:
  /// Error(invalid_argument) for options out of their range and a data set without a batch.
  Trainer(nn::ModulePtr model, std::shared_ptr<optim::Optimizer> optimizer, std::shared_ptr<data::DataLoader> loader,
          TrainOptions options = {});

  /// Forward, backward and (every `accumulate` batches) an optimiser step. After the last batch `finished` is set and
  /// further calls change nothing. If forward() throws, the trainer stays at this batch, and the random numbers too.
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

  /// Tells the trainer a validation loss. Training stops after `patience` losses in a row that were not better than the
  /// best before. NaN is never better.
  void report_validation(double loss) noexcept;

  /// All that training depends on - weights, optimiser, place, random numbers - as a safetensors file. After
  /// restore() the remaining steps give the same bits as without interruption.
  ///
  /// restore() throws Error(io) and changes nothing if the file is malformed, does not fit its own checksum, holds
  /// numbers that no training comes to, or is of another training. These must be the same: the model, the optimiser's
  /// kind, parameters and options, the loss, accumulation, number of samples, batch size, order and seed. These may
  /// differ: epochs, schedule, warmup, clipping, patience, which parameters are frozen, and the learning rate that the
  /// optimiser was made with (the checkpoint's replaces it).
  [[nodiscard]] std::vector<std::byte> checkpoint() const;
  void restore(std::span<const std::byte> file);
  /// Sets the parameters that checkpoint() and restore() use, for a model that does not list all of its own.
  void set_parameters(nn::NamedTensors parameters) { parameters_ = std::move(parameters); }

 private:
  /// A batch between begin() and finish().
  struct UnderWay {
    UnderWay() {
    }  // NOLINT(modernize-use-equals-default): clang finds no default one for std::optional inside this class
    data::Batch batch;
    std::int64_t index = 0;
    double share = 1;  ///< the batch's part of the step's samples
    double rate = 0, start_ms = 0;
    Generator random = default_generator();  ///< as it was before the batch
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

/// The most classes for which Confusion::where_small makes a table.
inline constexpr std::int64_t kMostClassesOfTable = 1000;
enum class Confusion : unsigned char { where_small, always, never };

/// Loss and accuracy on a data set, in evaluation mode and without recording, one batch at a time. After each batch
/// every module is back in its own mode.
class Evaluator {
 public:
  Evaluator(nn::ModulePtr model, data::TensorDataset dataset, Loss loss = Loss::cross_entropy,
            std::int64_t batch_size = 1000, Confusion confusion = Confusion::where_small);
  /// Evaluates the next batch; false if none was left.
  bool step();
  /// step() in two halves, as Trainer has them; begin() gives null when no batch is left.
  [[nodiscard]] const data::Batch* begin();
  void finish(const Tensor& y);
  void abandon() noexcept;
  [[nodiscard]] std::int64_t done() const noexcept { return done_; }
  /// The result for the samples so far. The reference is valid until the next call of any method.
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
