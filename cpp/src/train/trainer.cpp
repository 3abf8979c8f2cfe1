#include <algorithm>

#include "profile/clock.h"
#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/train.h"
#include "train/losses.h"

namespace tinytorch::train {

Tensor loss_of(Loss loss, const Tensor& y, const Tensor& labels) {
  switch (loss) {
    case Loss::cross_entropy: return autograd::cross_entropy(y, labels);
    case Loss::mse: return autograd::mse_loss(y, labels);
    case Loss::binary_cross_entropy: break;
  }
  return autograd::binary_cross_entropy(y, labels);
}

std::int64_t count_correct(Loss loss, const Tensor& y, const Tensor& labels, std::int32_t* predictions) {
  if (loss != Loss::cross_entropy) return 0;
  const Tensor chosen = ops::argmax(y, {1});
  const std::int32_t *a = chosen.data<std::int32_t>(), *b = labels.data<std::int32_t>();
  if (predictions != nullptr) std::copy_n(a, chosen.numel(), predictions);
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < chosen.numel(); ++i) correct += a[i] == b[i];
  return correct;
}

Trainer::Trainer(nn::ModulePtr model, std::shared_ptr<optim::Optimizer> optimizer,
                 std::shared_ptr<data::DataLoader> loader, TrainOptions options)
    : model_(std::move(model)), optimizer_(std::move(optimizer)), loader_(std::move(loader)), options_(options) {
  if (!model_ || !optimizer_ || !loader_) {
    detail::fail(ErrorCode::invalid_argument, {"Trainer: needs a model, an optimizer and a loader"});
  }
  if (options_.epochs < 0 || options_.accumulate < 1 || options_.schedule_every < 1 || options_.clip_norm < 0 ||
      !(options_.warmup >= 0 && options_.warmup < 1)) {
    detail::fail(ErrorCode::invalid_argument,
                 {"Trainer: epochs ", options_.epochs, ", accumulate ", options_.accumulate, ", schedule_every ",
                  options_.schedule_every, ", clip_norm ", options_.clip_norm, ", warmup ", options_.warmup,
                  ": one is out of range"});
  }
  if (loader_->batches() == 0) detail::fail(ErrorCode::invalid_argument, {"Trainer: the data set makes no batch"});
  progress_.epochs = options_.epochs;
  progress_.batches = loader_->batches();
  progress_.finished = options_.epochs == 0;
  initial_rate_ = optimizer_->learning_rate();
}

double Trainer::scheduled_rate() const {
  switch (options_.schedule) {
    case Schedule::step:
      return optim::step_schedule(initial_rate_, options_.schedule_factor, progress_.epoch, options_.schedule_every);
    case Schedule::cosine: {
      const std::int64_t per_epoch = (progress_.batches + options_.accumulate - 1) / options_.accumulate;
      const std::int64_t steps = per_epoch * options_.epochs;
      const auto rising = static_cast<std::int64_t>(options_.warmup * static_cast<double>(steps));
      if (progress_.steps < rising) {
        const double part = static_cast<double>(progress_.steps + 1) / static_cast<double>(rising);
        return options_.schedule_lowest + (initial_rate_ - options_.schedule_lowest) * part;
      }
      return optim::cosine_schedule(initial_rate_, options_.schedule_lowest, progress_.steps - rising, steps - rising);
    }
    case Schedule::constant: break;
  }
  return optimizer_->learning_rate();
}

Progress Trainer::step() {
  if (progress_.finished) return progress_;
  const double start = detail::measured_ms();
  if (progress_.batch == progress_.batches) {  // the last call ended an epoch
    progress_.batch = 0;
    progress_.epoch_ended = false;
    loss_sum_ = 0;
    correct_ = seen_ = 0;
  }
  if (progress_.batch == 0) loader_->set_epoch(progress_.epoch);
  model_->set_training(true);
  if (progress_.batch % options_.accumulate == 0) optimizer_->zero_grad();

  const data::Batch batch = loader_->batch(progress_.batch);
  const std::int64_t samples = batch.features.size(0);
  {
    const Tensor y = model_->forward(batch.features);
    const Tensor loss = loss_of(options_.loss, y, batch.labels);
    // Several batches stand for one large one: each counts for its share.
    const Tensor share = Tensor::full(loss.shape(), 1 / static_cast<double>(options_.accumulate), loss.dtype());
    backward(loss, {.gradient = share});
    progress_.loss = loss.item();
    const std::int64_t correct = count_correct(options_.loss, y, batch.labels);
    progress_.accuracy = static_cast<double>(correct) / static_cast<double>(samples);
    correct_ += correct;
  }
  ++progress_.batch;
  const bool epoch_ended = progress_.batch == progress_.batches;
  if (progress_.batch % options_.accumulate == 0 || epoch_ended) {
    if (options_.clip_norm > 0) (void)optim::clip_grad_norm(optimizer_->parameters(), options_.clip_norm);
    optimizer_->set_learning_rate(scheduled_rate());
    optimizer_->step();
    ++progress_.steps;
  }
  loss_sum_ += progress_.loss * static_cast<double>(samples);
  seen_ += samples;
  progress_.epoch_loss = loss_sum_ / static_cast<double>(seen_);
  progress_.epoch_accuracy = static_cast<double>(correct_) / static_cast<double>(seen_);
  if (epoch_ended) {
    ++progress_.epoch;
    progress_.epoch_ended = true;
    progress_.finished = progress_.epoch == progress_.epochs;
  }

  timed_samples_ += samples;
  progress_.seconds += (detail::measured_ms() - start) / 1000;
  if (progress_.seconds > 0) progress_.samples_per_second = static_cast<double>(timed_samples_) / progress_.seconds;
  const std::int64_t epochs_left = progress_.epochs - progress_.epoch - (epoch_ended ? 0 : 1);
  const std::int64_t batches_left =
      epochs_left * progress_.batches + (epoch_ended ? 0 : progress_.batches - progress_.batch);
  progress_.seconds_left =
      progress_.samples_per_second > 0
          ? static_cast<double>(batches_left * loader_->options().batch_size) / progress_.samples_per_second
          : 0;
  return progress_;
}

Progress Trainer::fit(const Callbacks& callbacks) {
  while (!progress_.finished) {
    step();
    if (callbacks.on_batch && !callbacks.on_batch(progress_)) break;
    if (progress_.epoch_ended && callbacks.on_epoch && !callbacks.on_epoch(progress_)) break;
  }
  return progress_;
}

void Trainer::report_validation(double loss) noexcept {
  if (!has_best_ || loss < best_loss_) {
    has_best_ = true;
    best_loss_ = loss;
    evaluations_without_gain_ = 0;
    return;
  }
  ++evaluations_without_gain_;
  if (options_.patience > 0 && evaluations_without_gain_ >= options_.patience) {
    progress_.finished = progress_.stopped_early = true;
  }
}

}  // namespace tinytorch::train
