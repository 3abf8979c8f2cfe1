#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include "base/function_ref.h"
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

/// A tensor that going back will need, and the state in which it was seen. It stays where it was made: in a step.
class Saved {
 public:
  Saved();
  explicit Saved(const Tensor& tensor) noexcept;
  ~Saved();
  Saved(const Saved&) = delete;
  Saved& operator=(const Saved&) = delete;
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

/// How to go back through one operation: a function f(node, dy), with what it has captured in the memory behind the
/// step. f adds to the gradients of the node's inputs; dy is that of the result, and f may take its memory. Freed when
/// that is done. No base class with virtual functions: its tables hold a name of 150 letters for each operation.
struct alignas(std::max_align_t) Step {
  struct Kind {
    std::size_t bytes;  ///< of what is captured
    void (*go_back)(void* captured, Node& node, Tensor& dy);
    void (*end)(void* captured) noexcept;
  };
  template <class Function>
  static constexpr Kind kind{sizeof(Function),
                             [](void* f, Node& node, Tensor& dy) { (*static_cast<const Function*>(f))(node, dy); },
                             [](void* f) noexcept { static_cast<Function*>(f)->~Function(); }};

  [[nodiscard]] void* captured() noexcept { return this + 1; }

  const Kind* of = nullptr;  ///< null until something is captured
  std::array<Edge, max_inputs> edges;
  std::unique_ptr<Step, void (*)(Step*) noexcept> next_to_free{nullptr, nullptr};
};
using StepPtr = decltype(Step::next_to_free);

class Node {
 public:
  Node(const char* op, StepPtr step) noexcept;
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
  void run(Tensor gradient) { step_->of->go_back(step_->captured(), *this, gradient); }
  void free() noexcept;
  [[nodiscard]] bool freed() const noexcept { return step_ == nullptr; }
  Tensor pending;       ///< the gradient of the result, while backward() runs
  bool queued = false;  ///< by the backward() that runs

 private:
  [[nodiscard]] Tensor& slot(std::size_t input);

  const char* name_;
  StepPtr step_;
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

/// y = forward(), computed without a record of its parts, becomes the result of `op` on those inputs, with a step of
/// that kind, whose function capture(place, y) makes.
[[nodiscard]] Tensor record(const char* op, Inputs inputs, FunctionRef<Tensor()> forward, const Step::Kind& kind,
                            FunctionRef<void(void* place, const Tensor& y)> capture);

/// An operation: y = forward(). Where an input requires a gradient and recording is on, go_back(y) makes the function
/// f(node, dy) that goes back, with what it needs captured. A result that is written into `out` is not recorded:
/// Error(autograd) where it would have to be.
template <class Forward, class GoBack>
[[nodiscard]] Tensor record(const char* op, Inputs inputs, const Tensor* out, Forward&& forward, GoBack&& go_back) {
  if (!any_requires_grad(inputs)) return forward();
  if (out != nullptr) refuse_recording(op, inputs);
  using Function = decltype(go_back(std::declval<const Tensor&>()));
  static_assert(alignof(Function) <= alignof(Step));
  return record(op, inputs, forward, Step::kind<Function>,
                [&](void* place, const Tensor& y) { new (place) Function(go_back(y)); });
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
