#include "machine.h"

#include <cmath>
#include <limits>

#include "program.h"
#include "tinytorch/random.h"

namespace tinytorch::fuzz {

Shape to_dims(const Sizes& sizes) { return Shape(std::span<const std::int64_t>(sizes)); }
Sizes to_sizes(const Dims& dims) { return Sizes(dims.begin(), dims.end()); }

Sizes shape_of(std::uint8_t n) {
  // What threads, tails of vectors and panels of products meet.
  static const std::vector<Sizes> large = {{9001},    {33, 65}, {130, 17},   {5, 70, 9},
                                           {1, 1027}, {64, 64}, {3, 1, 301}, {257, 8}};
  static const std::vector<std::size_t> ranks = {2, 1, 2, 3, 2, 1, 3, 0, 4};
  static const std::vector<std::int64_t> sizes = {1, 2, 3, 4, 5, 2, 1, 3, 7, 0};
  if (n % 32 == 31) return choose(large, n >> 5);
  Sizes shape;
  for (std::size_t axis = 0; axis < choose(ranks, n); ++axis) {
    shape.push_back(choose(sizes, (n >> (2 * axis + 1)) + 3 * axis));
  }
  return shape;
}

Numbers numbers(std::uint8_t seed, const Sizes& shape, DType dtype) {
  static const std::vector<double> special = {std::nan(""), HUGE_VAL, -HUGE_VAL, -0.0, 0, 1, -1, 1e-30, 1e20, -1e20};
  Numbers result;
  for (std::size_t i = 0; i < reference::size_of(shape); ++i) {
    std::uint32_t h = (seed + 1U) * 0x9e3779b1U ^ static_cast<std::uint32_t>(i + 1) * 0x85ebca6bU;
    h = (h ^ (h >> 15)) * 0xc2b2ae35U;
    h = (h ^ (h >> 13)) & 0xffffU;
    const double part = h / 65536.0;
    const int kind = seed % 12;  // quarters, many ties, any numbers, probabilities, special ones
    if (dtype == DType::uint8) {
      result.push_back(h % 256);
    } else if (dtype == DType::int32) {
      result.push_back(static_cast<double>(h % 11) - 3);
    } else if (kind == 11) {
      result.push_back(reference::round_to(choose(special, h), dtype));
    } else if (kind >= 9) {
      result.push_back(part);
    } else if (kind >= 5) {
      result.push_back(8 * part - 4);
    } else {
      result.push_back(kind >= 3 ? static_cast<double>(h % 3) - 1 : (static_cast<double>(h % 33) - 16) / 4);
    }
  }
  return result;
}

bool refuses(const std::function<void()>& model) {
  try {
    model();
    return false;
  } catch (const reference::Refused&) {
    return true;
  }
}

Pair& Machine::some(Number n, const std::function<bool(const Pair&)>& fits) {
  std::vector<Pair*> found;
  for (Pair& pair : pool) {
    if (!fits || fits(pair)) found.push_back(&pair);
  }
  return found.empty() ? make(shape_of(n), floating_of(n), n) : *found[n % found.size()];
}

Pair& Machine::add(const Tensor& real, const Ref& ref) {
  compare(real, ref, "result");
  return pool.emplace_back(Pair{real, ref});
}

Pair& Machine::make(const Sizes& shape, DType dtype, Number seed) {
  const Ref ref = reference::make(numbers(seed, shape, dtype), shape, dtype);
  const Numbers values = ref->values();
  Tensor real = Tensor::from(std::span<const double>(values), to_dims(shape)).to(dtype);
  log << "  make #" << pool.size() << ' ' << name_of(dtype) << tinytorch::to_string(to_dims(shape)) << " of numbers "
      << int(seed) << '\n';
  return add(real, ref);
}

std::string Machine::name(const Pair& pair) const {
  const std::string grad = pair.ref->requires_grad() ? " grad" : "";
  return '#' + std::to_string(&pair - pool.data()) + ' ' + std::string(name_of(pair.ref->dtype())) +
         tinytorch::to_string(to_dims(pair.ref->shape)) + grad;
}

bool Machine::both(const std::function<void()>& library, const std::function<void()>& model, bool may_refuse) {
  try {
    library();
  } catch (const Error& error) {
    if (!may_refuse && !refuses(model)) throw Difference(std::string("refused: ") + error.what());
    log << "    refused: " << error.what() << '\n';
    verify();
    return false;
  }
  try {
    model();
  } catch (const reference::Refused& refused) {
    throw Difference(std::string("accepted what should be refused: ") + refused.what());
  }
  return true;
}

namespace {

bool is_near(double got, double want, double error, DType dtype) {
  if (!std::isfinite(error)) return true;  // nothing is promised
  if (got == want || (std::isnan(got) && std::isnan(want)) || std::abs(got - want) <= error) return true;
  return error != 0 && got == reference::round_to(want, dtype);
}

}  // namespace

void Machine::compare(const Tensor& real, const Ref& ref, const std::string& what) {
  if (to_sizes(real.shape()) != ref->shape || real.dtype() != ref->dtype()) {
    throw Difference(what + ": is " + std::string(name_of(real.dtype())) + tinytorch::to_string(real.shape()) +
                     ", not " + std::string(name_of(ref->dtype())) + tinytorch::to_string(to_dims(ref->shape)));
  }
  Numbers got(ref->size());
  real.copy_to(std::span<double>(got));
  for (std::size_t i = 0; i < got.size(); ++i) {
    double& want = ref->base->values[ref->places[i]];
    double& error = ref->base->errors[ref->places[i]];
    if (!is_near(got[i], want, error, ref->dtype())) {
      std::ostringstream text;
      text.precision(17);
      text << what << ": element " << i << " of " << tinytorch::to_string(real.shape()) << " is " << got[i] << ", not "
           << want << " within " << error;
      throw Difference(text.str());
    }
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    ref->base->values[ref->places[i]] = got[i];
    ref->base->errors[ref->places[i]] = 0;
  }
}

void Machine::compare_gradient(const Tensor& real, const Ref& ref, const std::string& what) {
  if (requires_grad(real) != ref->requires_grad()) throw Difference(what + ": requires_grad differs");
  const Tensor got = grad(real);
  const Ref want = ref->leaf ? ref->leaf->grad : nullptr;
  if (got.defined() != (want != nullptr)) {
    throw Difference(what + (got.defined() ? ": has a gradient" : ": has no gradient"));
  }
  if (want) compare(got, want, "gradient of " + what);
}

void Machine::verify() {
  for (const Pair& pair : pool) {
    compare(pair.real, pair.ref, name(pair));
    compare_gradient(pair.real, pair.ref, name(pair));
  }
  for (const ModelPair& model : models) {
    const std::vector<Tensor> parameters = model.real->parameters();
    if (parameters.size() != model.parameters.size()) throw Difference("number of parameters");
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      compare(parameters[i], model.parameters[i], "parameter");
      compare_gradient(parameters[i], model.parameters[i], "parameter");
    }
  }
}

namespace {

/// The most tensors that are alive at once; the oldest go first.
constexpr std::size_t most_tensors = 14;

void run_commands(Machine& machine, std::span<const std::uint8_t> bytes, std::size_t& commands) {
  const std::span<const Command> on_tensors = tensor_commands(), on_models = model_commands();
  for (std::size_t at = 0; at + command_bytes <= bytes.size(); at += command_bytes, ++commands) {
    const std::size_t kind = bytes[at];
    std::array<std::uint8_t, 5> n{};
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at) + 1, n.size(), n.begin());
    // Some commands run without recording.
    const bool records = kind < 216;
    std::optional<NoGrad> no_grad;
    if (!records) no_grad.emplace();
    reference::recording = records;
    if (!records) machine.log << "  no_grad:\n";
    // Three of four are on tensors.
    if (kind % 4 != 3) {
      choose(on_tensors, kind)(machine, n);
    } else {
      choose(on_models, kind / 4)(machine, n);
    }
    reference::recording = true;
    if (machine.pool.size() > most_tensors) {
      machine.pool.erase(machine.pool.begin(), machine.pool.end() - static_cast<std::ptrdiff_t>(most_tensors));
    }
    if (machine.models.size() > 6) machine.models.erase(machine.models.begin());
    if (machine.optimizers.size() > 4) machine.optimizers.erase(machine.optimizers.begin());
    if (at / command_bytes % 4 == 3) machine.verify();
  }
  machine.verify();
}

}  // namespace

std::string run_program(std::span<const std::uint8_t> bytes, std::size_t& commands) {
  // Weights are random: a program has the same ones whatever ran before it, so that a failure can be repeated.
  std::uint64_t seed = bytes.size();
  for (const std::uint8_t byte : bytes) seed = seed * 31 + byte;
  manual_seed(seed);
  const MemoryStats before = memory_stats();
  std::string result;
  {
    Machine machine;
    machine.pool.reserve(256);  // pairs stay where they are during a command
    machine.log << "the program\n";
    try {
      run_commands(machine, bytes, commands);
    } catch (const Difference& difference) {
      result = std::string(difference.what()) + "\nafter\n" + machine.log.str();
    } catch (const std::exception& error) {
      result = std::string("an exception: ") + error.what() + "\nafter\n" + machine.log.str();
    }
    reference::recording = true;
  }
  set_num_threads(1);
  const MemoryStats after = memory_stats();
  if (result.empty() && (after.live_bytes != before.live_bytes || after.storages != before.storages)) {
    result = "left behind: " + std::to_string(after.live_bytes - before.live_bytes) + " bytes in " +
             std::to_string(after.storages - before.storages) + " storages\n";
  }
  return result;
}

}  // namespace tinytorch::fuzz
