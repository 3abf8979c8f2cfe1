#pragma once

// Reverse-mode gradients by the chain rule, element by element: an operation gives, for each element of its result, its
// value, how far a computed value may be from it, and its slopes. tests/reference/autograd.ts is the same in
// TypeScript.
#include <map>

#include "tensor.h"

namespace tinytorch::reference {

/// d result / d element `at` of operand `input`. Its rounding errors are relative to `size`: |slope|, or more where
/// terms of it cancel.
struct Slope {
  std::size_t input, at;
  double slope, size;
};
using Slopes = std::function<std::vector<Slope>()>;

struct Element {
  double value;
  double error;  ///< where it is 0, the value rounded to the dtype is the only right answer
  Slopes slopes;
};

struct Edge {
  std::shared_ptr<Node> node;
  Ref leaf;
  [[nodiscard]] bool is_wanted() const { return node || leaf; }
};

/// One recorded operation.
struct Node {
  static inline std::uint64_t made = 0;
  std::uint64_t number = made++;
  bool is_freed = false;
  bool may_be_freed = false;  ///< by a backward that was refused on the way
  DType dtype{};
  std::size_t size = 0;
  std::vector<Edge> edges;
  std::vector<Slopes> slopes;
  std::vector<std::pair<std::shared_ptr<Base>, std::uint64_t>> saved;

  /// Whether an operand or the result has been written to since: going back may then be refused.
  [[nodiscard]] bool is_overwritten() const {
    return std::any_of(saved.begin(), saved.end(), [](const auto& s) { return s.first->version != s.second; });
  }
};

inline bool recording = true;

/// Makes `result` a result of the operation where an operand requires a gradient.
inline Ref record(const std::vector<Ref>& inputs, const Ref& result, std::vector<Slopes> slopes) {
  const auto wants = [](const Ref& input) { return input->requires_grad(); };
  if (!recording || std::none_of(inputs.begin(), inputs.end(), wants)) return result;
  result->node = std::make_shared<Node>();
  result->node->dtype = result->dtype();
  result->node->size = result->size();
  result->node->slopes = std::move(slopes);
  result->node->saved.emplace_back(result->base, result->base->version);
  for (const Ref& input : inputs) {
    result->node->edges.push_back({input->node, input->leaf ? input : nullptr});
    result->node->saved.emplace_back(input->base, input->base->version);
  }
  return result;
}

/// A new tensor of these elements. Operands that are not exact themselves add to the errors.
inline Ref compute(const std::vector<Ref>& inputs, const Sizes& shape, DType dtype,
                   const std::function<Element(std::size_t)>& element) {
  const std::size_t count = size_of(shape);
  std::vector<Numbers> passed;
  bool exact = true;
  for (const Ref& input : inputs) {
    passed.push_back(input->errors());
    exact = exact && std::all_of(passed.back().begin(), passed.back().end(), [](double e) { return e == 0; });
  }
  Numbers values, errors;
  std::vector<Slopes> slopes;
  for (std::size_t i = 0; i < count; ++i) {
    const Element e = element(i);
    double error = e.error;
    if (!exact) {
      error += epsilon(dtype) * std::abs(e.value);
      // A slope of unknown size is that of a kink, where no slope is above 1.
      for (const Slope& s : e.slopes())
        error += (std::isinf(s.size) ? 1 : 2 * std::abs(s.slope)) * passed[s.input][s.at];
    }
    values.push_back(error == 0 ? round_to(e.value, dtype) : e.value);
    errors.push_back(error);
    slopes.push_back(e.slopes);
  }
  const Ref result = make(Numbers(count), shape, dtype);
  result->base->values = values;
  result->base->errors = errors;
  return record(inputs, result, std::move(slopes));
}

/// A view or copy of one operand: element i is its element `from[i]`.
inline Ref moved(const Ref& input, const Ref& result, const Numbers& from) {
  std::vector<Slopes> slopes;
  for (const double place : from) {
    slopes.emplace_back([at = static_cast<std::size_t>(place)] { return std::vector<Slope>{{0, at, 1, 1}}; });
  }
  return record({input}, result, std::move(slopes));
}

struct Gradient {
  Numbers value, error;
  explicit Gradient(std::size_t size) : value(size), error(size) {}
};

/// The nodes that a result depends on, the youngest first.
inline std::vector<std::shared_ptr<Node>> history(const Ref& root) {
  std::map<std::uint64_t, std::shared_ptr<Node>, std::greater<>> found;
  std::vector<std::shared_ptr<Node>> waiting;
  if (root->node) waiting.push_back(root->node);
  while (!waiting.empty()) {
    const std::shared_ptr<Node> node = waiting.back();
    waiting.pop_back();
    if (!found.emplace(node->number, node).second) continue;
    for (const Edge& edge : node->edges) {
      if (edge.node) waiting.push_back(edge.node);
    }
  }
  std::vector<std::shared_ptr<Node>> result;
  for (const auto& [number, node] : found) result.push_back(node);
  return result;
}

/// Whether going back from here meets a value that has been overwritten, so that an error is right too.
inline bool may_refuse(const Ref& root) {
  const auto nodes = history(root);
  return std::any_of(nodes.begin(), nodes.end(),
                     [](const auto& node) { return node->is_overwritten() || node->may_be_freed; });
}

/// Notes that the library has refused to go back from here, and may have freed what it passed until then.
inline void refused(const Ref& root) {
  for (const auto& node : history(root)) node->may_be_freed = true;
}

/// Hands a node's gradient on to its operands. Of n terms a sum is rounded at most n times.
inline void go_back(const Node& node, const Gradient& dy, std::map<const void*, Gradient>& gradients) {
  double eps = epsilon(node.dtype);
  for (const Edge& edge : node.edges) {  // a gradient that goes back through a conversion is rounded to the other dtype
    if (edge.is_wanted()) eps = std::max(eps, epsilon(edge.node ? edge.node->dtype : edge.leaf->dtype()));
  }
  std::vector<Gradient*> targets;
  std::vector<std::map<std::size_t, std::pair<double, double>>> terms(node.edges.size());
  for (const Edge& edge : node.edges) {
    const void* key = edge.node ? static_cast<const void*>(edge.node.get()) : edge.leaf.get();
    const std::size_t size = edge.node ? edge.node->size : edge.leaf ? edge.leaf->size() : 0;
    targets.push_back(edge.is_wanted() ? &gradients.try_emplace(key, size).first->second : nullptr);
  }
  for (std::size_t i = 0; i < node.size; ++i) {
    for (const Slope& s : node.slopes[i]()) {
      if (targets[s.input] == nullptr) continue;
      const double size = s.size * std::abs(dy.value[i]);
      targets[s.input]->value[s.at] += s.slope * dy.value[i];
      targets[s.input]->error[s.at] += s.size * dy.error[i] + 8 * eps * size;
      // A slope that is too small for its type is lost.
      if (s.slope != 0 && std::abs(s.slope) < 1e3 * tiny(node.dtype)) {
        targets[s.input]->error[s.at] += tiny(node.dtype) * std::abs(dy.value[i]);
      }
      // What is larger than its type on the way may be infinite, or not a number, in the end.
      if (!(std::max(size, s.size) <= largest_of(node.dtype))) targets[s.input]->error[s.at] = HUGE_VAL;
      auto& [count, sum] = terms[s.input][s.at];
      count += 1;
      sum += size;
    }
  }
  for (std::size_t input = 0; input < targets.size(); ++input) {
    for (const auto& [place, term] : terms[input]) {
      targets[input]->error[place] += eps * (term.first * term.second + std::abs(targets[input]->value[place]));
    }
  }
}

/// Adds d root / d leaf, times `gradient`, to every leaf's gradient. Refused, it has changed nothing.
inline void backward(const Ref& root, const Ref& gradient, bool retain_graph) {
  if (!root->requires_grad()) throw Refused("backward: depends on no leaf");
  if (!gradient && root->size() != 1) throw Refused("backward: needs a gradient");
  if (gradient && (gradient->shape != root->shape || gradient->dtype() != root->dtype())) {
    throw Refused("backward: the gradient does not fit");
  }
  const auto nodes = history(root);
  for (const auto& node : nodes) {
    if (node->is_freed) throw Refused("backward: the graph was freed");
  }
  std::map<const void*, Gradient> gradients;
  Gradient seed(root->size());
  seed.value = gradient ? gradient->values() : Numbers{1};
  gradients.emplace(root->node ? static_cast<const void*>(root->node.get()) : root.get(), seed);
  std::map<const void*, Ref> leaves;
  if (!root->node) leaves.emplace(root.get(), root);
  for (const auto& node : nodes) {
    go_back(*node, gradients.at(node.get()), gradients);
    node->is_freed = !retain_graph;
    for (const Edge& edge : node->edges) {
      if (edge.leaf) leaves.emplace(edge.leaf.get(), edge.leaf);
    }
  }
  for (const auto& [key, leaf] : leaves) {
    if (!leaf->leaf) continue;  // frozen since
    // A new tensor: whoever holds the one before keeps its values.
    const Gradient& added = gradients.at(key);
    const Ref sum = full(leaf->shape, 0, leaf->dtype());
    const Numbers old = leaf->leaf->grad ? leaf->leaf->grad->values() : Numbers(leaf->size());
    for (std::size_t i = 0; i < leaf->size(); ++i) {
      const double total = old[i] + added.value[i];
      sum->base->values[i] = total;
      sum->base->errors[i] = added.error[i] + epsilon(leaf->dtype()) * std::abs(total) + tiny(leaf->dtype());
    }
    leaf->leaf->grad = sum;
  }
}

}  // namespace tinytorch::reference
