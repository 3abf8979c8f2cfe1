#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tinytorch/data.h"
#include "tinytorch/nn.h"
#include "tinytorch/optim.h"

namespace tinytorch::train {

enum class Loss : unsigned char { cross_entropy, mse, binary_cross_entropy };
enum class Schedule : unsigned char { constant, step, cosine };

struct TrainOptions {
  std::int64_t epochs = 1;
  Loss loss = Loss::cross_entropy;
  double clip_norm = 0;         ///< 0: none
  std::int64_t accumulate = 1;  ///< batches whose gradients are added up before a step
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
  std::vector<std::int64_t> confusion;    ///< [classes, classes]: row is the label, column the prediction
};

/// The training loop, one batch at a time, so that a caller can look, yield or stop after any of them.
class Trainer {
 public:
  Trainer(nn::ModulePtr model, std::shared_ptr<optim::Optimizer> optimizer, std::shared_ptr<data::DataLoader> loader,
          TrainOptions options = {});

  /// Forward, backward and (every `accumulate` batches) an optimiser step. After the last batch `finished` is set and
  /// further calls change nothing.
  Progress step();
  [[nodiscard]] const Progress& progress() const noexcept { return progress_; }

  /// Steps until finished or until a callback returns false. Callbacks may be empty.
  struct Callbacks {
    std::function<bool(const Progress&)> on_batch, on_epoch;
  };
  Progress fit(const Callbacks& callbacks = {});

  /// Tells the trainer a validation loss; stops training once `patience` of them have brought nothing better.
  void report_validation(double loss) noexcept;

  /// All that training depends on - weights, optimiser, place, random numbers - as a safetensors file. After
  /// restore() the remaining steps give the same bits as without interruption. Throws Error(io) for a file that is
  /// malformed or of another model; nothing is changed then.
  [[nodiscard]] std::vector<std::byte> checkpoint() const;
  void restore(std::span<const std::byte> file);

 private:
  [[nodiscard]] double scheduled_rate() const;

  nn::ModulePtr model_;
  std::shared_ptr<optim::Optimizer> optimizer_;
  std::shared_ptr<data::DataLoader> loader_;
  TrainOptions options_;
  Progress progress_;
  double initial_rate_ = 0, best_loss_ = 0, loss_sum_ = 0;
  std::int64_t correct_ = 0, seen_ = 0, evaluations_without_gain_ = 0, timed_samples_ = 0;
  bool has_best_ = false;
};

/// Loss and accuracy on a data set, in evaluation mode and without recording, one batch at a time.
class Evaluator {
 public:
  Evaluator(nn::ModulePtr model, data::TensorDataset dataset, Loss loss = Loss::cross_entropy,
            std::int64_t batch_size = 1000);
  /// One more batch; false when there was none left.
  bool step();
  [[nodiscard]] std::int64_t done() const noexcept { return done_; }
  /// Of the samples so far.
  [[nodiscard]] Evaluation result() const;

 private:
  nn::ModulePtr model_;
  data::DataLoader loader_;
  Loss loss_;
  std::int64_t done_ = 0, correct_ = 0, classes_ = 0;
  double loss_sum_ = 0;
  Evaluation result_;
};
[[nodiscard]] Evaluation evaluate(nn::ModulePtr model, const data::TensorDataset& dataset,
                                  Loss loss = Loss::cross_entropy, std::int64_t batch_size = 1000);

}  // namespace tinytorch::train
