#include <algorithm>

#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/train.h"
#include "train/losses.h"

namespace tinytorch::train {

Evaluator::Evaluator(nn::ModulePtr model, data::TensorDataset dataset, Loss loss, std::int64_t batch_size)
    : model_(std::move(model)), loader_(std::move(dataset), {.batch_size = batch_size}), loss_(loss) {
  if (!model_) detail::fail(ErrorCode::invalid_argument, {"Evaluator: needs a model"});
}

bool Evaluator::step() {
  const std::int64_t batch_size = loader_.options().batch_size, index = done_ / batch_size;
  if (done_ >= loader_.dataset().size()) return false;
  const NoGrad no_grad;
  const bool training = model_->training();
  model_->set_training(false);
  const data::Batch batch = loader_.batch(index);
  const Tensor y = model_->forward(batch.features);
  model_->set_training(training);
  const std::int64_t samples = batch.features.size(0);
  loss_sum_ += loss_of(loss_, y, batch.labels).item() * static_cast<double>(samples);
  if (loss_ == Loss::cross_entropy) {
    if (result_.confusion.empty()) {
      classes_ = y.size(1);
      result_.confusion.resize(static_cast<std::size_t>(classes_ * classes_));
      result_.predictions.resize(static_cast<std::size_t>(loader_.dataset().size()));
    }
    std::int32_t* predictions = result_.predictions.data() + done_;
    correct_ += count_correct(loss_, y, batch.labels, predictions);
    const std::int32_t* labels = batch.labels.data<std::int32_t>();
    for (std::int64_t i = 0; i < samples; ++i) {
      ++result_.confusion[static_cast<std::size_t>(labels[i] * classes_ + predictions[i])];
    }
  }
  done_ += samples;
  return true;
}

Evaluation Evaluator::result() const {
  Evaluation result = result_;
  const auto samples = static_cast<double>(std::max<std::int64_t>(done_, 1));
  result.loss = loss_sum_ / samples;
  result.accuracy = static_cast<double>(correct_) / samples;
  result.samples = done_;
  return result;
}

Evaluation evaluate(nn::ModulePtr model, const data::TensorDataset& dataset, Loss loss, std::int64_t batch_size) {
  Evaluator evaluator(std::move(model), dataset, loss, batch_size);
  while (evaluator.step()) {
  }
  return evaluator.result();
}

}  // namespace tinytorch::train
