#include <algorithm>

#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/train.h"
#include "train/losses.h"

namespace tinytorch::train {

Evaluator::Evaluator(nn::ModulePtr model, data::TensorDataset dataset, Loss loss, std::int64_t batch_size,
                     Confusion confusion)
    : model_(std::move(model)),
      loader_(std::move(dataset), {.batch_size = batch_size}),
      loss_(loss),
      confusion_(confusion) {
  if (!model_) detail::fail(ErrorCode::invalid_argument, {"Evaluator: needs a model"});
}

const data::Batch* Evaluator::begin() {
  if (mode_) detail::fail(ErrorCode::invalid_argument, {"Evaluator: a batch is under way"});
  if (done_ >= loader_.dataset().size()) return nullptr;
  batch_ = loader_.batch(done_ / loader_.options().batch_size);
  mode_.emplace(model_, false);
  return &batch_;
}

void Evaluator::abandon() noexcept {
  mode_.reset();
  batch_ = {};
}

std::vector<std::int64_t> Evaluator::make_table(std::int64_t classes) const {
  if (confusion_ == Confusion::never || (confusion_ == Confusion::where_small && classes > kMostClassesOfTable)) {
    return {};
  }
  std::vector<std::int64_t> table;
  std::int64_t cells = 0;
  if (__builtin_mul_overflow(classes, classes, &cells) || static_cast<std::uint64_t>(cells) > table.max_size()) {
    detail::fail(ErrorCode::overflow,
                 {"Evaluator: a table of ", classes, " x ", classes, " classes is too large for the memory"});
  }
  table.resize(static_cast<std::size_t>(cells));
  return table;
}

void Evaluator::expect_classes(std::int64_t classes) {
  if (done_ == 0) {
    result_.confusion = make_table(classes);
    result_.predictions.resize(static_cast<std::size_t>(loader_.dataset().size()));
    result_.classes = classes;
  }
  if (classes != result_.classes) {
    detail::fail(ErrorCode::shape,
                 {"Evaluator: the model gives ", classes, " classes, for earlier batches it gave ", result_.classes});
  }
}

void Evaluator::finish(const Tensor& y) {
  if (!mode_) detail::fail(ErrorCode::invalid_argument, {"Evaluator: no batch is under way"});
  const NoGrad no_grad;
  const Tensor& labels = batch_.labels;
  const std::int64_t samples = batch_.features.size(0);
  const double loss = loss_of(loss_, y, labels).item();
  if (loss_ == Loss::cross_entropy) {
    expect_classes(y.size(1));
    std::int32_t* predictions = result_.predictions.data() + done_;
    correct_ += count_correct(loss_, y, labels, predictions);
    if (!result_.confusion.empty()) {
      const std::int32_t* truth = labels.data<std::int32_t>();
      for (std::int64_t i = 0; i < samples; ++i) {
        ++result_.confusion[static_cast<std::size_t>(truth[i] * result_.classes + predictions[i])];
      }
    }
  }
  loss_sum_ += loss * static_cast<double>(samples);
  done_ += samples;
  abandon();
}

bool Evaluator::step() {
  const data::Batch* batch = begin();
  if (batch == nullptr) return false;
  const NoGrad no_grad;
  try {
    finish(model_->forward(batch->features));
  } catch (...) {
    abandon();
    throw;
  }
  return true;
}

const Evaluation& Evaluator::result() noexcept {
  const auto samples = static_cast<double>(std::max<std::int64_t>(done_, 1));
  result_.loss = loss_sum_ / samples;
  result_.accuracy = static_cast<double>(correct_) / samples;
  result_.samples = done_;
  return result_;
}

Evaluation evaluate(nn::ModulePtr model, const data::TensorDataset& dataset, Loss loss, std::int64_t batch_size,
                    Confusion confusion) {
  Evaluator evaluator(std::move(model), dataset, loss, batch_size, confusion);
  while (evaluator.step()) {
  }
  return evaluator.result();
}

}  // namespace tinytorch::train
