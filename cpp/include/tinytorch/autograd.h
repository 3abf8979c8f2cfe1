#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "tinytorch/matmul.h"
#include "tinytorch/ops.h"
#include "tinytorch/tensor.h"

namespace tinytorch {

/// Whether operations on `t` are recorded: a leaf that was marked, or a result that depends on one.
[[nodiscard]] bool requires_grad(const Tensor& t) noexcept;
/// Marks a leaf. Throws Error(dtype) unless floating, Error(autograd) for the result of a recorded operation.
void set_requires_grad(Tensor& t, bool value = true);

/// The gradient that backward() has accumulated in a leaf, of the leaf's shape; undefined before.
[[nodiscard]] Tensor grad(const Tensor& t) noexcept;
/// Replaces it; undefined forgets it. Throws Error(shape) or Error(dtype) where it does not fit.
void set_grad(Tensor& t, const Tensor& gradient);

struct BackwardOptions {
  Tensor gradient{};          ///< of `root`'s shape; needed unless root has one element (then 1)
  bool retain_graph = false;  ///< keep what backward() needs, so that it can run again
};
/// Adds d root / d leaf to the gradient of every leaf that root depends on. The graph is freed on the way.
/// Throws Error(autograd) where root depends on no leaf, where its graph has been freed, or where a tensor that a
/// gradient needs has been overwritten since.
void backward(const Tensor& root, const BackwardOptions& options = {});

/// The same elements (shared storage) without a history.
[[nodiscard]] Tensor detach(const Tensor& t);

/// While one is alive on this thread, nothing is recorded.
class NoGrad {
 public:
  NoGrad() noexcept;
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};
[[nodiscard]] bool grad_enabled() noexcept;
void set_grad_enabled(bool enabled) noexcept;

/// For operations that write into `out`, which are not recorded: throws Error(autograd) where they would have to be,
/// because an input requires a gradient and recording is on.
void refuse_recording(std::string_view op, std::initializer_list<const Tensor*> inputs);

/// Checks the result of every recorded operation, forward and backward, and throws Error(autograd) naming the first
/// one that made a NaN or an infinity out of finite inputs. Costs a pass over every tensor.
void set_anomaly_detection(bool enabled) noexcept;

/// How a loss is summed up over its elements (cross_entropy: its rows).
enum class Reduction : unsigned char { mean, sum };

/// Operations with gradients: each computes what its namesake in tinytorch::ops does and, where an input requires a
/// gradient and recording is on, remembers how to go back. Without, they cost what ops costs.
namespace autograd {

[[nodiscard]] Tensor add(const Tensor& a, const Tensor& b);
[[nodiscard]] Tensor sub(const Tensor& a, const Tensor& b);
[[nodiscard]] Tensor mul(const Tensor& a, const Tensor& b);
[[nodiscard]] Tensor div(const Tensor& a, const Tensor& b);
[[nodiscard]] Tensor pow(const Tensor& a, const Tensor& b);
[[nodiscard]] Tensor maximum(const Tensor& a, const Tensor& b);  ///< of equals, half the gradient to each

[[nodiscard]] Tensor neg(const Tensor& a);
[[nodiscard]] Tensor abs(const Tensor& a);
[[nodiscard]] Tensor exp(const Tensor& a);
[[nodiscard]] Tensor log(const Tensor& a);
[[nodiscard]] Tensor sqrt(const Tensor& a);
[[nodiscard]] Tensor relu(const Tensor& a);  ///< gradient 0 at 0
[[nodiscard]] Tensor sigmoid(const Tensor& a);
[[nodiscard]] Tensor tanh(const Tensor& a);
[[nodiscard]] Tensor gelu(const Tensor& a);  ///< a (1 + erf(a / sqrt 2)) / 2

[[nodiscard]] Tensor sum(const Tensor& a, ops::Axes axes = {});
[[nodiscard]] Tensor mean(const Tensor& a, ops::Axes axes = {});
[[nodiscard]] Tensor max(const Tensor& a, ops::Axes axes = {});  ///< the gradient goes to the first of equals
[[nodiscard]] Tensor softmax(const Tensor& a, std::int64_t dim = -1);
[[nodiscard]] Tensor log_softmax(const Tensor& a, std::int64_t dim = -1);

[[nodiscard]] Tensor reshape(const Tensor& a, const Shape& shape);
[[nodiscard]] Tensor transpose(const Tensor& a, std::int64_t dim0 = -2, std::int64_t dim1 = -1);
[[nodiscard]] Tensor slice(const Tensor& a, std::int64_t dim, std::int64_t start, std::int64_t stop,
                           std::int64_t step = 1);
[[nodiscard]] Tensor expand(const Tensor& a, const Shape& shape);
[[nodiscard]] Tensor clone(const Tensor& a);

[[nodiscard]] Tensor matmul(const Tensor& a, const Tensor& b, KernelId kernel = kAutoKernel);

/// act(x . weight + bias): x [..., in], weight [in, out], bias [out] or undefined. Backward is three passes: one over
/// dy for the ReLU mask and the bias, and two products that read x and weight transposed in place and add straight into
/// the gradients.
[[nodiscard]] Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
                            Activation activation = Activation::none, KernelId kernel = kAutoKernel);

/// The same with what else a product can be given. With `out`, which is written and returned, Error(autograd) where it
/// would have to be recorded.
[[nodiscard]] Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, ops::MatmulOptions options);

/// y = (x - mean) / sqrt(variance + eps) * weight + bias over the last axis; weight and bias may be undefined.
[[nodiscard]] Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps = 1e-5);

/// Zeros each element with probability p, scales the others by 1 / (1 - p). From the default generator.
[[nodiscard]] Tensor dropout(const Tensor& x, double p);

/// mean (x - target)^2.
[[nodiscard]] Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
/// -mean log softmax(logits)[row, label]: logits [n, classes], labels [n] int32. The gradient is made in the same pass.
/// Throws Error(invalid_argument) for a label outside the classes.
[[nodiscard]] Tensor cross_entropy(const Tensor& logits, const Tensor& labels, Reduction reduction = Reduction::mean);
/// -mean (t log p + (1 - t) log (1 - p)) on probabilities, logarithms held above -100 as in PyTorch.
[[nodiscard]] Tensor binary_cross_entropy(const Tensor& p, const Tensor& target, Reduction reduction = Reduction::mean);

}  // namespace autograd

}  // namespace tinytorch
