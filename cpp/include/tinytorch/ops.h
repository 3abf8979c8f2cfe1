#pragma once

#include <optional>
#include <span>
#include <string>

#include "tinytorch/matmul.h"
#include "tinytorch/tensor.h"

/// Operations without gradients. Both operands of a binary operation broadcast as in NumPy and have the same
/// floating dtype, else Error(dtype). `out`, where given, must have the result's shape and dtype; it is
/// written and returned, and may share memory with an operand, except in matmul. Throws Error(autograd) where `out` is
/// a recorded result and recording is on (autograd.h).
///
/// Largest errors of exp, log, pow, sigmoid, tanh and gelu: docs/accuracy.md.
namespace tinytorch::ops {

[[nodiscard]] Tensor add(const Tensor& a, const Tensor& b, Tensor* out = nullptr);
[[nodiscard]] Tensor sub(const Tensor& a, const Tensor& b, Tensor* out = nullptr);
[[nodiscard]] Tensor mul(const Tensor& a, const Tensor& b, Tensor* out = nullptr);
[[nodiscard]] Tensor div(const Tensor& a, const Tensor& b, Tensor* out = nullptr);
[[nodiscard]] Tensor pow(const Tensor& a, const Tensor& b, Tensor* out = nullptr);
[[nodiscard]] Tensor maximum(const Tensor& a, const Tensor& b, Tensor* out = nullptr);

[[nodiscard]] Tensor neg(const Tensor& a, Tensor* out = nullptr);
[[nodiscard]] Tensor abs(const Tensor& a, Tensor* out = nullptr);
[[nodiscard]] Tensor exp(const Tensor& a, Tensor* out = nullptr);
[[nodiscard]] Tensor log(const Tensor& a, Tensor* out = nullptr);
[[nodiscard]] Tensor sqrt(const Tensor& a, Tensor* out = nullptr);
[[nodiscard]] Tensor relu(const Tensor& a, Tensor* out = nullptr);     ///< max(a, 0); NaN stays NaN
[[nodiscard]] Tensor sigmoid(const Tensor& a, Tensor* out = nullptr);  ///< 1 / (1 + exp(-a))
[[nodiscard]] Tensor tanh(const Tensor& a, Tensor* out = nullptr);
[[nodiscard]] Tensor gelu(const Tensor& a, Tensor* out = nullptr);  ///< a (1 + erf(a / sqrt 2)) / 2; -0 at -infinity

/// Which axes a reduction removes: none given means all. Negative axes count from the end. A tensor without axes has,
/// for reductions, softmax and log_softmax, one of a single element: 0 or -1.
struct Axes {
  std::optional<std::int64_t> dim{};
  bool keepdim = false;
};
[[nodiscard]] Tensor sum(const Tensor& a, Axes axes = {}, Tensor* out = nullptr);
[[nodiscard]] Tensor mean(const Tensor& a, Axes axes = {}, Tensor* out = nullptr);  ///< NaN of no elements
[[nodiscard]] Tensor max(const Tensor& a, Axes axes = {},
                         Tensor* out = nullptr);  ///< Error(shape) over an empty axis; NaN wins
[[nodiscard]] Tensor argmax(const Tensor& a, Axes axes = {}, Tensor* out = nullptr);  ///< int32; the first of equals
[[nodiscard]] Tensor softmax(const Tensor& a, std::int64_t dim = -1, Tensor* out = nullptr);  ///< exp(a - max) / sum
[[nodiscard]] Tensor log_softmax(const Tensor& a, std::int64_t dim = -1, Tensor* out = nullptr);

struct MatmulOptions {
  KernelId kernel = kAutoKernel;
  const Tensor* bias = nullptr;  ///< [n]
  Activation activation = Activation::none;
  Tensor* out = nullptr;
  bool accumulate = false;         ///< add to `out`
  const Tensor* panels = nullptr;  ///< for layers: b, a matrix, as it was packed for this kernel (nn/kept_panels.h)
};
/// a[..., m, k] . b[..., k, n] -> [..., m, n]: NumPy's matmul. One-dimensional operands are a row (a) or a
/// column (b) and the axis is dropped again; leading axes broadcast. Strided operands are not copied.
[[nodiscard]] Tensor matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options = {});
/// The same product into `out`, [..., m, n] of the operands' dtype; `options.out` is not looked at. With `accumulate`,
/// out + a . b. `out` may have strides, but shares no memory with a, b or the bias. Throws Error(shape), Error(dtype)
/// or Error(invalid_argument) where one of this does not hold, before anything is written. Small operands are fastest
/// so.
void matmul_out(Tensor& out, const Tensor& a, const Tensor& b, const MatmulOptions& options = {});

/// How that product would be computed, in words (tinytorch/matmul.h). Throws as matmul() does.
[[nodiscard]] std::string explain_matmul(const Tensor& a, const Tensor& b, KernelId kernel = kAutoKernel);

/// |a - b| <= atol + rtol |b| everywhere, shapes equal after broadcasting; NaN is equal to nothing.
[[nodiscard]] bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8);
[[nodiscard]] double max_abs_diff(const Tensor& a, const Tensor& b);  ///< over all elements, in double

}  // namespace tinytorch::ops
