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
/// Marks a leaf, or unmarks (freezes) it, which forgets its gradient. A leaf that is frozen between a forward pass and
/// backward() gets no gradient there, the others get theirs. Throws Error(dtype) unless floating, Error(autograd) for
/// the result of a recorded operation.
void set_requires_grad(Tensor& t, bool value = true);

/// The gradient that backward() has accumulated in a leaf, of the leaf's shape; undefined before.
[[nodiscard]] Tensor grad(const Tensor& t) noexcept;
/// Replaces it; undefined forgets it, also of a tensor that has none. The elements are shared with `gradient` where
/// they are row-major and not `t`'s own, else copied. Throws Error(shape) or Error(dtype) where it does not fit,
/// Error(autograd) where `t` is not a leaf that requires a gradient.
void set_grad(Tensor& t, const Tensor& gradient);

struct BackwardOptions {
  Tensor gradient{};          ///< of `root`'s shape; needed unless root has one element (then 1)
  bool retain_graph = false;  ///< keep what backward() needs, so that it can run again
};
/// Adds d root / d leaf to the gradient of every leaf that root depends on. The graph is freed on the way.
/// Throws Error(autograd) where root depends on no leaf, where its graph has been freed, or where a tensor that a
/// gradient needs has been overwritten since; Error(out_of_memory). After an error every leaf's gradient is as it was
/// before, and nothing is left of the gradients between. What it has passed of the graph is freed all the same (unless
/// `retain_graph`): go forward again to repeat it.
void backward(const Tensor& root, const BackwardOptions& options = {});

/// The same elements (shared storage) without a history. Writing into them is not refused; a gradient that needs them
/// is then an error, because writes are counted for each storage, but one that does not need them stays what it was.
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

/// Writing into a tensor (fill, copy_from, mutable_data, `out`) is never recorded. While recording is on, it throws
/// Error(autograd) for a recorded result (a view of a leaf is one too), whose gradient would stay that of the old
/// elements. A leaf may be written to: its gradient is that of the elements that are there, and a backward that needs
/// the old ones is an error. In NoGrad everything may be written to, and the record of how it came about stays.
/// This makes the same check for a write that somebody else will do.
void refuse_writing(std::string_view op, const Tensor& t);

/// Checks the result of every recorded operation, forward and backward, and throws Error(autograd) naming the first
/// one that made a NaN or an infinity out of finite inputs. Costs a pass over every tensor.
void set_anomaly_detection(bool enabled) noexcept;

/// How a loss is summed up over its elements (cross_entropy: its rows).
enum class Reduction : unsigned char { mean, sum };

/// Operations with gradients: each computes what its namesake in tinytorch::ops does and, where an input requires a
/// gradient and recording is on, remembers how to go back. Without, they cost what ops costs.
///
/// Gradients where a function has a corner follow PyTorch: those of equal operands of maximum get half each, relu and
/// abs have slope 0 at 0, sqrt is infinitely steep at 0. What a rule sets to 0 stays 0 whatever comes from behind.
namespace autograd {

[[nodiscard]] Tensor add(const Tensor& a, const Tensor& b);
[[nodiscard]] Tensor sub(const Tensor& a, const Tensor& b);
[[nodiscard]] Tensor mul(const Tensor& a, const Tensor& b);
[[nodiscard]] Tensor div(const Tensor& a, const Tensor& b);
/// da = b a^(b - 1), 0 where b = 0; db = a^b log a, 0 where a = 0 and b >= 0, NaN where a < 0.
[[nodiscard]] Tensor pow(const Tensor& a, const Tensor& b);
/// Of equals, half the gradient to each; where one is NaN, all of it to both.
[[nodiscard]] Tensor maximum(const Tensor& a, const Tensor& b);

[[nodiscard]] Tensor neg(const Tensor& a);
[[nodiscard]] Tensor abs(const Tensor& a);  ///< gradient 0 at 0
[[nodiscard]] Tensor exp(const Tensor& a);
[[nodiscard]] Tensor log(const Tensor& a);
[[nodiscard]] Tensor sqrt(const Tensor& a);  ///< gradient infinite at 0
[[nodiscard]] Tensor relu(const Tensor& a);  ///< gradient 0 at 0
[[nodiscard]] Tensor sigmoid(const Tensor& a);
[[nodiscard]] Tensor tanh(const Tensor& a);
/// a (1 + erf(a / sqrt 2)) / 2. At -infinity -0 with gradient 0 (PyTorch: NaN).
[[nodiscard]] Tensor gelu(const Tensor& a);

[[nodiscard]] Tensor sum(const Tensor& a, ops::Axes axes = {});
[[nodiscard]] Tensor mean(const Tensor& a, ops::Axes axes = {});
/// Along an axis the gradient goes to the first of equals, the one that argmax() names. Without one it is shared evenly
/// among all equals (of NaN results, among the NaN).
[[nodiscard]] Tensor max(const Tensor& a, ops::Axes axes = {});
[[nodiscard]] Tensor softmax(const Tensor& a, std::int64_t dim = -1);
[[nodiscard]] Tensor log_softmax(const Tensor& a, std::int64_t dim = -1);

[[nodiscard]] Tensor reshape(const Tensor& a, const Shape& shape);
[[nodiscard]] Tensor transpose(const Tensor& a, std::int64_t dim0 = -2, std::int64_t dim1 = -1);
[[nodiscard]] Tensor slice(const Tensor& a, std::int64_t dim, std::int64_t start, std::int64_t stop,
                           std::int64_t step = 1);
[[nodiscard]] Tensor expand(const Tensor& a, const Shape& shape);
[[nodiscard]] Tensor clone(const Tensor& a);
/// Between floating types recorded: the gradient is converted back. Into an integer type the gradient ends here. The
/// same tensor where it has that type.
[[nodiscard]] Tensor to(const Tensor& a, DType dtype);

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

/// mean (x - target)^2. Of an empty tensor the mean is NaN, the sum 0; so in the other losses.
[[nodiscard]] Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
/// -mean log softmax(logits)[row, label]: logits [n, classes], labels [n] int32. The gradient is made in the same pass.
/// Throws Error(invalid_argument) for a label outside the classes.
[[nodiscard]] Tensor cross_entropy(const Tensor& logits, const Tensor& labels, Reduction reduction = Reduction::mean);
/// -mean (t log p + (1 - t) log (1 - p)) on probabilities, logarithms held above -100 as in PyTorch. The gradients are
/// PyTorch's too: (p - t) / (p (1 - p)) with the divisor held above 1e-12, and log (1 - p) - log p of the target,
/// which is infinite where p is 0 or 1. p outside of 0 to 1 gives NaN (PyTorch: an error).
[[nodiscard]] Tensor binary_cross_entropy(const Tensor& p, const Tensor& target, Reduction reduction = Reduction::mean);

}  // namespace autograd

}  // namespace tinytorch
