#pragma once

// Runs the library beside the reference. Each live tensor is a pair; after a command both must show the same elements.
#include <array>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "../../reference/training.h"
#include "tinytorch/threads.h"
#include "tinytorch/tinytorch.h"

namespace tinytorch::fuzz {

using reference::Numbers;
using reference::Ref;
using reference::Sizes;

/// A difference between the library and the reference.
struct Difference : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A tensor of the library, and what it should be.
struct Pair {
  Tensor real;
  Ref ref;
};

struct ModelPair {
  std::shared_ptr<nn::Module> real;
  std::vector<Ref> parameters;
  std::function<Ref(const Ref&)> forward;
  DType dtype = DType::float32;
  std::int64_t features = 0;
};

struct OptimizerPair {
  std::unique_ptr<optim::Optimizer> real;
  std::unique_ptr<reference::Optimizer> ref;
};

[[nodiscard]] Shape to_dims(const Sizes& sizes);
[[nodiscard]] Sizes to_sizes(const Dims& dims);

class Machine {
 public:
  using Number = std::uint8_t;

  std::vector<Pair> pool;
  std::vector<ModelPair> models;
  std::vector<OptimizerPair> optimizers;
  std::ostringstream log;

  /// The pair that a number picks among those that fit; makes one where there is none.
  Pair& some(Number n, const std::function<bool(const Pair&)>& fits = {});
  Pair& add(const Tensor& real, const Ref& ref);
  /// A new tensor of numbers that `seed` picks.
  Pair& make(const Sizes& shape, DType dtype, Number seed);
  [[nodiscard]] std::string name(const Pair& pair) const;

  /// Calls the library, then the reference. Both do it, or both refuse; then everything must be as before. With
  /// `may_refuse` the library alone may refuse too. False where it was refused.
  bool both(const std::function<void()>& library, const std::function<void()>& model, bool may_refuse = false);

  /// Compares all elements, then goes on with the library's, so that errors do not add up.
  void compare(const Tensor& real, const Ref& ref, const std::string& what);
  void compare_gradient(const Tensor& real, const Ref& ref, const std::string& what);
  /// Compares everything that is alive.
  void verify();
};

/// One command does the same with the library and with the reference.
using Command = void (*)(Machine&, const std::array<std::uint8_t, 5>& n);
[[nodiscard]] std::span<const Command> tensor_commands();
[[nodiscard]] std::span<const Command> model_commands();

/// Whether the reference refuses it.
[[nodiscard]] bool refuses(const std::function<void()>& model);

[[nodiscard]] Sizes shape_of(std::uint8_t n);
[[nodiscard]] Numbers numbers(std::uint8_t seed, const Sizes& shape, DType dtype);
[[nodiscard]] inline DType floating_of(std::uint8_t n) { return n % 3 == 2 ? DType::float64 : DType::float32; }

template <class List>
[[nodiscard]] const auto& choose(const List& list, std::size_t n) {
  return list[n % std::size(list)];
}

}  // namespace tinytorch::fuzz
