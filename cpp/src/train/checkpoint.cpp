// A checkpoint is a safetensors file with these tensors:
// - `model.*`: the parameters as they are in memory
// - `optimizer.*`: the optimiser's state
// - `gradient.*`: the gradients, if a step is half accumulated
// - `setting.*`: numbers that must be the same in the trainer that restores, each a float64 scalar
// - `trainer.*`: numbers that say how far training has come, each a float64 scalar
// The metadata have the format, the texts that must agree, and a checksum of everything else.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "nn/repeated.h"
#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/io.h"
#include "tinytorch/random.h"
#include "tinytorch/train.h"
#include "train/checksum.h"

namespace tinytorch::train {

namespace {

constexpr std::string_view kFormat = "tinytorch checkpoint 2";

using Numbers = std::vector<std::pair<std::string, double>>;
using nn::NamedTensors;

std::string_view file_name(Loss loss) {
  switch (loss) {
    case Loss::cross_entropy: return "cross_entropy";
    case Loss::mse: return "mse";
    case Loss::binary_cross_entropy: return "binary_cross_entropy";
  }
  return {};
}

double low_half(std::uint64_t x) { return static_cast<double>(x & 0xFFFFFFFF); }
double high_half(std::uint64_t x) { return static_cast<double>(x >> 32); }
std::uint64_t join(double low, double high) {
  return static_cast<std::uint64_t>(low) | static_cast<std::uint64_t>(high) << 32;
}

double real(std::int64_t x) { return static_cast<double>(x); }
double real(bool x) { return x ? 1 : 0; }

/// The file's metadata under `key`; empty if there are none.
std::string_view metadata(const io::TensorFile& file, std::string_view key) {
  for (const auto& [name, value] : file.metadata) {
    if (name == key) return value;
  }
  return {};
}

/// The file's tensors whose names start with `prefix`. The names in the result are without it.
NamedTensors part(const io::TensorFile& file, std::string_view prefix) {
  NamedTensors result;
  for (const auto& [name, tensor] : file.tensors) {
    if (name.starts_with(prefix)) result.emplace_back(name.substr(prefix.size()), tensor);
  }
  return result;
}

void add(io::TensorFile& file, std::string_view prefix, const NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors) file.tensors.emplace_back(std::string(prefix) + name, tensor);
}

void add(io::TensorFile& file, std::string_view prefix, const Numbers& numbers) {
  for (const auto& [name, value] : numbers) {
    file.tensors.emplace_back(std::string(prefix) + name, Tensor::scalar(value, DType::float64));
  }
}

/// Throws unless the file has exactly the wanted tensors, in their order.
void require_same(const NamedTensors& wanted, const NamedTensors& found, const char* what) {
  if (found.size() != wanted.size()) {
    detail::fail(ErrorCode::io, {"checkpoint: it has ", found.size(), " ", what, " tensors, needs ", wanted.size()});
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& [name, tensor] = found[i];
    const auto& [own_name, own] = wanted[i];
    if (name == own_name && tensor.shape() == own.shape() && tensor.dtype() == own.dtype()) continue;
    detail::fail(ErrorCode::io,
                 {"checkpoint: ", what, " tensor '", name, "' is ", tensor.shape(), " ", name_of(tensor.dtype()),
                  ", needs '", own_name, "' ", own.shape(), " ", name_of(own.dtype())});
  }
}

/// The file's numbers under `prefix`. Their names and order must be those of `wanted`; the values may differ.
Numbers read_numbers(const Numbers& wanted, const io::TensorFile& file, std::string_view prefix) {
  NamedTensors like;
  for (const auto& [name, value] : wanted) like.emplace_back(name, Tensor::scalar(value, DType::float64));
  const NamedTensors found = part(file, prefix);
  require_same(like, found, "number");
  Numbers numbers;
  for (const auto& [name, tensor] : found) numbers.emplace_back(name, tensor.item());
  return numbers;
}

double number(const Numbers& numbers, std::string_view name) {
  const auto found =
      std::find_if(numbers.begin(), numbers.end(), [&](const auto& entry) { return entry.first == name; });
  return found->second;
}

[[noreturn]] void fail_number(std::string_view name, double value, const char* why) {
  detail::fail(ErrorCode::io, {"checkpoint: its ", name, " is ", value, ", ", why});
}

void require_whole(const Numbers& numbers, std::string_view name, double most) {
  const double value = number(numbers, name);
  if (value >= 0 && value <= most && value == std::floor(value)) return;
  fail_number(name, value, "which no training comes to");
}

/// Checks that each gradient of a half accumulated step belongs to a parameter.
void check_gradients(const NamedTensors& parameters, const NamedTensors& gradients) {
  std::size_t next = 0;
  NamedTensors wanted;
  for (const auto& [name, gradient] : gradients) {
    while (next < parameters.size() && parameters[next].first != name) ++next;
    if (next == parameters.size()) {
      detail::fail(ErrorCode::io, {"checkpoint: it has a gradient for '", name, "', which is no parameter"});
    }
    wanted.push_back(parameters[next++]);
  }
  require_same(wanted, gradients, "gradient");
}

/// Checks that no parameter was updated more often than the optimiser made a step.
void check_updates(const NamedTensors& state, double steps) {
  const Tensor& updates = state.front().second;
  for (std::int64_t i = 0; i < updates.numel(); ++i) {
    const double value = updates.data<double>()[i];
    if (!(value >= 0 && value <= steps && value == std::floor(value))) {
      detail::fail(ErrorCode::io,
                   {"checkpoint: its optimizer counts ", value, " updates of parameter ", i, " in ", steps, " steps"});
    }
  }
}

void check_format(const io::TensorFile& file) {
  const std::string_view found = metadata(file, "format");
  if (found == "tinytorch checkpoint 1") {
    detail::fail(ErrorCode::io, {"checkpoint: the file is a '", found,
                                 "', of an earlier version of this library, which "
                                 "can no longer be restored; its weights are the tensors 'model.*'"});
  }
  if (found != kFormat) detail::fail(ErrorCode::io, {"checkpoint: the file is not a '", kFormat, "'"});
  const std::string computed = checksum(file);
  const std::string_view noted = metadata(file, "checksum");
  if (noted != computed) {
    detail::fail(ErrorCode::io,
                 {"checkpoint: its checksum is '", noted, "', that of its content ", computed, ": it was changed"});
  }
}

}  // namespace

NamedTensors Trainer::parameters() const {
  NamedTensors list = parameters_.empty() ? model_->named_parameters() : parameters_;
  list = nn::unique(std::move(list));
  // The optimiser may train tensors that are not in the model's list: they are added.
  std::vector<Tensor> all;
  for (const auto& [name, tensor] : list) all.push_back(tensor);
  const std::vector<Tensor>& trained = optimizer_->parameters();
  all.insert(all.end(), trained.begin(), trained.end());
  const std::vector<bool> again = nn::repeated(all);
  const std::size_t own = list.size();
  for (std::size_t i = 0; i < trained.size(); ++i) {
    if (!again[own + i]) list.emplace_back("optimizer_parameter." + std::to_string(i), trained[i]);
  }
  return list;
}

std::vector<std::pair<std::string, std::string>> Trainer::described() const {
  std::string names;
  const NamedTensors list = parameters();
  std::size_t at = 0;  // the optimiser's list mostly has the model's order
  for (const Tensor& trained : optimizer_->parameters()) {
    while (list[at].second.impl() != trained.impl()) at = (at + 1) % list.size();
    names += (names.empty() ? "" : "\n") + list[at].first;
  }
  return {{"optimizer", std::string(optimizer_->kind())},
          {"loss", std::string(file_name(options_.loss))},
          {"optimizer_parameters", names}};
}

Numbers Trainer::settings() const {
  const data::LoaderOptions& data = loader_->options();
  Numbers numbers{{"samples", real(loader_->dataset().size())},
                  {"batch_size", real(data.batch_size)},
                  {"shuffle", real(data.shuffle)},
                  {"drop_last", real(data.drop_last)},
                  {"seed_low", low_half(data.seed)},
                  {"seed_high", high_half(data.seed)},
                  {"accumulate", real(options_.accumulate)}};
  for (const auto& [name, value] : optimizer_->options()) numbers.emplace_back("optimizer." + name, value);
  return numbers;
}

Numbers Trainer::place() const {
  const Generator& generator = default_generator();
  return {{"epoch", real(progress_.epoch)},
          {"batch", real(progress_.batch)},
          {"steps", real(progress_.steps)},
          {"optimizer_steps", real(optimizer_->steps())},
          {"learning_rate", optimizer_->learning_rate()},
          {"initial_rate", initial_rate_},
          {"has_best", real(has_best_)},
          {"best_loss", best_loss_},
          {"evaluations_without_gain", real(evaluations_without_gain_)},
          {"loss_sum", loss_sum_},
          {"correct", real(correct_)},
          {"seen", real(seen_)},
          {"random_seed_low", low_half(generator.seed())},
          {"random_seed_high", high_half(generator.seed())},
          {"random_counter_low", low_half(generator.counter())},
          {"random_counter_high", high_half(generator.counter())},
          {"stopped_early", real(progress_.stopped_early)}};
}

void Trainer::check_place(const Numbers& n) const {
  constexpr double most = 0x1p53;
  for (const char* name : {"epoch", "steps", "optimizer_steps", "evaluations_without_gain", "seen"}) {
    require_whole(n, name, most);
  }
  for (const char* name : {"random_seed_low", "random_seed_high", "random_counter_low", "random_counter_high"}) {
    require_whole(n, name, 0xFFFFFFFF);
  }
  require_whole(n, "has_best", 1);
  require_whole(n, "stopped_early", 1);
  require_whole(n, "batch", real(progress_.batches));
  require_whole(n, "correct", options_.loss == Loss::cross_entropy ? number(n, "seen") : 0);
  for (const char* name : {"learning_rate", "initial_rate"}) {
    const double value = number(n, name);
    if (!(value >= 0 && std::isfinite(value))) fail_number(name, value, "not finite and >= 0");
  }
  const double best = number(n, "best_loss");
  if (std::isnan(best) || (number(n, "has_best") == 0 && best != 0)) fail_number("best_loss", best, "never the best");

  const double epoch = number(n, "epoch");
  const auto batch = static_cast<std::int64_t>(number(n, "batch"));
  if (real(loader_->samples(0, batch)) != number(n, "seen")) {
    fail_number("seen", number(n, "seen"), "not the samples of its batches");
  }
  // At an epoch's end, `epoch` counts it as done already, while `batch` and `seen` still count its batches.
  const bool at_end = batch == progress_.batches;
  if ((at_end && epoch == 0) || (batch == 0 && epoch != 0)) fail_number("epoch", epoch, "which does not fit its batch");
  const double steps = epoch * real(steps_per_epoch()) + (at_end ? 0 : real(batch / options_.accumulate));
  if (number(n, "steps") != steps) fail_number("steps", number(n, "steps"), "which does not fit its place");
}

std::vector<std::byte> Trainer::checkpoint() const {
  const NamedTensors parameters = this->parameters();
  io::TensorFile file;
  file.metadata.emplace_back("format", kFormat);
  for (auto& entry : described()) file.metadata.push_back(std::move(entry));
  add(file, "model.", parameters);
  add(file, "optimizer.", optimizer_->state());
  if (progress_.batch % options_.accumulate != 0 && progress_.batch != progress_.batches) {
    NamedTensors gradients;
    for (const auto& [name, tensor] : parameters) {
      if (grad(tensor).defined()) gradients.emplace_back(name, grad(tensor));
    }
    add(file, "gradient.", gradients);
  }
  add(file, "setting.", settings());
  add(file, "trainer.", place());
  file.metadata.emplace_back("checksum", checksum(file));
  return io::write_safetensors(file);
}

void Trainer::restore(std::span<const std::byte> bytes) {
  if (under_way_) detail::fail(ErrorCode::invalid_argument, {"checkpoint: a step is under way"});
  const io::TensorFile file = io::read_safetensors(bytes);
  check_format(file);
  // Everything is checked before anything is written.
  for (const auto& [name, own] : described()) {
    const std::string_view found = metadata(file, name);
    if (found == own) continue;
    detail::fail(ErrorCode::io, {"checkpoint: its ", name, " is '", found, "', this training's '", own, "'"});
  }
  const Numbers own_settings = settings();
  const Numbers found_settings = read_numbers(own_settings, file, "setting.");
  for (std::size_t i = 0; i < own_settings.size(); ++i) {
    const auto& [name, own] = own_settings[i];
    if (found_settings[i].second == own) continue;
    detail::fail(ErrorCode::io,
                 {"checkpoint: it was made with ", name, " ", found_settings[i].second, ", this training has ", own});
  }
  const Numbers n = read_numbers(place(), file, "trainer.");
  check_place(n);
  NamedTensors parameters = this->parameters();
  const NamedTensors own_state = optimizer_->state();
  const NamedTensors model = part(file, "model."), state = part(file, "optimizer."),
                     gradients = part(file, "gradient.");
  require_same(parameters, model, "model");
  require_same(own_state, state, "optimizer");
  check_updates(state, number(n, "optimizer_steps"));
  check_gradients(parameters, gradients);
  if (model.size() + state.size() + gradients.size() + own_settings.size() + n.size() != file.tensors.size()) {
    detail::fail(ErrorCode::io, {"checkpoint: it has tensors that belong to nothing"});
  }

  const NoGrad no_grad;
  std::size_t next = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    auto& [name, parameter] = parameters[i];
    parameter.copy_from(model[i].second);
    const bool has_gradient = next < gradients.size() && gradients[next].first == name;
    // A parameter that is frozen now takes no gradient.
    if (requires_grad(parameter)) set_grad(parameter, has_gradient ? gradients[next].second : Tensor());
    if (has_gradient) ++next;
  }
  for (std::size_t i = 0; i < own_state.size(); ++i) {
    Tensor to = own_state[i].second;
    to.copy_from(state[i].second);
  }
  const auto whole = [&](std::string_view name) { return static_cast<std::int64_t>(number(n, name)); };
  progress_.epoch = whole("epoch");
  progress_.batch = whole("batch");
  progress_.steps = whole("steps");
  optimizer_->set_steps(whole("optimizer_steps"));
  optimizer_->set_learning_rate(number(n, "learning_rate"));
  initial_rate_ = number(n, "initial_rate");
  has_best_ = number(n, "has_best") != 0;
  best_loss_ = number(n, "best_loss");
  evaluations_without_gain_ = whole("evaluations_without_gain");
  loss_sum_ = number(n, "loss_sum");
  correct_ = whole("correct");
  seen_ = whole("seen");
  default_generator() = Generator(join(number(n, "random_seed_low"), number(n, "random_seed_high")));
  default_generator().set_counter(join(number(n, "random_counter_low"), number(n, "random_counter_high")));
  // This trainer may have more epochs to do than the one that made the checkpoint.
  progress_.stopped_early = number(n, "stopped_early") != 0;
  progress_.finished = progress_.stopped_early || progress_.epoch >= progress_.epochs;
  progress_.epoch_ended = progress_.batch == progress_.batches;
}

}  // namespace tinytorch::train
