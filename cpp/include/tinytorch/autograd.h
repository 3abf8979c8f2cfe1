#pragma once

#include <initializer_list>
#include <string_view>

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

/// For what writes into `out`, which is not recorded: throws Error(autograd) where they would have to be,
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

}  // namespace tinytorch
