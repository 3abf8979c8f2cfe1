// `out` that shares memory with the operands, in every way that views allow: the result is as if the operands had been
// read first, or a product is refused; and nothing beside `out` changes.

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tensor_tester.h"
#include "tinytorch/ops.h"
#include "tinytorch/random.h"

namespace tinytorch::testing {
namespace {

class OutOverlap {
 public:
  OutOverlap(std::uint64_t seed, DType dtype) : random_(seed) {
    manual_seed(seed);
    base_ = Tensor::randn({memory}, dtype);
  }

  void run() {
    const std::int64_t m = upto(7), k = upto(7), n = upto(7);
    Tensor a = view({m, k}), b = view({m, k}), w = view({k, n}), row = view({k});
    expect("add", {m, k}, [](auto& in, Tensor* out) { return ops::add(in[0], in[1], out); }, {a, b});
    expect("sub, a row", {m, k}, [](auto& in, Tensor* out) { return ops::sub(in[0], in[1], out); }, {a, row});
    expect("exp", {m, k}, [](auto& in, Tensor* out) { return ops::exp(in[0], out); }, {a});
    expect("sum", {m}, [](auto& in, Tensor* out) { return ops::sum(in[0], {1}, out); }, {a});
    expect("mean", {k}, [](auto& in, Tensor* out) { return ops::mean(in[0], {0}, out); }, {a});
    expect("max", {k}, [](auto& in, Tensor* out) { return ops::max(in[0], {0}, out); }, {a});
    expect("softmax", {m, k}, [](auto& in, Tensor* out) { return ops::softmax(in[0], 1, out); }, {a});
    expect("log_softmax", {m, k}, [](auto& in, Tensor* out) { return ops::log_softmax(in[0], 0, out); }, {a});
    const auto product = [](auto& in, Tensor* out) {
      ops::MatmulOptions options;
      options.bias = in.size() > 2 ? &in[2] : nullptr;
      options.out = out;
      return ops::matmul(in[0], in[1], options);
    };
    expect("matmul", {m, n}, product, {a, w});
    expect("matmul with a bias", {m, n}, product, {a, w, view({n})});
    for (const Tensor& from : {a, row}) {
      const auto copy = [&](auto& in, Tensor* out) {
        if (out == nullptr) return in[0].expand({m, k}).clone();
        out->copy_from(in[0]);
        return *out;
      };
      expect("copy_from", {m, k}, copy, {from});
    }
  }

 private:
  using Operation = std::function<Tensor(const std::vector<Tensor>& in, Tensor* out)>;
  static constexpr std::int64_t memory = 160;

  std::int64_t upto(std::int64_t most) { return std::uniform_int_distribution<std::int64_t>(1, most)(random_); }

  /// Some elements of the memory: from anywhere, each one or each second, as they lie or transposed.
  Tensor view(Shape shape) {
    const bool turned = shape.size() == 2 && upto(3) == 1;
    if (turned) std::swap(shape[0], shape[1]);
    const std::int64_t step = upto(2), count = numel(shape);
    const std::int64_t start = upto(memory - count * step + 1) - 1;
    Tensor v = base_.slice(0, start, start + (count - 1) * step + 1, step).reshape(shape);
    EXPECT_TRUE(v.shares_storage(base_));
    return turned ? v.transpose() : v;
  }

  void expect(const std::string& name, const Shape& shape, const Operation& operation, std::vector<Tensor> in) {
    Tensor out = view(shape);
    std::vector<Tensor> copies;
    for (const Tensor& t : in) copies.push_back(t.clone());
    const std::vector<double> wanted = values(operation(copies, nullptr));
    // Which elements of the memory are those of `out`: it is filled with a mark, and the memory put back.
    const Tensor before = base_.clone();
    out.fill(0.25);
    const std::vector<double> filled = values(base_);
    base_.copy_from(before);
    try {
      (void)operation(in, &out);
    } catch (const Error& error) {  // a product writes while it reads, and says so
      EXPECT_NE(std::string(error.what()).find("out shares memory with an operand"), std::string::npos);
      EXPECT_EQ(values(base_), values(before)) << name;
      return;
    }
    EXPECT_EQ(values(out), wanted) << name << ", out " << to_string(out.shape()) << " at stride " << out.strides()[0];
    const std::vector<double> after = values(base_), old = values(before);
    for (std::size_t i = 0; i < after.size(); ++i) {
      if (filled[i] == 0.25) continue;
      EXPECT_EQ(after[i], old[i]) << name << ": element " << i << " beside out has changed";
    }
    base_.copy_from(before);
  }

  std::mt19937_64 random_;
  Tensor base_;
};

TEST(Out, ThatSharesMemoryWithTheOperands) {
  for (std::uint64_t seed = 0; seed < 400 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (const DType dtype : {DType::float32, DType::float64}) OutOverlap(seed, dtype).run();
  }
}

}  // namespace
}  // namespace tinytorch::testing
