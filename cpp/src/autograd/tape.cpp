#include "autograd/tape.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "tensor/axis.h"
#include "tensor/check.h"
#include "tensor/dispatch.h"
#include "tensor/elementwise.h"
#include "tensor/views.h"

namespace tinytorch {

namespace {

thread_local bool recording = true;
thread_local bool detecting = false;

}  // namespace

bool grad_enabled() noexcept { return recording; }
void set_grad_enabled(bool enabled) noexcept { recording = enabled; }
void refuse_recording(std::string_view op, detail::Inputs inputs) {
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

// A step holds the nodes before it, so freeing a long chain by recursion could overflow the stack. Steps that must be
// freed wait on this list instead, and the first call of Node::free() works until it is empty. The list allocates
// nothing, because memory may have run out.
thread_local StepPtr to_free{nullptr, nullptr};
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

Saved::Saved() = default;
Saved::Saved(const Tensor& tensor) noexcept : tensor_(tensor), version_(tensor.version()) {}
Saved::~Saved() = default;

const Tensor& Saved::get(const Node& node) const {
  if (tensor_.version() != version_) {
    fail(ErrorCode::autograd, {"backward: a tensor that the gradient of '", node.name(),
                               "' needs has been overwritten since, its shape is ", tensor_.shape()});
  }
  return tensor_;
}

Node::Node(const char* op, StepPtr step) noexcept
    : name_(op), step_(std::move(step)), number_(nodes_made.fetch_add(1, std::memory_order_relaxed)) {}

Node::~Node() { free(); }

void Node::free() noexcept {
  if (!step_) return;
  step_->next_to_free = std::move(to_free);
  to_free = std::move(step_);
  if (freeing) return;
  freeing = true;
  while (to_free) {
    const StepPtr last = std::move(to_free);
    to_free = std::move(last->next_to_free);
  }
  freeing = false;
}

bool is_unshared(const Tensor& t) noexcept {
  return t.impl().use_count() == 1 && t.impl()->storage.use_count() == 1 && t.is_contiguous();
}

Tensor& Node::slot(std::size_t input) {
  const Edge& edge = edges()[input];
  if (edge.node) return edge.node->pending;
  History& leaf = *edge.leaf_history();  // exists, because the gradient is wanted
  return leaf.staged;
}

void Node::add(std::size_t input, Tensor gradient) {
  if (!wants(input)) return;
  if (gradient.shape() != edges()[input].shape) gradient = sum_to(gradient, edges()[input].shape);
  Tensor& to = slot(input);
  if (!to.defined()) {
    // A leaf's gradient is dense and shares no memory, because users and optimisers write to it.
    to = !edges()[input].node && !is_unshared(gradient) ? copied(gradient) : std::move(gradient);
  } else if (is_unshared(to)) {
    (void)plus(to, gradient, &to);
  } else {
    to = plus(to, gradient);
  }
}

Tensor& Node::accumulator(std::size_t input, DType dtype, bool& accumulate) {
  Tensor& to = slot(input);
  accumulate = to.defined();
  if (!accumulate) {
    to = Tensor::empty(edges()[input].shape, dtype);
  } else if (!is_unshared(to)) {
    to = copied(to);
  }
  return to;
}

namespace {

/// `t` summed over one axis, which is kept with size 1 or removed.
Tensor sum_over(const Tensor& t, std::int64_t dim, bool keep) {
  const AxisView view = view_axis(t, dim, keep, "backward");
  Tensor sum = Tensor::empty(view.sizes.result, t.dtype());
  sum_axis(view, sum);
  return sum;
}

}  // namespace

Tensor plus(const Tensor& a, const Tensor& b, Tensor* out) {
  return binary({"backward"}, a, b, out, binary_rows<Plus>);
}

Tensor sum_to(const Tensor& gradient, const Shape& shape) {
  Tensor g = gradient;
  const std::size_t lead = g.ndim() - shape.size();
  if (lead > 0) {
    // All leading axes at once.
    Shape flat{-1};
    for (std::size_t i = lead; i < g.ndim(); ++i) flat.push_back(g.shape()[i]);
    if (g.numel() == 0) flat[0] = 0;
    g = sum_over(reshaped(g, flat), 0, false);
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1 && g.shape()[i] != 1) g = sum_over(g, static_cast<std::int64_t>(i), true);
  }
  return g;
}

bool any_requires_grad(Inputs inputs) noexcept {
  return recording && std::any_of(inputs.begin(), inputs.end(), [](const Tensor* t) { return t && history(*t); });
}

namespace {

void free_step(Step* step) noexcept {
  if (step->of) step->of->end(step->captured());
  step->~Step();
  ::operator delete(step);
}

StepPtr make_step(std::size_t captured_bytes) {
  static_assert(alignof(Step) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  return {new (::operator new(sizeof(Step) + captured_bytes)) Step, free_step};
}

}  // namespace

Tensor record(const char* op, Inputs inputs, FunctionRef<Tensor()> forward, const Step::Kind& kind,
              FunctionRef<void(void* place, const Tensor& y)> capture) {
  const NoGrad no_grad;
  Tensor y = forward();
  StepPtr step = make_step(kind.bytes);
  capture(step->captured(), y);
  step->of = &kind;
  std::size_t i = 0;
  for (const Tensor* input : inputs) {
    Edge& edge = step->edges[i++];
    edge.shape = input->shape();
    if (const History* h = history(*input)) {
      edge.node = h->node;
      if (!h->node) edge.leaf = input->impl();
    }
  }
  check_finite(op, "in its result", y);
  auto made = std::make_unique<History>();
  made->node = std::make_shared<Node>(op, std::move(step));
  y.impl()->gradient = std::move(made);
  return y;
}

void check_finite(const char* op, const char* where, const Tensor& result) {
  if (!detecting) return;
  const Tensor dense = row_major(result);
  const bool finite = for_floating(dense.dtype(), [&]<class T>() {
    const T* const values = dense.data<T>();
    return std::all_of(values, values + dense.numel(), [](T value) { return std::isfinite(value); });
  });
  if (finite) return;
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
  // The gradient is kept without its history: one that leads back to `t` would keep both alive for ever. It never
  // shares memory with `t`: an optimiser's step would write into what it reads.
  history->grad = detail::may_overlap(t, gradient) ? detail::copied(gradient) : detach(detail::row_major(gradient));
}

Tensor detach(const Tensor& t) {
  detail::require_defined(t, "detach", "the tensor");
  return detail::make_view(t, t.impl()->offset, t.shape(), t.strides());
}

}  // namespace tinytorch
