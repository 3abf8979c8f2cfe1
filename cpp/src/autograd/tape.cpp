#include "autograd/tape.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "tensor/check.h"

namespace tinytorch {

namespace {

thread_local bool recording = true;
thread_local bool detecting = false;

}  // namespace

bool grad_enabled() noexcept { return recording; }
void set_grad_enabled(bool enabled) noexcept { recording = enabled; }
void refuse_recording(std::string_view op, std::initializer_list<const Tensor*> inputs) {
  if (!detail::any_requires_grad(inputs)) return;
  detail::fail(ErrorCode::autograd, {op,
                                     ": what is written into out is not recorded, but an operand requires a gradient: "
                                     "use noGrad or detach()"});
}
void refuse_writing(std::string_view op, const Tensor& t) {
  if (t.impl() && t.impl()->gradient) t.impl()->gradient->before_write(op);
}
NoGrad::NoGrad() noexcept : before_(std::exchange(recording, false)) {}
NoGrad::~NoGrad() { recording = before_; }
void set_anomaly_detection(bool enabled) noexcept { detecting = enabled; }

namespace detail {

namespace {

std::atomic<std::uint64_t> nodes_made{0};

// A long chain of nodes must not be freed by recursion: each puts the nodes that it alone held on this list, and the
// first takes from it until it is empty. The list needs no memory: memory may be what has run out.
thread_local std::shared_ptr<Node> to_free;
thread_local bool freeing = false;

}  // namespace

void History::before_write(std::string_view op) const {
  if (!node || !recording) return;
  fail(ErrorCode::autograd,
       {op, ": the tensor is the result of '", node->name(),
        "', whose gradient would stay that of the old elements: write into a clone(), or in noGrad "
        "if that is what you want"});
}

void History::before_copy(std::string_view op) const {
  if (!recording) return;
  fail(
      ErrorCode::autograd,
      {op, ": the source requires a gradient, and a copy into another tensor is not recorded: use noGrad or detach()"});
}

const Tensor& Saved::get(const Node& node) const {
  if (tensor_.version() != version_) {
    fail(ErrorCode::autograd, {"backward: a tensor that the gradient of '", node.name(),
                               "' needs has been overwritten since, its shape is ", tensor_.shape()});
  }
  return tensor_;
}

Node::Node(const char* op, BackwardFunction function) noexcept
    : name_(op), function_(function), number_(nodes_made.fetch_add(1, std::memory_order_relaxed)) {}

Node::~Node() { free(); }

void Node::free() noexcept {
  freed_ = true;
  for (Edge& edge : edges_) {
    edge.leaf.reset();
    if (edge.node.use_count() == 1) {
      edge.node->next_to_free_ = std::move(to_free);
      to_free = std::move(edge.node);
    }
    edge.node.reset();
  }
  for (Saved& saved : saved_) saved = Saved();
  if (freeing) return;
  freeing = true;
  while (to_free) {
    const std::shared_ptr<Node> last = std::move(to_free);
    to_free = std::move(last->next_to_free_);
  }
  freeing = false;
}

void Node::save(std::initializer_list<Tensor> tensors) {
  std::size_t i = 0;
  for (const Tensor& tensor : tensors) saved_[i++] = Saved(tensor);
}

bool is_unshared(const Tensor& t) noexcept {
  return t.impl().use_count() == 1 && t.impl()->storage.use_count() == 1 && t.is_contiguous();
}

Tensor& Node::slot(std::size_t input) {
  Edge& edge = edges_[input];
  if (edge.node) return edge.node->pending;
  History& leaf = *edge.leaf_history();  // wanted, so it is there
  return leaf.staged;
}

void Node::add(std::size_t input, Tensor gradient) {
  if (!wants(input)) return;
  if (gradient.shape() != edges_[input].shape) gradient = sum_to(gradient, edges_[input].shape);
  Tensor& to = slot(input);
  if (!to.defined()) {
    // A leaf's gradient is its own and dense: users and optimisers write to it.
    to = !edges_[input].node && !is_unshared(gradient) ? gradient.clone() : std::move(gradient);
  } else if (is_unshared(to)) {
    to = ops::add(to, gradient, &to);
  } else {
    to = ops::add(to, gradient);
  }
}

Tensor& Node::accumulator(std::size_t input, DType dtype, bool& accumulate) {
  Tensor& to = slot(input);
  accumulate = to.defined();
  if (!accumulate) {
    to = Tensor::empty(edges_[input].shape, dtype);
  } else if (!is_unshared(to)) {
    to = to.clone();
  }
  return to;
}

Tensor sum_to(const Tensor& gradient, const Shape& shape) {
  Tensor g = gradient;
  const std::size_t lead = g.ndim() - shape.size();
  if (lead > 0) {
    // All leading axes at once.
    Shape flat{-1};
    for (std::size_t i = lead; i < g.ndim(); ++i) flat.push_back(g.shape()[i]);
    if (g.numel() == 0) flat[0] = 0;
    g = ops::sum(g.reshape(flat), {0});
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1 && g.shape()[i] != 1) g = ops::sum(g, {static_cast<std::int64_t>(i), true});
  }
  return g;
}

bool any_requires_grad(std::initializer_list<const Tensor*> inputs) noexcept {
  return recording && std::any_of(inputs.begin(), inputs.end(), [](const Tensor* t) { return history(*t) != nullptr; });
}

Node* record(const char* op, const Tensor& result, std::initializer_list<const Tensor*> inputs,
             BackwardFunction backward) {
  if (!any_requires_grad(inputs)) return nullptr;
  auto node = std::make_shared<Node>(op, backward);
  std::size_t i = 0;
  for (const Tensor* input : inputs) {
    Edge& edge = node->edges()[i++];
    edge.shape = input->shape();
    if (const History* h = history(*input)) {
      edge.node = h->node;
      if (!h->node) edge.leaf = input->impl();
    }
  }
  check_finite(op, "in its result", result);
  auto made = std::make_unique<History>();
  made->node = std::move(node);
  Node* raw = made->node.get();
  result.impl()->gradient = std::move(made);
  return raw;
}

void check_finite(const char* op, const char* where, const Tensor& result) {
  if (!detecting || result.numel() == 0) return;
  // 0 x is 0 for everything finite and NaN else.
  const Tensor zero = ops::mul(result, Tensor::scalar(0, result.dtype()));
  if (ops::sum(zero).item() == 0) return;
  fail(ErrorCode::autograd, {"'", op, "' made the first NaN or infinity, ", where, " of shape ", result.shape()});
}

}  // namespace detail

bool requires_grad(const Tensor& t) noexcept { return detail::history(t) != nullptr; }

void set_requires_grad(Tensor& t, bool value) {
  if (value) detail::require_floating(t, "requires_grad", "the tensor");
  detail::require_defined(t, "requires_grad", "the tensor");
  const detail::History* history = detail::history(t);
  if (history && history->node) {
    detail::fail(ErrorCode::autograd, {"requires_grad: the tensor is the result of '", history->node->name(),
                                       "'; only a leaf can be changed, detach it first"});
  }
  if (!value) {
    t.impl()->gradient.reset();
  } else if (!history) {
    t.impl()->gradient = std::make_unique<detail::History>();
  }
}

Tensor grad(const Tensor& t) noexcept {
  const detail::History* history = detail::history(t);
  return history ? history->grad : Tensor();
}

void set_grad(Tensor& t, const Tensor& gradient) {
  detail::require_defined(t, "set_grad", "the tensor");
  detail::History* history = detail::history(t);
  if (!history && !gradient.defined()) return;
  if (!history || history->node) {
    detail::fail(ErrorCode::autograd,
                 {"set_grad: the tensor of shape ", t.shape(), " is not a leaf that requires one"});
  }
  if (!gradient.defined()) {
    history->grad = Tensor();
    return;
  }
  if (gradient.shape() != t.shape()) {
    detail::fail(ErrorCode::shape, {"set_grad: the gradient is ", gradient.shape(), ", the tensor ", t.shape()});
  }
  if (gradient.dtype() != t.dtype()) {
    detail::fail(ErrorCode::dtype,
                 {"set_grad: the gradient is ", name_of(gradient.dtype()), ", the tensor ", name_of(t.dtype())});
  }
  // Without its own history: one that leads back to `t` would keep both alive for ever. Never `t`'s own memory:
  // an optimiser's step would write into what it reads.
  history->grad = detail::may_overlap(t, gradient) ? gradient.clone() : detach(gradient.contiguous());
}

Tensor detach(const Tensor& t) {
  detail::require_defined(t, "detach", "the tensor");
  return detail::make_view(t, t.impl()->offset, t.shape(), t.strides());
}

}  // namespace tinytorch
