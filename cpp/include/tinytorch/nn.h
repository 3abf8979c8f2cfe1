#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tinytorch/matmul.h"
#include "tinytorch/random.h"
#include "tinytorch/tensor.h"

/// Layers, named and behaving as in TinyTorch and PyTorch.
namespace tinytorch::nn {

/// A function with parameters. Modules are held by shared_ptr: a Sequential shares the layers it is given.
class Module {
 public:
  virtual ~Module() = default;
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// y = f(x). Shapes stand with each layer.
  [[nodiscard]] virtual Tensor forward(const Tensor& x) = 0;
  [[nodiscard]] virtual std::string_view name() const = 0;  ///< for the profile: `Dense(784, 256)`
  /// (name, tensor) pairs in a fixed order; names as in PyTorch's state_dict: `0.weight`, `0.bias`.
  [[nodiscard]] virtual std::vector<std::pair<std::string, Tensor>> named_parameters() const { return {}; }
  /// Forces one rung for every product inside; `auto` gives the choice back to the policy.
  virtual void set_kernel(KernelId) {}
  [[nodiscard]] std::vector<Tensor> parameters() const;
};

using ModulePtr = std::shared_ptr<Module>;

/// y[b, out] = x[b, in] . W[in, out] + bias[out]. x may have more leading axes. The weight is [in, out]
/// (PyTorch's Linear holds the transpose). Initialised as PyTorch's Linear: both uniform in +-1/sqrt(in).
class Dense : public Module {
 public:
  Dense(std::int64_t in_features, std::int64_t out_features, bool bias = true, DType dtype = DType::float32);
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  /// forward() and ReLU in one pass over the output.
  [[nodiscard]] Tensor forward_relu(const Tensor& x);
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] std::vector<std::pair<std::string, Tensor>> named_parameters() const override;
  void set_kernel(KernelId kernel) override { kernel_ = kernel; }
  [[nodiscard]] KernelId kernel() const noexcept { return kernel_; }
  [[nodiscard]] Tensor& weight() noexcept { return weight_; }
  [[nodiscard]] Tensor& bias() noexcept { return bias_; }

 private:
  [[nodiscard]] Tensor apply(const Tensor& x, Activation activation);
  std::int64_t in_, out_;
  Tensor weight_, bias_;
  KernelId kernel_ = kAutoKernel;
  std::string name_;
};
using Linear = Dense;

/// y = max(x, 0), any shape.
class ReLU : public Module {
 public:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  [[nodiscard]] std::string_view name() const override { return "ReLU"; }
};

/// Layers one after the other. Dense followed by ReLU runs as one pass (same bits).
class Sequential : public Module {
 public:
  explicit Sequential(std::vector<ModulePtr> layers);
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  [[nodiscard]] std::string_view name() const override { return "Sequential"; }
  [[nodiscard]] std::vector<std::pair<std::string, Tensor>> named_parameters() const override;
  void set_kernel(KernelId kernel) override;
  [[nodiscard]] const std::vector<ModulePtr>& layers() const noexcept { return layers_; }

 private:
  std::vector<ModulePtr> layers_;
};

}  // namespace tinytorch::nn
