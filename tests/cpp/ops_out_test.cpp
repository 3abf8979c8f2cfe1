// Reductions and softmax into a tensor that is there already.
#include <functional>

#include "tensor_tester.h"
#include "tinytorch/autograd.h"
#include "tinytorch/ops.h"

namespace tinytorch::testing {
namespace {

using Operation = std::function<Tensor(const Tensor&, std::optional<std::int64_t>, bool, Tensor*)>;

template <auto Op>
Operation reduction() {
  return
      [](const Tensor& a, std::optional<std::int64_t> dim, bool keep, Tensor* out) { return Op(a, {dim, keep}, out); };
}
template <auto Op>
Operation along() {
  return
      [](const Tensor& a, std::optional<std::int64_t> dim, bool, Tensor* out) { return Op(a, dim.value_or(-1), out); };
}

const std::pair<const char*, Operation> operations[] = {
    {"sum", reduction<ops::sum>()},     {"mean", reduction<ops::mean>()},
    {"max", reduction<ops::max>()},     {"argmax", reduction<ops::argmax>()},
    {"softmax", along<ops::softmax>()}, {"log_softmax", along<ops::log_softmax>()},
};

TEST(Out, OfReductionsHasTheSameBits) {
  for (const auto& [name, op] : operations) {
    SCOPED_TRACE(name);
    for (DType dtype : {DType::float32, DType::float64}) {
      for (View from : all_views) {
        for (std::optional<std::int64_t> dim : {std::optional<std::int64_t>(), {0}, {1}, {-1}}) {
          for (bool keep : {false, true}) {
            const Tensor a = make({3, 5, 7}, dtype, from);
            const Tensor expected = op(a, dim, keep, nullptr);
            for (View view : {View::dense, View::sliced, View::stepped, View::transposed}) {
              Tensor out = make(expected.shape(), dtype, view);
              if (expected.dtype() == DType::int32) out = Tensor::zeros(expected.shape(), DType::int32);
              const std::uint64_t version = out.version();
              EXPECT_EQ(op(a, dim, keep, &out).impl(), out.impl());
              EXPECT_EQ(values(out), values(expected));
              EXPECT_GT(out.version(), version);
            }
          }
        }
      }
    }
  }
}

TEST(Out, OfReductionsMayBeTheOperand) {
  for (std::int64_t dim : {0, 1}) {
    Tensor a = make({4, 4}, DType::float32), b = a.clone();
    const std::vector<double> soft = values(ops::softmax(a, dim)), sum = values(ops::sum(a, {dim}));
    Tensor column = a.slice(1, 1, 2).reshape({4});
    (void)ops::sum(a, {dim}, &column);
    EXPECT_EQ(values(column), sum);
    EXPECT_EQ(values(ops::softmax(b, dim, &b)), soft);
  }
}

TEST(Out, ThatDoesNotFitIsRefusedWithTheValues) {
  const Tensor a = make({3, 5}, DType::float32);
  for (const auto& [name, op] : operations) {
    SCOPED_TRACE(name);
    Tensor wrong = Tensor::zeros({9}), type = Tensor::zeros(op(a, 1, false, nullptr).shape(), DType::uint8), none;
    EXPECT_ERROR(op(a, 1, false, &wrong), ErrorCode::shape, std::string(name) + ": out is [9]");
    EXPECT_ERROR(op(a, 1, false, &type), ErrorCode::dtype, "uint8");
    EXPECT_ERROR(op(a, 1, false, &none), ErrorCode::invalid_argument, "undefined");
    Tensor repeated = Tensor::zeros({1}).expand({3});
    if (op(a, 1, false, nullptr).shape() == Shape{3}) {
      Tensor flat = op(a, 1, false, nullptr).dtype() == DType::int32 ? repeated.to(DType::int32) : repeated;
      if (flat.strides()[0] == 0) EXPECT_ERROR(op(a, 1, false, &flat), ErrorCode::invalid_argument, "expanded");
    }
  }
}

TEST(Out, IsRefusedWhereTheResultWouldBeRecorded) {
  Tensor a = make({3}, DType::float32);
  EXPECT_NO_THROW(refuse_recording("exp", {&a}));
  set_requires_grad(a);
  EXPECT_ERROR(refuse_recording("exp", {&a}), ErrorCode::autograd, "exp: ");
  const NoGrad guard;
  EXPECT_NO_THROW(refuse_recording("exp", {&a}));
}

}  // namespace
}  // namespace tinytorch::testing
