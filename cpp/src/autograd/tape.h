#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "tensor/storage.h"
#include "tinytorch/autograd.h"
#include "tinytorch/tensor.h"

/// The tape. Each recorded operation is a Node: a function that goes back, what it needs to do so, and edges to the
/// nodes (or leaves) that its inputs came from. Nodes are numbered as they are made, so that "highest number first" is
/// an order in which every gradient is complete before it is used.
namespace tinytorch::detail {

inline constexpr std::size_t max_inputs = 3;

class Node;

/// A tensor that backward will need, and the state in which it was seen.
class Saved {
 public:
  Saved() = default;
  explicit Saved(const Tensor& tensor) : tensor_(tensor), version_(tensor.version()) {}
  /// Throws Error(autograd) where it has been written to since.
  [[nodiscard]] const Tensor& get(const Node& node) const;

 private:
  Tensor tensor_;
  std::uint64_t version_ = 0;
};

struct History;

/// Where an input's gradient goes: to the node that made it, or to a leaf; to neither where none is wanted.
struct Edge {
  std::shared_ptr<Node> node;
  std::shared_ptr<TensorImpl> leaf;
  Shape shape;
  /// What the leaf's gradient is kept in; null where there is no leaf, or one that no longer requires a gradient.
  [[nodiscard]] History* leaf_history() const noexcept;
  [[nodiscard]] bool wanted() const noexcept { return node || leaf_history(); }
};

using BackwardFunction = void (*)(Node& node, Tensor& dy);

class Node {
 public:
  Node(const char* op, BackwardFunction function) noexcept;
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] const char* name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

  // For the forward pass.
  void save(std::initializer_list<Tensor> tensors);
  Shape dims;  ///< parameters of the operation, as each sees fit
  std::int64_t number1 = 0, number2 = 0, number3 = 0;
  double real = 0;
  KernelId kernel = kAutoKernel;
  Activation activation = Activation::none;

  // For the backward function.
  [[nodiscard]] bool wants(std::size_t input) const noexcept { return edges_[input].wanted(); }
  [[nodiscard]] const Tensor& saved(std::size_t i) const { return saved_[i].get(*this); }
  [[nodiscard]] const Shape& shape_of(std::size_t input) const noexcept { return edges_[input].shape; }
  /// Adds to the input's gradient, summed over the axes along which the input was broadcast.
  void add(std::size_t input, Tensor gradient);
  /// The input's gradient as a dense tensor to write into; `accumulate` says whether to add to what is there.
  [[nodiscard]] Tensor& accumulator(std::size_t input, DType dtype, bool& accumulate);

  // For the tape.
  std::array<Edge, max_inputs>& edges() noexcept { return edges_; }
  [[nodiscard]] const std::array<Edge, max_inputs>& edges() const noexcept { return edges_; }
  void run(Tensor gradient) { function_(*this, gradient); }
  void free() noexcept;
  [[nodiscard]] bool freed() const noexcept { return freed_; }
  Tensor pending;       ///< the gradient of the result, while backward() runs
  bool queued = false;  ///< by the backward() that runs

 private:
  [[nodiscard]] Tensor& slot(std::size_t input);

  std::shared_ptr<Node> next_to_free_;
  const char* name_;
  BackwardFunction function_;
  std::uint64_t number_;
  bool freed_ = false;
  std::array<Edge, max_inputs> edges_;
  std::array<Saved, max_inputs> saved_;
};

/// What autograd knows of a tensor: that it is a leaf, or which node made it.
struct History final : GradientState {
  std::shared_ptr<Node> node;
  Tensor grad;             ///< a leaf's
  Tensor staged;           ///< what the backward() that runs has found for a leaf; part of `grad` when it has succeeded
  bool is_listed = false;  ///< among the leaves of the backward() that runs
  void before_write(std::string_view op) const override;
  void before_copy(std::string_view op) const override;
};

inline History* Edge::leaf_history() const noexcept {
  if (!leaf) return nullptr;
  auto* const state = static_cast<History*>(leaf->gradient.get());
  return state && !state->node ? state : nullptr;
}

[[nodiscard]] inline History* history(const Tensor& t) noexcept {
  return t.impl() ? static_cast<History*>(t.impl()->gradient.get()) : nullptr;
}

[[nodiscard]] bool any_requires_grad(std::initializer_list<const Tensor*> inputs) noexcept;

/// Makes `result` a result of `op` on those inputs; null where nothing is to be recorded.
[[nodiscard]] Node* record(const char* op, const Tensor& result, std::initializer_list<const Tensor*> inputs,
                           BackwardFunction backward);

/// Whether nobody else can see the tensor's memory, so that it may be overwritten.
[[nodiscard]] bool is_unshared(const Tensor& t) noexcept;

/// `gradient` summed over the axes along which `shape` was broadcast to it.
[[nodiscard]] Tensor sum_to(const Tensor& gradient, const Shape& shape);

/// Throws Error(autograd) naming `op` where `result` has a NaN or an infinity. Nothing unless anomaly detection is on.
void check_finite(const char* op, const char* where, const Tensor& result);

}  // namespace tinytorch::detail
