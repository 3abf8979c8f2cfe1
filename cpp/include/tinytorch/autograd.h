#pragma once

#include <initializer_list>
#include <string_view>

#include "tinytorch/tensor.h"

namespace tinytorch {

/// Whether operations on `t` are recorded: `t` is a leaf that was marked, or a result that depends on one.
[[nodiscard]] bool requires_grad(const Tensor& t) noexcept;
/// Marks a leaf, or unmarks (freezes) it, which forgets its gradient. A leaf that is frozen between a forward pass and
/// backward() gets no gradient there, the others get theirs. Throws Error(dtype) unless floating, Error(autograd) for
/// the result of a recorded operation.
void set_requires_grad(Tensor& t, bool value = true);

/// The gradient that backward() has accumulated in a leaf, of the leaf's shape; undefined before.
[[nodiscard]] Tensor grad(const Tensor& t) noexcept;
/// Replaces the gradient. An undefined `gradient` removes it, and is allowed if there is none. The elements are shared
/// with `gradient` if they are row-major and not `t`'s own; else they are copied. Throws Error(shape) or Error(dtype)
/// if `gradient` does not fit, Error(autograd) if `t` is not a leaf that requires a gradient.
void set_grad(Tensor& t, const Tensor& gradient);

struct BackwardOptions {
  Tensor gradient{};          ///< of `root`'s shape; needed unless root has one element (then 1)
  bool retain_graph = false;  ///< keep what backward() needs, so that it can run again
};
/// Adds d root / d leaf to the gradient of every leaf that root depends on. The graph is freed on the way.
/// Throws Error(autograd) where root depends on no leaf, where its graph has been freed, or where a tensor that a
/// gradient needs has been overwritten since; Error(out_of_memory). After an error every leaf's gradient is as it was
/// before, and no gradient in between is kept. The part of the graph that backward() has passed is freed all the same
/// (unless `retain_graph`), so compute root again before you repeat it.
void backward(const Tensor& root, const BackwardOptions& options = {});

/// The same elements (shared storage) without a history. Writing into them is allowed. A gradient that needs the old
/// elements is then an error (writes are counted for each storage); a gradient that does not need them is unchanged.
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

/// For an operation that writes into `out`, which cannot be recorded. Throws Error(autograd) if it would have to be:
/// recording is on and an input requires a gradient.
void refuse_recording(std::string_view op, std::initializer_list<const Tensor*> inputs);

/// Checks whether `t` may be written to, for code that writes past the library. The rules are those of every write
/// (fill, copy_from, mutable_data, `out`), which is never recorded:
/// - While recording is on, writing into a recorded result throws Error(autograd), because its gradient would still be
///   that of the old elements. A view of a leaf is a recorded result, too.
/// - A leaf may be written to. Its gradient is that of the new elements; a backward() that needs the old ones throws.
/// - In NoGrad every tensor may be written to, and its record stays as it is.
void refuse_writing(std::string_view op, const Tensor& t);

/// Checks the result of every recorded operation, forward and backward, and throws Error(autograd) naming the first
/// one that made a NaN or an infinity out of finite inputs. Costs a pass over every tensor.
void set_anomaly_detection(bool enabled) noexcept;

}  // namespace tinytorch
