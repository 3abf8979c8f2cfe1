// A checkpoint is a safetensors file: `model.*` as in a state_dict, `optimizer.*`, `gradient.*` where a step is half
// accumulated, and `trainer`, the numbers below as float64 (whole ones exactly, 64-bit ones in two halves).
#include <cmath>

#include "tensor/check.h"
#include "tinytorch/autograd.h"
#include "tinytorch/io.h"
#include "tinytorch/random.h"
#include "tinytorch/train.h"

namespace tinytorch::train {

namespace {

constexpr std::string_view format_key = "format", format = "tinytorch checkpoint 1";

using Named = std::vector<std::pair<std::string, Tensor>>;

/// The file's tensors whose names start with `prefix`, without it.
io::TensorFile part(const io::TensorFile& file, std::string_view prefix) {
  io::TensorFile result;
  for (const auto& [name, tensor] : file.tensors) {
    if (name.starts_with(prefix)) result.tensors.emplace_back(name.substr(prefix.size()), tensor);
  }
  return result;
}

double low_half(std::uint64_t x) { return static_cast<double>(x & 0xFFFFFFFF); }
double high_half(std::uint64_t x) { return static_cast<double>(x >> 32); }
std::uint64_t join(double low, double high) {
  return static_cast<std::uint64_t>(low) | static_cast<std::uint64_t>(high) << 32;
}

/// Finds what each of `wanted` becomes; nothing is written yet.
std::vector<Tensor> match(const Named& wanted, const io::TensorFile& file, const char* what) {
  if (file.tensors.size() != wanted.size()) {
    detail::fail(ErrorCode::io,
                 {"checkpoint: it has ", file.tensors.size(), " ", what, " tensors, needs ", wanted.size()});
  }
  std::vector<Tensor> found;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& [name, tensor] = file.tensors[i];
    if (name != wanted[i].first || tensor.shape() != wanted[i].second.shape() ||
        tensor.dtype() != wanted[i].second.dtype()) {
      detail::fail(ErrorCode::io, {"checkpoint: ", what, " tensor '", name, "' is ", tensor.shape(), ", needs '",
                                   wanted[i].first, "' ", wanted[i].second.shape()});
    }
    found.push_back(tensor);
  }
  return found;
}

}  // namespace

std::vector<std::byte> Trainer::checkpoint() const {
  io::TensorFile file;
  file.metadata.emplace_back(format_key, format);
  for (const auto& [name, tensor] : io::state_dict(*model_).tensors) file.tensors.emplace_back("model." + name, tensor);
  for (const auto& [name, tensor] : optimizer_->state()) file.tensors.emplace_back("optimizer." + name, tensor);
  if (progress_.batch % options_.accumulate != 0) {
    for (const auto& [name, tensor] : model_->named_parameters()) {
      if (grad(tensor).defined()) file.tensors.emplace_back("gradient." + name, grad(tensor));
    }
  }
  const Generator& generator = default_generator();
  const auto number = [](std::int64_t x) { return static_cast<double>(x); };
  const std::vector<double> numbers = {number(progress_.epoch),
                                       number(progress_.batch),
                                       number(progress_.steps),
                                       number(optimizer_->steps()),
                                       optimizer_->learning_rate(),
                                       initial_rate_,
                                       best_loss_,
                                       has_best_ ? 1.0 : 0.0,
                                       number(evaluations_without_gain_),
                                       loss_sum_,
                                       number(correct_),
                                       number(seen_),
                                       low_half(generator.seed()),
                                       high_half(generator.seed()),
                                       low_half(generator.counter()),
                                       high_half(generator.counter()),
                                       progress_.finished ? 1.0 : 0.0,
                                       progress_.stopped_early ? 1.0 : 0.0};
  const auto count = static_cast<std::int64_t>(numbers.size());
  file.tensors.emplace_back("trainer", Tensor::from(std::span<const double>(numbers), {count}));
  return io::write_safetensors(file);
}

void Trainer::restore(std::span<const std::byte> bytes) {
  constexpr std::int64_t number_count = 18;
  const io::TensorFile file = io::read_safetensors(bytes);
  const Named& tensors = file.tensors;
  if (file.metadata.empty() || file.metadata[0].first != format_key || file.metadata[0].second != format ||
      tensors.empty() || tensors.back().first != "trainer" || tensors.back().second.dtype() != DType::float64 ||
      tensors.back().second.shape() != Shape{number_count}) {
    detail::fail(ErrorCode::io, {"checkpoint: the file is not a '", format, "'"});
  }
  const double* n = tensors.back().second.data<double>();
  for (std::int64_t i = 0; i < number_count; ++i) {
    const bool real = i >= 4 && i <= 9;
    if (!std::isfinite(n[i]) || (!real && !(n[i] >= 0 && n[i] <= 0x1p53 && n[i] == std::floor(n[i])))) {
      detail::fail(ErrorCode::io, {"checkpoint: number ", i, " is ", n[i]});
    }
  }
  if (n[1] > static_cast<double>(progress_.batches)) {
    detail::fail(ErrorCode::io, {"checkpoint: it stands at batch ", n[1], " of ", progress_.batches});
  }
  // Everything is matched before anything is written.
  const std::vector<Tensor> state = match(optimizer_->state(), part(file, "optimizer."), "optimizer");
  const io::TensorFile gradients = part(file, "gradient.");
  Named parameters = model_->named_parameters();
  if (!gradients.tensors.empty()) (void)match(parameters, gradients, "gradient");
  io::load_state_dict(*model_, part(file, "model."));

  const Named own = optimizer_->state();
  for (std::size_t i = 0; i < own.size(); ++i) {
    Tensor to = own[i].second;
    to.copy_from(state[i]);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    set_grad(parameters[i].second, gradients.tensors.empty() ? Tensor() : gradients.tensors[i].second);
  }
  const auto whole = [&](std::size_t i) { return static_cast<std::int64_t>(n[i]); };
  progress_.epoch = whole(0);
  progress_.batch = whole(1);
  progress_.steps = whole(2);
  optimizer_->set_steps(whole(3));
  optimizer_->set_learning_rate(n[4]);
  initial_rate_ = n[5];
  best_loss_ = n[6];
  has_best_ = n[7] != 0;
  evaluations_without_gain_ = whole(8);
  loss_sum_ = n[9];
  correct_ = whole(10);
  seen_ = whole(11);
  default_generator() = Generator(join(n[12], n[13]));
  default_generator().set_counter(join(n[14], n[15]));
  // More epochs may have been asked for than when the checkpoint was made.
  progress_.stopped_early = n[17] != 0;
  progress_.finished = progress_.stopped_early || progress_.epoch >= progress_.epochs;
  progress_.epoch_ended = progress_.batch == progress_.batches;
  if (!progress_.epoch_ended) loader_->set_epoch(progress_.epoch);
}

}  // namespace tinytorch::train
