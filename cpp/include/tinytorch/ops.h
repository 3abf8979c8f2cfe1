#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tinytorch/matmul.h"
#include "tinytorch/tensor.h"

/// The catalogue of operations. Those on a tensor's shape and dtype (reshape, transpose, slice, expand, clone, to) are
/// members of Tensor.
///
/// Gradients. If an input requires a gradient and recording is on (autograd.h), an operation keeps what backward()
/// needs; else it does no extra work. argmax, and results that are not tensors, have no gradient. At a corner of a
/// function the gradient is PyTorch's. Where it is 0 by such a rule (relu, abs, maximum, max, pow), it
/// stays 0 even if the gradient of the result is infinite or NaN.
///
/// Operands of a binary operation broadcast as in NumPy and must have the same dtype. An operation takes float32 and
/// float64 unless its comment says otherwise. For any other dtype it throws Error(dtype), which names those it takes.
///
/// `out`, where given, must have the result's shape and dtype. It is written and returned, and may share memory with an
/// operand, except in matmul. Writing is not recorded. While recording is on, it is Error(autograd) if an input
/// requires a gradient or `out` is a recorded result.
///
/// Largest errors of exp, log, pow, sigmoid, tanh and gelu: docs/accuracy.md.
namespace tinytorch::ops {

// ---- Arithmetic: element by element (ops/arithmetic.cpp) ----

[[nodiscard]] Tensor add(const Tensor& a, const Tensor& b, Tensor* out = nullptr);  ///< a + b
[[nodiscard]] Tensor sub(const Tensor& a, const Tensor& b, Tensor* out = nullptr);  ///< a - b
[[nodiscard]] Tensor mul(const Tensor& a, const Tensor& b, Tensor* out = nullptr);  ///< a b
[[nodiscard]] Tensor div(const Tensor& a, const Tensor& b, Tensor* out = nullptr);  ///< a / b
/// a^b with C's rules for zeros, infinities and NaN. da = b a^(b - 1), 0 where b = 0; db = a^b log a, 0 where a = 0 and
/// b >= 0, NaN where a < 0.
[[nodiscard]] Tensor pow(const Tensor& a, const Tensor& b, Tensor* out = nullptr);
/// The larger; NaN if one is NaN. Equal operands get half of the gradient each. If one is NaN, both get all of it.
[[nodiscard]] Tensor maximum(const Tensor& a, const Tensor& b, Tensor* out = nullptr);
[[nodiscard]] Tensor neg(const Tensor& a, Tensor* out = nullptr);   ///< -a
[[nodiscard]] Tensor abs(const Tensor& a, Tensor* out = nullptr);   ///< |a|; gradient 0 at 0
[[nodiscard]] Tensor exp(const Tensor& a, Tensor* out = nullptr);   ///< e^a
[[nodiscard]] Tensor log(const Tensor& a, Tensor* out = nullptr);   ///< the natural logarithm
[[nodiscard]] Tensor sqrt(const Tensor& a, Tensor* out = nullptr);  ///< gradient infinite at 0

// ---- Activations (ops/activations.cpp, ops/softmax.cpp) ----

[[nodiscard]] Tensor relu(const Tensor& a, Tensor* out = nullptr);     ///< max(a, 0); NaN stays NaN; gradient 0 at 0
[[nodiscard]] Tensor sigmoid(const Tensor& a, Tensor* out = nullptr);  ///< 1 / (1 + exp(-a))
[[nodiscard]] Tensor tanh(const Tensor& a, Tensor* out = nullptr);
/// a (1 + erf(a / sqrt 2)) / 2. At -infinity -0 with gradient 0 (PyTorch: NaN).
[[nodiscard]] Tensor gelu(const Tensor& a, Tensor* out = nullptr);
/// exp(a - max) / sum exp(a - max) along an axis, and its logarithm. Here and in reductions, a tensor without axes
/// counts as one with a single axis of one element, number 0 or -1.
[[nodiscard]] Tensor softmax(const Tensor& a, std::int64_t dim = -1, Tensor* out = nullptr);
[[nodiscard]] Tensor log_softmax(const Tensor& a, std::int64_t dim = -1, Tensor* out = nullptr);

// ---- Reductions (ops/reductions.cpp) ----

/// Which axes a reduction removes: none given means all. Negative axes count from the end.
struct Axes {
  std::optional<std::int64_t> dim{};
  bool keepdim = false;
};
[[nodiscard]] Tensor sum(const Tensor& a, Axes axes = {}, Tensor* out = nullptr);
[[nodiscard]] Tensor mean(const Tensor& a, Axes axes = {}, Tensor* out = nullptr);  ///< NaN if there are none
/// NaN if an element is NaN; Error(shape) over an empty axis. Along an axis, the gradient goes to the first of equal
/// elements, which argmax() names. Over all elements, equal ones share it evenly; if the result is NaN, the NaN do.
[[nodiscard]] Tensor max(const Tensor& a, Axes axes = {}, Tensor* out = nullptr);
[[nodiscard]] Tensor argmax(const Tensor& a, Axes axes = {}, Tensor* out = nullptr);  ///< int32; the first of equals

// ---- Matrix products (ops/matmul.cpp) ----

struct MatmulOptions {
  KernelId kernel = kAutoKernel;
  const Tensor* bias = nullptr;  ///< [n]; has no gradient here: see linear()
  Activation activation = Activation::none;
  Tensor* out = nullptr;
  bool accumulate = false;         ///< add to `out`
  const Tensor* panels = nullptr;  ///< for layers: the matrix b, packed for this kernel (nn/kept_panels.h)
};
/// a[..., m, k] . b[..., k, n] -> [..., m, n]: NumPy's matmul. A one-dimensional operand is a row (a) or a column (b),
/// and the result loses that axis again; leading axes broadcast. Strided operands are not copied. Recorded for a and b.
/// With a bias or an activation it cannot be recorded: Error(autograd) if it would have to be.
[[nodiscard]] Tensor matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options = {});
/// The same product into `out`, [..., m, n] of the operands' dtype; `options.out` is ignored. With `accumulate`, the
/// result is out + a . b. `out` may have strides, but must share no memory with a, b or the bias. If a rule is broken,
/// throws Error(shape), Error(dtype) or Error(invalid_argument) before anything is written. This is the fastest way for
/// small operands.
void matmul_out(Tensor& out, const Tensor& a, const Tensor& b, const MatmulOptions& options = {});

/// act(x . weight + bias): x [..., in], weight [in, out], bias [out] or undefined; `options.bias` is ignored.
/// Backward is three passes: one over dy for the ReLU mask and the bias, and two products that read x and weight
/// transposed in place and add straight into the gradients.
[[nodiscard]] Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, MatmulOptions options = {});

/// How that product would be computed, in words (tinytorch/matmul.h). Throws as matmul() does.
[[nodiscard]] std::string explain_matmul(const Tensor& a, const Tensor& b, KernelId kernel = kAutoKernel);

// ---- Layers (ops/layers.cpp) ----

/// y = (x - mean) / sqrt(variance + eps) * weight + bias over the last axis; weight and bias may be undefined.
[[nodiscard]] Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps = 1e-5);
/// Zeros each element with probability p, scales the others by 1 / (1 - p). From the default generator.
[[nodiscard]] Tensor dropout(const Tensor& x, double p);

// ---- Losses (ops/losses.cpp): a scalar ----

/// How a loss is summed up over its elements (cross_entropy: its rows). Of an empty tensor the mean is NaN, the sum 0.
enum class Reduction : unsigned char { mean, sum };

/// mean (x - target)^2, both of one shape.
[[nodiscard]] Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
/// -mean log softmax(logits)[row, label]: logits [n, classes], labels [n] int32. The gradient is made in the same pass.
/// Throws Error(invalid_argument) for a label outside the classes.
[[nodiscard]] Tensor cross_entropy(const Tensor& logits, const Tensor& labels, Reduction reduction = Reduction::mean);
/// -mean (t log p + (1 - t) log (1 - p)) on probabilities, logarithms held above -100 as in PyTorch. The gradients are
/// PyTorch's too: (p - t) / (p (1 - p)) with the divisor held above 1e-12, and log (1 - p) - log p of the target,
/// which is infinite where p is 0 or 1. p outside of 0 to 1 gives NaN (PyTorch: an error).
[[nodiscard]] Tensor binary_cross_entropy(const Tensor& p, const Tensor& target, Reduction reduction = Reduction::mean);

// ---- Comparisons (ops/compare.cpp): of any dtypes, without a gradient ----

/// Whether |a - b| <= atol + rtol |b| everywhere, after broadcasting; NaN is equal to nothing.
[[nodiscard]] bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8);
[[nodiscard]] double max_abs_diff(const Tensor& a, const Tensor& b);  ///< over all elements, in double

}  // namespace tinytorch::ops
