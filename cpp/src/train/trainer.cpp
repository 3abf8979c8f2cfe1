#include <algorithm>
#include <cmath>
#include <limits>

#include "base/clock.h"
#include "base/options.h"
#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/ops.h"
#include "tinytorch/train.h"
#include "train/losses.h"

namespace tinytorch::train {

Tensor loss_of(Loss loss, const Tensor& y, const Tensor& labels) {
  switch (loss) {
    case Loss::cross_entropy: return ops::cross_entropy(y, labels);
    case Loss::mse: return ops::mse_loss(y, labels);
    case Loss::binary_cross_entropy: break;
  }
  return ops::binary_cross_entropy(y, labels);
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
  const auto check = [](const char* what, std::int64_t value, std::int64_t least) {
    detail::require_whole("Trainer", what, value, least);
  };
  check("epochs", options_.epochs, 0);
  check("accumulate", options_.accumulate, 1);
  check("patience", options_.patience, 0);
  check("schedule_every", options_.schedule_every, 1);
  detail::require_not_negative("Trainer", "schedule_factor", options_.schedule_factor);
  detail::require_not_negative("Trainer", "schedule_lowest", options_.schedule_lowest);
  detail::require_below_one("Trainer", "warmup", options_.warmup);
  if (!(options_.clip_norm >= 0)) {
    detail::fail(ErrorCode::invalid_argument, {"Trainer: clip_norm must be >= 0, got ", options_.clip_norm});
  }
  if (loader_->batches() == 0) detail::fail(ErrorCode::invalid_argument, {"Trainer: the data set makes no batch"});
  progress_.epochs = options_.epochs;
  progress_.batches = loader_->batches();
  progress_.finished = options_.epochs == 0;
  initial_rate_ = optimizer_->learning_rate();
}

std::int64_t Trainer::steps_per_epoch() const noexcept {
  return progress_.batches / options_.accumulate + (progress_.batches % options_.accumulate != 0 ? 1 : 0);
}

double Trainer::scheduled_rate() const {
  switch (options_.schedule) {
    case Schedule::step:
      return optim::step_schedule(initial_rate_, options_.schedule_factor, progress_.epoch, options_.schedule_every);
    case Schedule::cosine: {
      std::int64_t steps = 0;
      if (__builtin_mul_overflow(steps_per_epoch(), options_.epochs, &steps)) {
        steps = std::numeric_limits<std::int64_t>::max();
      }
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

const data::Batch* Trainer::begin() {
  if (under_way_) {
    detail::fail(ErrorCode::invalid_argument,
                 {"Trainer: a step is under way; its forward pass must not start another"});
  }
  if (progress_.finished) return nullptr;
  try {
    UnderWay& now = under_way_.emplace();
    now.start_ms = detail::measured_ms();
    now.index = progress_.batch == progress_.batches ? 0 : progress_.batch;  // the last call may have ended an epoch
    if (loader_->epoch() != progress_.epoch) loader_->set_epoch(progress_.epoch);
    now.rate = scheduled_rate();
    const std::int64_t first = now.index - now.index % options_.accumulate;
    const std::int64_t last = first + std::min(options_.accumulate, progress_.batches - first);
    now.share = static_cast<double>(loader_->samples(now.index, now.index + 1)) /
                static_cast<double>(loader_->samples(first, last));
    if (now.index == first) optimizer_->zero_grad();
    now.batch = loader_->batch(now.index);
    if (!model_->training()) now.mode.emplace(model_, true);
    return &now.batch;
  } catch (...) {
    abandon();
    throw;
  }
}

void Trainer::abandon() noexcept {
  if (under_way_) default_generator() = under_way_->random;
  under_way_.reset();
}

Progress Trainer::finish(const Tensor& y) {
  if (!under_way_) detail::fail(ErrorCode::invalid_argument, {"Trainer: no step is under way"});
  const UnderWay& now = *under_way_;
  const std::int64_t index = now.index, samples = now.batch.features.size(0);
  std::int64_t correct = 0;
  {
    const Tensor loss = loss_of(options_.loss, y, now.batch.labels);
    correct = count_correct(options_.loss, y, now.batch.labels);
    backward(loss, {.gradient = Tensor::full(loss.shape(), now.share, loss.dtype())});
    progress_.loss = loss.item();
  }
  const bool epoch_ended = index + 1 == progress_.batches;
  if ((index + 1) % options_.accumulate == 0 || epoch_ended) {
    if (options_.clip_norm > 0) (void)optim::clip_grad_norm(optimizer_->parameters(), options_.clip_norm);
    optimizer_->set_learning_rate(now.rate);
    optimizer_->step();
    ++progress_.steps;
  }
  if (index == 0) {
    loss_sum_ = 0;
    correct_ = seen_ = 0;
  }
  progress_.batch = index + 1;
  progress_.accuracy = static_cast<double>(correct) / static_cast<double>(samples);
  correct_ += correct;
  loss_sum_ += progress_.loss * static_cast<double>(samples);
  seen_ += samples;
  progress_.epoch_loss = loss_sum_ / static_cast<double>(seen_);
  progress_.epoch_accuracy = static_cast<double>(correct_) / static_cast<double>(seen_);
  progress_.epoch_ended = epoch_ended;
  if (epoch_ended) {
    ++progress_.epoch;
    progress_.finished = progress_.epoch >= progress_.epochs;
  }
  const double start_ms = now.start_ms;
  under_way_.reset();
  measure(samples, start_ms);
  return progress_;
}

void Trainer::measure(std::int64_t samples, double start_ms) noexcept {
  timed_samples_ += samples;
  progress_.seconds += (detail::measured_ms() - start_ms) / 1000;
  if (progress_.seconds > 0) progress_.samples_per_second = static_cast<double>(timed_samples_) / progress_.seconds;
  const std::int64_t epochs_left = progress_.epochs - progress_.epoch - (progress_.epoch_ended ? 0 : 1);
  const std::int64_t batches_left = progress_.epoch_ended ? 0 : progress_.batches - progress_.batch;
  const double samples_left =
      static_cast<double>(epochs_left) * static_cast<double>(loader_->samples(0, progress_.batches)) +
      static_cast<double>(loader_->samples(progress_.batches - batches_left, progress_.batches));
  progress_.seconds_left = progress_.samples_per_second > 0 ? samples_left / progress_.samples_per_second : 0;
}

Progress Trainer::step() {
  const data::Batch* batch = begin();
  if (batch == nullptr) return progress_;
  try {
    return finish(model_->forward(batch->features));
  } catch (...) {
    abandon();
    throw;
  }
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
  if (!std::isnan(loss) && (!has_best_ || loss < best_loss_)) {
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
