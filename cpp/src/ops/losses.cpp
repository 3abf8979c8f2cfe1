// Losses, each fused with its gradient.
#include <vector>

#include "autograd/tape.h"
#include "ops/row.h"
#include "ops/softmax.h"
#include "tensor/check.h"
#include "tensor/dispatch.h"
#include "tensor/views.h"
#include "tinytorch/ops.h"

namespace tinytorch::ops {

using detail::Node;
using detail::record;
using detail::Saved;

namespace {

/// The weight of one element in the loss.
double weight_of(Reduction reduction, std::int64_t count) {
  return reduction == Reduction::mean ? 1 / static_cast<double>(count) : 1;
}

constexpr detail::Op kMseLossOp{"mse_loss"}, kCrossEntropyOp{"cross_entropy"},
    kBinaryCrossEntropyOp{"binary_cross_entropy"};

void require_same_shape(const Tensor& a, const Tensor& b, const detail::Op& op) {
  detail::require_same_dtype(a, b, op);
  if (a.shape() != b.shape()) {
    detail::fail(ErrorCode::shape,
                 {op.name, ": shapes differ: the prediction is ", a.shape(), ", the target ", b.shape()});
  }
}

void require_labels(const Tensor& logits, const Tensor& labels) {
  detail::require_dtype(logits, kCrossEntropyOp, "logits");
  detail::require_defined(labels, "cross_entropy", "labels");
  if (labels.dtype() != DType::int32) {
    detail::fail(ErrorCode::dtype, {"cross_entropy: labels must be int32, they are ", name_of(labels.dtype())});
  }
  if (logits.ndim() != 2 || labels.shape() != Shape{logits.size(0)}) {
    detail::fail(ErrorCode::shape, {"cross_entropy: needs logits [n, classes] and labels [n], they are ",
                                    logits.shape(), " and ", labels.shape()});
  }
}

/// Checks the range of the labels, because each is used as an index.
void require_classes(const Tensor& row_major_labels, std::int64_t classes) {
  const std::int32_t* label = row_major_labels.data<std::int32_t>();
  for (std::int64_t i = 0; i < row_major_labels.numel(); ++i) {
    if (label[i] < 0 || label[i] >= classes) {
      detail::fail(ErrorCode::invalid_argument,
                   {"cross_entropy: label ", label[i], " of row ", i, " is not one of ", classes, " classes"});
    }
  }
}

/// Returns the summed loss. If `gradient` is not null, writes (softmax - one-hot) * weight into it.
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
  const Tensor x = detail::row_major(logits), y = detail::row_major(labels);
  require_classes(y, x.size(1));
  Tensor gradient;
  if (detail::any_requires_grad({&logits})) gradient = Tensor::empty(x.shape(), x.dtype());
  const auto forward = [&] {
    const double weight = weight_of(reduction, x.size(0));
    const double total = detail::for_floating(x.dtype(), [&]<class T>() {
      return cross_entropy_rows(x.data<T>(), y.data<std::int32_t>(), static_cast<std::size_t>(x.size(0)),
                                static_cast<std::size_t>(x.size(1)), static_cast<T>(weight),
                                gradient.defined() ? gradient.mutable_data<T>() : nullptr);
    });
    return Tensor::scalar(total * weight, x.dtype());
  };
  return record("cross_entropy", {&logits}, nullptr, forward, [&](const Tensor&) {
    return [made = Saved(gradient)](Node& n, Tensor& dy) {
      n.add(0, dy.item() == 1 ? made.get(n) : mul(made.get(n), dy));
    };
  });
}

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  require_same_shape(x, target, kMseLossOp);
  Tensor difference, weight;
  const auto forward = [&] {
    difference = sub(x, target);
    weight = Tensor::scalar(weight_of(reduction, x.numel()), x.dtype());
    return mul(sum(mul(difference, difference)), weight);
  };
  return record("mse_loss", {&x, &target}, nullptr, forward, [&](const Tensor&) {
    return [difference = Saved(difference), weight](Node& n, Tensor& dy) {
      const Tensor d = mul(difference.get(n), mul(dy, weight)), dx = add(d, d);
      if (n.wants(1)) n.add(1, neg(dx));
      n.add(0, dx);
    };
  });
}

Tensor binary_cross_entropy(const Tensor& p, const Tensor& target, Reduction reduction) {
  require_same_shape(p, target, kBinaryCrossEntropyOp);
  const auto number = [&](double value) { return Tensor::scalar(value, p.dtype()); };
  Tensor rest, weight;
  const auto forward = [&] {
    rest = sub(number(1), p);
    weight = number(-weight_of(reduction, p.numel()));
    const Tensor lowest = number(-100), log_p = maximum(log(p), lowest), log_rest = maximum(log(rest), lowest);
    // t log p + (1 - t) log (1 - p)
    return mul(sum(add(mul(target, sub(log_p, log_rest)), log_rest)), weight);
  };
  return record("binary_cross_entropy", {&p, &target}, nullptr, forward, [&](const Tensor&) {
    // As in PyTorch. Of p: (p - t) / (p (1 - p)), the divisor at least 1e-12. Of the target: log (1 - p) - log p, which
    // is infinite where p is 0 or 1.
    const Tensor slope = div(sub(target, p), maximum(mul(p, rest), number(1e-12)));
    const Tensor of_target = requires_grad(target) ? mul(sub(log(p), log(rest)), weight) : Tensor();
    return [of_p = Saved(mul(slope, weight)), of_target = Saved(of_target)](Node& n, Tensor& dy) {
      if (n.wants(0)) n.add(0, mul(of_p.get(n), dy));
      if (n.wants(1)) n.add(1, mul(of_target.get(n), dy));
    };
  });
}

}  // namespace tinytorch::ops

namespace tinytorch::detail {

namespace {

constinit const Operation losses_rows[] = {
    row<&ops::mse_loss>(ops::kMseLossOp, {.summary = "mean (this - target)^2",
                                          .parameters = {"target", Parameter("reduction", 0)},
                                          .place = Place::internal}),
    row<&ops::cross_entropy>(ops::kCrossEntropyOp, {.summary = "-mean log softmax(this)[row, label]",
                                                    .parameters = {"labels", Parameter("reduction", 0)},
                                                    .place = Place::internal}),
    row<&ops::binary_cross_entropy>(
        ops::kBinaryCrossEntropyOp,
        {.summary = "-mean (target log(this) + (1 - target) log(1 - this)), for probabilities",
         .parameters = {"target", Parameter("reduction", 0)},
         .lowest = 0.1,
         .highest = 0.9,
         .place = Place::internal}),
};

}  // namespace

constinit const Family losses = losses_rows;

}  // namespace tinytorch::detail
