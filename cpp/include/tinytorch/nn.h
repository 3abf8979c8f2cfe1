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

/// Parameters by their names.
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// One layer of a summary.
struct SummaryRow {
  std::string name;
  Shape output;
  std::int64_t parameters = 0;
  double flops = 0;            ///< of one forward pass; a multiply-add is two
  std::int64_t bytes = 0;      ///< of the parameters
  std::vector<Tensor> held{};  ///< the parameters that the row counts; summary() leaves out those of earlier rows
};

/// How deep modules may be nested: a browser's stack of 1 MB has room for this many.
inline constexpr int kMaxDepth = 100;

class Module;
using ModulePtr = std::shared_ptr<Module>;

/// A function with parameters. Modules are held by shared_ptr: a Sequential shares the layers it is given, and one
/// layer may be used in several places. A subclass of any module may override forward(). Its forward() is what runs,
/// inside a Sequential and in training, too. A subclass that changes shapes or parameters says so in describe() and
/// named_parameters(); one that holds other modules names them in children().
class Module {
 public:
  virtual ~Module() = default;
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// y = f(x). The comment of each layer gives its shapes.
  [[nodiscard]] virtual Tensor forward(const Tensor& x) = 0;
  /// The same, written into `out`, which is returned. Throws Error(shape) or Error(dtype) if `out` has another shape or
  /// dtype than the result, and Error(autograd) if the result would have to be recorded: outside NoGrad, x or a
  /// parameter requires a gradient. A Dense or Sequential throws Error(invalid_argument) if `out` shares memory with x.
  virtual Tensor forward_into(const Tensor& x, Tensor& out);
  /// Whether this layer and `next`, the layer after it, can be computed in one pass. If so, forward_fused() does both,
  /// with the same bits, into `out` where it is given. A Sequential asks this in its constructor.
  [[nodiscard]] virtual bool fuses_with(const Module& next) const {
    (void)next;
    return false;
  }
  [[nodiscard]] virtual Tensor forward_fused(const Tensor& x, Tensor* out = nullptr);
  [[nodiscard]] virtual std::string_view name() const = 0;  ///< for the profile: `Dense(784, 256)`
  /// (name, tensor) pairs in a fixed order; names as in PyTorch's state_dict: `0.weight`, `0.bias`. A tensor that is
  /// used in several places is listed once, under its first name.
  [[nodiscard]] virtual NamedTensors named_parameters() const { return {}; }
  /// The same with every name of a tensor that is used in several places, as in PyTorch's state_dict.
  [[nodiscard]] virtual NamedTensors named_state() const { return named_parameters(); }
  /// The modules that this one contains.
  [[nodiscard]] virtual std::vector<ModulePtr> children() const { return {}; }
  /// Forces one rung for every product inside; `auto` gives the choice back to the policy.
  virtual void set_kernel(KernelId) {}
  /// Training mode (the default) or evaluation mode, for layers that differ in it: Dropout. Sets all modules inside.
  virtual void set_training(bool training);
  [[nodiscard]] bool training() const noexcept { return training_; }
  /// What forward() makes of that shape, and what it costs: one row for each layer. Error(shape) where it does not fit.
  [[nodiscard]] virtual Shape describe(const Shape& in, std::vector<SummaryRow>& rows) const;
  /// The tensors of named_parameters(), each once.
  [[nodiscard]] std::vector<Tensor> parameters() const;
  /// How deep modules are nested here: 1 for a module without others inside.
  [[nodiscard]] virtual int depth() const noexcept { return 1; }

 private:
  friend class ModeScope;
  bool training_ = true;
};

/// Copies the result y of a forward pass into `out`, after the checks of forward_into().
void write_into(const Tensor& y, Tensor& out, std::string_view name);

/// Sets the mode of a module and of all modules inside. The destructor gives each of them its own mode back.
class ModeScope {
 public:
  /// The mode that a module had before.
  struct Mode {
    ModulePtr module;
    bool training;
    bool is_leaf;
  };
  ModeScope(const ModulePtr& module, bool training);
  ~ModeScope();
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;

 private:
  void give_back() noexcept;  ///< allocates nothing
  std::vector<Mode> before_;
};

class KeptPanels;

/// y[b, out] = x[b, in] . W[in, out] + bias[out]. x may have more leading axes. The weight is [in, out]
/// (PyTorch's Linear holds the transpose). Initialised as PyTorch's Linear: both uniform in +-1/sqrt(in). If the
/// weight stays the same from one forward() to the next, and it makes products faster, the layer keeps a second copy of
/// it in the order in which the kernels read it. memory_stats() counts that copy.
class Dense : public Module {
 public:
  Dense(std::int64_t in_features, std::int64_t out_features, bool bias = true, DType dtype = DType::float32);
  Dense(const Dense&) = delete;
  Dense& operator=(const Dense&) = delete;
  ~Dense() override;
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  Tensor forward_into(const Tensor& x, Tensor& out) override;
  /// True for a ReLU: both then take one pass over the output.
  [[nodiscard]] bool fuses_with(const Module& next) const override;
  [[nodiscard]] Tensor forward_fused(const Tensor& x, Tensor* out = nullptr) override;
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] NamedTensors named_parameters() const override;
  void set_kernel(KernelId kernel) override { kernel_ = kernel; }
  [[nodiscard]] Shape describe(const Shape& in, std::vector<SummaryRow>& rows) const override;
  [[nodiscard]] KernelId kernel() const noexcept { return kernel_; }
  [[nodiscard]] Tensor& weight() noexcept { return weight_; }
  [[nodiscard]] Tensor& bias() noexcept { return bias_; }

 private:
  [[nodiscard]] Tensor apply(const Tensor& x, Activation activation, Tensor* out);
  std::int64_t in_, out_;
  Tensor weight_, bias_;
  KernelId kernel_ = kAutoKernel;
  std::string name_;
  std::unique_ptr<KeptPanels> panels_;  ///< a second copy of the weight, in the order in which kernels read it
};
using Linear = Dense;

/// y = max(x, 0), any shape.
class ReLU : public Module {
 public:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  Tensor forward_into(const Tensor& x, Tensor& out) override;
  [[nodiscard]] std::string_view name() const override { return "ReLU"; }
};
/// y = 1 / (1 + exp(-x)).
class Sigmoid : public Module {
 public:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  Tensor forward_into(const Tensor& x, Tensor& out) override;
  [[nodiscard]] std::string_view name() const override { return "Sigmoid"; }
};
class Tanh : public Module {
 public:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  Tensor forward_into(const Tensor& x, Tensor& out) override;
  [[nodiscard]] std::string_view name() const override { return "Tanh"; }
};
/// y = x (1 + erf(x / sqrt 2)) / 2.
class GELU : public Module {
 public:
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  Tensor forward_into(const Tensor& x, Tensor& out) override;
  [[nodiscard]] std::string_view name() const override { return "GELU"; }
};
class Softmax : public Module {
 public:
  explicit Softmax(std::int64_t dim = -1) : dim_(dim) {}
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  Tensor forward_into(const Tensor& x, Tensor& out) override;
  [[nodiscard]] std::string_view name() const override { return "Softmax"; }

 private:
  std::int64_t dim_;
};
/// In training each element is zero with probability p, the others are scaled by 1 / (1 - p); the identity in
/// evaluation.
class Dropout : public Module {
 public:
  explicit Dropout(double p = 0.5);  ///< Error(invalid_argument) outside [0, 1]
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  [[nodiscard]] std::string_view name() const override { return "Dropout"; }

 private:
  double p_;
};
/// y = (x - mean) / sqrt(variance + eps) * weight + bias over the last axis, which has `features` elements.
class LayerNorm : public Module {
 public:
  /// Error(invalid_argument) unless features >= 1 and eps is finite and >= 0.
  explicit LayerNorm(std::int64_t features, double eps = 1e-5, DType dtype = DType::float32);
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] NamedTensors named_parameters() const override;

 private:
  double eps_;
  Tensor weight_, bias_;
  std::string name_;
};
/// [n, ...] -> [n, product of the rest].
class Flatten : public Module {
 public:
  /// [n, a, b, ...] becomes [n, a b ...], also for an empty batch. Throws Error(overflow) if that is too large.
  [[nodiscard]] static Shape flattened(const Shape& shape);
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  [[nodiscard]] std::string_view name() const override { return "Flatten"; }
  [[nodiscard]] Shape describe(const Shape& in, std::vector<SummaryRow>& rows) const override;
};

/// Layers one after the other. Those that fuse run as one pass.
class Sequential : public Module {
 public:
  /// Error(invalid_argument) for a null layer, or where more than kMaxDepth modules would be nested.
  explicit Sequential(std::vector<ModulePtr> layers);
  [[nodiscard]] Tensor forward(const Tensor& x) override;
  Tensor forward_into(const Tensor& x, Tensor& out) override;
  [[nodiscard]] std::string_view name() const override { return "Sequential"; }
  [[nodiscard]] NamedTensors named_parameters() const override;
  [[nodiscard]] NamedTensors named_state() const override;
  [[nodiscard]] std::vector<ModulePtr> children() const override { return layers_; }
  void set_kernel(KernelId kernel) override;
  [[nodiscard]] Shape describe(const Shape& in, std::vector<SummaryRow>& rows) const override;
  [[nodiscard]] const std::vector<ModulePtr>& layers() const noexcept { return layers_; }
  [[nodiscard]] int depth() const noexcept override { return depth_; }

 private:
  [[nodiscard]] Tensor run(const Tensor& x, Tensor* out);
  std::vector<ModulePtr> layers_;
  std::vector<bool> fuses_;  ///< whether each layer fuses with the layer after it
  int depth_ = 1;
};

/// How initialize() fills a weight [in, out]: with random numbers whose variance keeps signals at their size through a
/// ReLU (kaiming, computed from `in`) or a linear map (xavier, from `in` and `out`).
enum class Init : unsigned char { kaiming_uniform, kaiming_normal, xavier_uniform, xavier_normal };
void initialize(Tensor& weight, Init init);

/// The layers' rows, then a row `total`. A parameter that is used in several places counts in the first of them.
[[nodiscard]] std::vector<SummaryRow> summary(const Module& module, const Shape& input);

/// What backward() left in a parameter.
struct GradientStats {
  std::string name;
  double mean = 0, norm = 0, largest = 0;  ///< norm: 2-norm; largest: of the absolute values
  double zeros = 0;                        ///< share of exact zeros, 0 to 1
  std::string warning;                     ///< empty, or what looks wrong: none, NaN, vanishing, exploding
};
[[nodiscard]] std::vector<GradientStats> gradient_stats(const NamedTensors& parameters);
[[nodiscard]] std::vector<GradientStats> gradient_stats(const Module& module);

}  // namespace tinytorch::nn
