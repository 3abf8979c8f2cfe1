// Losses, each fused with its gradient.
#include <vector>

#include "autograd/tape.h"
#include "tensor/check.h"
#include "tensor/dispatch.h"
#include "tensor/reduce.h"
#include "tensor/softmax.h"

namespace tinytorch::autograd {

using detail::Node;
using detail::record;

namespace {

/// How much one element of the loss weighs.
double weight_of(Reduction reduction, std::int64_t count) {
  return reduction == Reduction::mean ? 1 / static_cast<double>(count) : 1;
}

/// The gradient saved by the forward pass, times dy.
void scale_saved(Node& n, Tensor& dy) {
  const Tensor& made = n.saved(0);
  n.add(0, dy.item() == 1 ? made : ops::mul(made, dy));
}

void require_same_shape(const Tensor& a, const Tensor& b, const char* op) {
  detail::require_same_floating(a, b, op);
  if (a.shape() != b.shape()) {
    detail::fail(ErrorCode::shape, {op, ": shapes differ: the prediction is ", a.shape(), ", the target ", b.shape()});
  }
}

void require_labels(const Tensor& logits, const Tensor& labels) {
  detail::require_floating(logits, "cross_entropy", "logits");
  detail::require_defined(labels, "cross_entropy", "labels");
  if (labels.dtype() != DType::int32) {
    detail::fail(ErrorCode::dtype, {"cross_entropy: labels must be int32, they are ", name_of(labels.dtype())});
  }
  if (logits.ndim() != 2 || labels.shape() != Shape{logits.size(0)}) {
    detail::fail(ErrorCode::shape, {"cross_entropy: needs logits [n, classes] and labels [n], they are ",
                                    logits.shape(), " and ", labels.shape()});
  }
}

/// Each is used as an index.
void require_classes(const Tensor& row_major_labels, std::int64_t classes) {
  const std::int32_t* label = row_major_labels.data<std::int32_t>();
  for (std::int64_t i = 0; i < row_major_labels.numel(); ++i) {
    if (label[i] < 0 || label[i] >= classes) {
      detail::fail(ErrorCode::invalid_argument,
                   {"cross_entropy: label ", label[i], " of row ", i, " is not one of ", classes, " classes"});
    }
  }
}

/// Summed loss; where `gradient` is not null, (softmax - one-hot) * weight into it.
template <class T>
double cross_entropy_rows(const T* logits, const std::int32_t* labels, std::size_t rows, std::size_t classes, T weight,
                          T* gradient) {
  std::vector<T> log_p(gradient ? 0 : classes);
  double loss = 0;
  for (std::size_t i = 0; i < rows; ++i, logits += classes) {
    T* row = gradient ? gradient + i * classes : log_p.data();
    const auto label = static_cast<std::size_t>(labels[i]);
    loss += static_cast<double>(detail::softmax_loss_row(logits, row, classes, label));
    if (!gradient) continue;
    for (std::size_t j = 0; j < classes; ++j) row[j] *= weight;
  }
  return loss;
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& labels, Reduction reduction) {
  require_labels(logits, labels);
  const Tensor x = logits.contiguous(), y = labels.contiguous();
  require_classes(y, x.size(1));
  const double weight = weight_of(reduction, x.size(0));
  Tensor gradient;
  if (detail::any_requires_grad({&logits})) gradient = Tensor::empty(x.shape(), x.dtype());
  const double total = detail::for_floating(x.dtype(), [&]<class T>() {
    return cross_entropy_rows(x.data<T>(), y.data<std::int32_t>(), static_cast<std::size_t>(x.size(0)),
                              static_cast<std::size_t>(x.size(1)), static_cast<T>(weight),
                              gradient.defined() ? gradient.mutable_data<T>() : nullptr);
  });
  Tensor loss = Tensor::scalar(total * weight, x.dtype());
  if (Node* node = record("cross_entropy", loss, {&logits}, scale_saved)) node->save({gradient});
  return loss;
}

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  require_same_shape(x, target, "mse_loss");
  const Tensor difference = ops::sub(x, target);
  const Tensor weight = Tensor::scalar(weight_of(reduction, x.numel()), x.dtype());
  Tensor loss = ops::mul(ops::sum(ops::mul(difference, difference)), weight);
  if (Node *node = record("mse_loss", loss, {&x, &target}, [](Node& n, Tensor& dy) {
        const Tensor d = ops::mul(n.saved(0), ops::mul(dy, n.saved(1)));
        const Tensor dx = ops::add(d, d);
        if (n.wants(1)) n.add(1, ops::neg(dx));
        n.add(0, dx);
      })) {
    node->save({difference, weight});
  }
  return loss;
}

Tensor binary_cross_entropy(const Tensor& p, const Tensor& target, Reduction reduction) {
  require_same_shape(p, target, "binary_cross_entropy");
  const auto number = [&](double value) { return Tensor::scalar(value, p.dtype()); };
  const Tensor one = number(1), lowest = number(-100), rest = ops::sub(one, p);
  const Tensor log_p = ops::maximum(ops::log(p), lowest), log_rest = ops::maximum(ops::log(rest), lowest);
  // t log p + (1 - t) log (1 - p)
  const Tensor terms = ops::add(ops::mul(target, ops::sub(log_p, log_rest)), log_rest);
  const Tensor weight = number(-weight_of(reduction, p.numel()));
  Tensor loss = ops::mul(ops::sum(terms), weight);
  const auto backward = [](Node& n, Tensor& dy) {
    for (const std::size_t i : {0, 1}) {
      if (n.wants(i)) n.add(i, ops::mul(n.saved(i), dy));
    }
  };
  if (Node* node = record("binary_cross_entropy", loss, {&p, &target}, backward)) {
    // (p - t) / (p (1 - p)), the divisor held above 1e-12; log (1 - p) - log p, infinite at 0 and 1. As PyTorch.
    const Tensor slope = ops::div(ops::sub(target, p), ops::maximum(ops::mul(p, rest), number(1e-12)));
    Tensor of_target;
    if (node->wants(1)) of_target = ops::mul(ops::sub(ops::log(p), ops::log(rest)), weight);
    node->save({ops::mul(slope, weight), of_target});
  }
  return loss;
}

}  // namespace tinytorch::autograd
