// The walk back over the tape.
#include <algorithm>
#include <utility>
#include <vector>

#include "autograd/tape.h"
#include "tensor/check.h"
#include "tensor/views.h"

namespace tinytorch {

namespace detail {

namespace {

bool older(const std::shared_ptr<Node>& a, const std::shared_ptr<Node>& b) noexcept {
  return a->number() < b->number();
}

/// Makes room for what one node can add, so that adding cannot fail.
template <class T>
void make_room(std::vector<T>& list) {
  if (list.capacity() - list.size() >= kMaxInputs) return;
  list.reserve(2 * list.size() + kMaxInputs);
}

void check_gradients(const Node& node) {
  for (const Edge& edge : node.edges()) {
    if (!edge.wanted()) continue;
    const Tensor& gradient = edge.node ? edge.node->pending : edge.leaf_history()->staged;
    if (gradient.defined()) check_finite(node.name(), "in the gradient", gradient);
  }
}

/// One backward(). The youngest node runs first, because its gradient is complete by then. What reaches a leaf is kept
/// in `staged` and is added to the leaf's gradient at the end. If the walk ends early, the destructor removes all that
/// is pending or staged: the leaves are as before, and the next walk starts clean.
class Walk {
 public:
  Walk() = default;
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;
  ~Walk() {
    if (running_) forget_gradients(*running_);
    for (const std::shared_ptr<Node>& node : nodes_) {
      node->pending = Tensor();
      node->queued = false;
    }
    for (const Edge& edge : leaves_) forget_staged(edge);
  }

  void start(const std::shared_ptr<Node>& node, Tensor gradient) {
    make_room(nodes_);
    node->pending = std::move(gradient);
    push(node);
  }
  [[nodiscard]] bool done() const noexcept { return nodes_.empty(); }

  void step(bool retain_graph) {
    make_room(nodes_);
    make_room(leaves_);
    running_ = pop();
    if (running_->freed()) {
      fail(ErrorCode::autograd, {"backward: the graph of '", running_->name(),
                                 "' was freed by an earlier backward; retain it there to go back twice"});
    }
    Tensor gradient = std::exchange(running_->pending, Tensor());
    // All its leaves may have been frozen since.
    if (std::ranges::any_of(running_->edges(), &Edge::wanted)) running_->run(std::move(gradient));
    check_gradients(*running_);
    for (const Edge& edge : running_->edges()) {
      if (edge.node) {
        if (edge.node->pending.defined()) push(edge.node);
      } else if (History* const leaf = edge.leaf_history(); leaf && leaf->staged.defined()) {
        if (!std::exchange(leaf->is_listed, true)) leaves_.push_back(edge);
      }
    }
    if (!retain_graph) running_->free();
    running_.reset();
  }

  /// Computes all sums in the staged tensors before the first gradient changes, so that an error changes none.
  void commit() {
    for (const Edge& edge : leaves_) {
      History& leaf = *edge.leaf_history();
      if (leaf.grad.defined()) (void)plus(leaf.grad, leaf.staged, &leaf.staged);
    }
    for (const Edge& edge : leaves_) {
      History& leaf = *edge.leaf_history();
      leaf.grad = std::exchange(leaf.staged, Tensor());
      leaf.is_listed = false;
    }
    leaves_.clear();
  }

 private:
  static void forget_staged(const Edge& edge) noexcept {
    if (History* const leaf = edge.leaf_history()) {
      leaf->staged = Tensor();
      leaf->is_listed = false;
    }
  }
  static void forget_gradients(Node& node) noexcept {
    node.pending = Tensor();
    if (node.freed()) return;
    for (const Edge& edge : node.edges()) {
      if (edge.node) edge.node->pending = Tensor();
      forget_staged(edge);
    }
  }
  void push(const std::shared_ptr<Node>& node) noexcept {
    if (std::exchange(node->queued, true)) return;
    nodes_.push_back(node);
    std::push_heap(nodes_.begin(), nodes_.end(), older);
  }
  [[nodiscard]] std::shared_ptr<Node> pop() noexcept {
    std::pop_heap(nodes_.begin(), nodes_.end(), older);
    std::shared_ptr<Node> node = std::move(nodes_.back());
    nodes_.pop_back();
    node->queued = false;
    return node;
  }

  std::vector<std::shared_ptr<Node>> nodes_;
  std::vector<Edge> leaves_;
  std::shared_ptr<Node> running_;
};

Tensor seed(const Tensor& root, const Tensor& given) {
  if (!given.defined()) {
    if (root.numel() != 1) {
      fail(ErrorCode::autograd, {"backward: the result has shape ", root.shape(),
                                 "; only for a single element is the gradient known to be 1, else give one"});
    }
    return Tensor::ones(root.shape(), root.dtype());
  }
  if (given.shape() != root.shape()) {
    fail(ErrorCode::shape, {"backward: the gradient is ", given.shape(), ", the result ", root.shape()});
  }
  if (given.dtype() != root.dtype()) {
    fail(ErrorCode::dtype,
         {"backward: the gradient is ", name_of(given.dtype()), ", the result ", name_of(root.dtype())});
  }
  return given;
}

}  // namespace

}  // namespace detail

void backward(const Tensor& root, const BackwardOptions& options) {
  detail::require_defined(root, "backward", "the result");
  detail::History* history = detail::history(root);
  if (history == nullptr) {
    detail::fail(ErrorCode::autograd,
                 {"backward: the result of shape ", root.shape(), " depends on no tensor that requires a gradient"});
  }
  Tensor gradient = detail::seed(root, options.gradient);
  const NoGrad no_grad;
  if (!history->node) {
    history->grad = history->grad.defined() ? detail::plus(history->grad, gradient) : detail::copied(gradient);
    return;
  }
  detail::Walk walk;
  walk.start(history->node, std::move(gradient));
  while (!walk.done()) walk.step(options.retain_graph);
  walk.commit();
}

}  // namespace tinytorch
