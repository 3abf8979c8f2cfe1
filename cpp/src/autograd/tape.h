#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <utility>

#include "tensor/storage.h"
#include "tinytorch/autograd.h"
#include "tinytorch/tensor.h"

/// The tape. Each recorded operation is a Node, with a Step: what it takes to go back, and edges to the nodes (or
/// leaves) that its inputs came from. Nodes are numbered as they are made, so that "highest number first" is an order
/// in which every gradient is complete before it is used. What an operation does and needs to go back is written with
/// the operation (cpp/src/ops); here nothing is known of it.
namespace tinytorch::detail {

inline constexpr std::size_t max_inputs = 3;

class Node;

/// A tensor that going back will need, and the state in which it was seen.
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

/// How to go back through one operation; freed when that is done.
struct Step {
  virtual ~Step() = default;
  /// Adds to the gradients of the node's inputs. `dy` is that of the result; the step may take its memory.
  virtual void backward(Node& node, Tensor& dy) = 0;

  std::array<Edge, max_inputs> edges;
  std::unique_ptr<Step> next_to_free;
};

/// A step that is a function f(node, dy). What f has captured is what the operation saves.
template <class Backward>
struct StepOf final : Step {
  explicit StepOf(Backward f) : function(std::move(f)) {}
  void backward(Node& node, Tensor& dy) override { function(node, dy); }
  Backward function;
};

class Node {
 public:
  Node(const char* op, std::unique_ptr<Step> step) noexcept;
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] const char* name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

  // For steps.
  [[nodiscard]] bool wants(std::size_t input) const noexcept { return edges()[input].wanted(); }
  [[nodiscard]] const Shape& shape_of(std::size_t input) const noexcept { return edges()[input].shape; }
  /// Adds to the input's gradient, summed over the axes along which the input was broadcast.
  void add(std::size_t input, Tensor gradient);
  /// The input's gradient as a dense tensor to write into; `accumulate` says whether to add to what is there.
  [[nodiscard]] Tensor& accumulator(std::size_t input, DType dtype, bool& accumulate);

  // For the tape.
  [[nodiscard]] const std::array<Edge, max_inputs>& edges() const noexcept { return step_->edges; }
  void run(Tensor gradient) { step_->backward(*this, gradient); }
  void free() noexcept;
  [[nodiscard]] bool freed() const noexcept { return step_ == nullptr; }
  Tensor pending;       ///< the gradient of the result, while backward() runs
  bool queued = false;  ///< by the backward() that runs

 private:
  [[nodiscard]] Tensor& slot(std::size_t input);

  const char* name_;
  std::unique_ptr<Step> step_;
  std::uint64_t number_;
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

using Inputs = std::initializer_list<const Tensor*>;

[[nodiscard]] bool any_requires_grad(Inputs inputs) noexcept;

/// Makes `result` the result of `op` on those inputs.
void attach(const char* op, const Tensor& result, Inputs inputs, std::unique_ptr<Step> step);

/// An operation: y = forward(), computed without a record of its parts. Where an input requires a gradient and
/// recording is on, go_back(y) makes the function f(node, dy) that goes back, with what it needs captured. A result
/// that is written into `out` is not recorded: Error(autograd) where it would have to be.
template <class Forward, class GoBack>
[[nodiscard]] Tensor record(const char* op, Inputs inputs, const Tensor* out, Forward&& forward, GoBack&& go_back) {
  if (!any_requires_grad(inputs)) return forward();
  if (out != nullptr) refuse_recording(op, inputs);
  const NoGrad no_grad;
  Tensor y = forward();
  using Backward = decltype(go_back(std::as_const(y)));
  attach(op, y, inputs, std::make_unique<StepOf<Backward>>(go_back(std::as_const(y))));
  return y;
}

/// Whether nobody else can see the tensor's memory, so that it may be overwritten.
[[nodiscard]] bool is_unshared(const Tensor& t) noexcept;

/// a + b, broadcast, into `out` where it is given.
[[nodiscard]] Tensor plus(const Tensor& a, const Tensor& b, Tensor* out = nullptr);

/// `gradient` summed over the axes along which `shape` was broadcast to it.
[[nodiscard]] Tensor sum_to(const Tensor& gradient, const Shape& shape);

/// Throws Error(autograd) naming `op` where `result` has a NaN or an infinity. Nothing unless anomaly detection is on.
void check_finite(const char* op, const char* where, const Tensor& result);

}  // namespace tinytorch::detail
