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

/// The tape. Each recorded operation is a Node with a Step. The step has what backward() needs, and edges to the nodes
/// (or leaves) that the inputs came from. Nodes are numbered as they are made: if the highest number runs first, every
/// gradient is complete before it is used. The tape knows no operation; each operation says itself how to go back
/// (cpp/src/ops).
namespace tinytorch::detail {

inline constexpr std::size_t kMaxInputs = 3;

class Node;

/// A tensor that backward() will need, and its version when it was saved. A Saved is made in a step and never moves.
class Saved {
 public:
  Saved();
  explicit Saved(const Tensor& tensor) noexcept;
  ~Saved();
  Saved(const Saved&) = delete;
  Saved& operator=(const Saved&) = delete;
  /// The tensor. Throws Error(autograd) if it has been written to since.
  [[nodiscard]] const Tensor& get(const Node& node) const;

 private:
  Tensor tensor_;
  std::uint64_t version_ = 0;
};

struct History;

/// Where an input's gradient goes: to the node that made the input, to a leaf, or nowhere if none is wanted.
struct Edge {
  std::shared_ptr<Node> node;
  std::shared_ptr<TensorImpl> leaf;
  Shape shape;
  /// What holds the leaf's gradient. Null if there is no leaf, or it no longer requires a gradient.
  [[nodiscard]] History* leaf_history() const noexcept;
  [[nodiscard]] bool wanted() const noexcept { return node || leaf_history(); }
};

/// How to go back through one operation: a function f(node, dy). What f captures is in the memory behind the step. f
/// adds to the gradients of the node's inputs. dy is the gradient of the result; f may reuse its memory. The step is
/// freed afterwards, unless the graph is retained. It is not a class with virtual functions, because their tables hold
/// a long name for each operation (docs/decisions.md, "Operations").
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
  std::array<Edge, kMaxInputs> edges;
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
  [[nodiscard]] const std::array<Edge, kMaxInputs>& edges() const noexcept { return step_->edges; }
  void run(Tensor gradient) { step_->of->go_back(step_->captured(), *this, gradient); }
  void free() noexcept;
  [[nodiscard]] bool freed() const noexcept { return step_ == nullptr; }
  Tensor pending;       ///< the gradient of the result, while backward() runs
  bool queued = false;  ///< in the running backward()

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
  Tensor staged;           ///< what the running backward() has found for a leaf; added to `grad` when it succeeds
  bool is_listed = false;  ///< in the running backward()'s list of leaves
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

/// Computes y = forward() without recording its parts, and records y as the result of `op` on those inputs. The step
/// is of that kind; capture(place, y) makes its function at `place`.
[[nodiscard]] Tensor record(const char* op, Inputs inputs, FunctionRef<Tensor()> forward, const Step::Kind& kind,
                            FunctionRef<void(void* place, const Tensor& y)> capture);

/// An operation: y = forward(). If an input requires a gradient and recording is on, go_back(y) makes the function
/// f(node, dy) that goes back and captures what it needs. A result that is written into `out` cannot be recorded:
/// Error(autograd) if it would have to be.
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
