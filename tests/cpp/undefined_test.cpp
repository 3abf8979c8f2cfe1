// A tensor that is none, in the place of each operand of each function: an error that says which, never a read of it.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tensor_tester.h"
#include "tinytorch/tinytorch.h"

namespace tinytorch::testing {
namespace {

using Call = std::pair<const char*, std::function<void(const Tensor&)>>;

void expect_refused(const std::vector<Call>& calls) {
  for (const auto& [name, call] : calls) {
    SCOPED_TRACE(name);
    EXPECT_ERROR(call(Tensor()), ErrorCode::invalid_argument, "undefined");
  }
}

// The function with the undefined tensor in each place.
#define UNARY(f) {#f, [](const Tensor& none) { (void)f(none); }}
#define BINARY(f)                                                                                \
  {#f ", the first operand", [](const Tensor& none) { (void)f(none, Tensor::ones({2, 2})); }}, { \
    #f ", the second operand", [](const Tensor& none) { (void)f(Tensor::ones({2, 2}), none); }   \
  }
#define CALL(expression) {#expression, []([[maybe_unused]] const Tensor& none) { (void)(expression); }}

TEST(Undefined, FunctionsBesideTheTableOfOperations) {
  expect_refused({
      BINARY(ops::allclose),
      BINARY(ops::max_abs_diff),
      UNARY(detach),
      UNARY(backward),
      CALL(ops::linear(none, Tensor::ones({2, 2}), Tensor::ones({2}))),
      CALL(ops::linear(Tensor::ones({2, 2}), none, Tensor::ones({2}))),
      CALL(ops::matmul_out(const_cast<Tensor&>(none), Tensor::ones({2, 2}), Tensor::ones({2, 2}))),
  });
}

TEST(Undefined, IsSaidByTheFunctionThatWasCalled) {
  const Tensor a = Tensor::ones({2}), none;
  const auto text = [](const char* op, const char* operand) {
    return std::string(op) + ": " + operand + " is an undefined tensor";
  };
  EXPECT_ERROR(ops::allclose(none, a), ErrorCode::invalid_argument, text("allclose", "a"));
  EXPECT_ERROR(ops::allclose(a, none), ErrorCode::invalid_argument, text("allclose", "b"));
  EXPECT_ERROR(ops::max_abs_diff(none, a), ErrorCode::invalid_argument, text("max_abs_diff", "a"));
  EXPECT_ERROR(ops::max_abs_diff(a, none), ErrorCode::invalid_argument, text("max_abs_diff", "b"));
  EXPECT_ERROR(ops::add(none, a), ErrorCode::invalid_argument, text("add", "a"));
  EXPECT_ERROR(ops::matmul(a, none), ErrorCode::invalid_argument, text("matmul", "b"));
  EXPECT_ERROR(ops::sum(none), ErrorCode::invalid_argument, text("sum", "a"));
  EXPECT_ERROR(ops::softmax(none), ErrorCode::invalid_argument, text("softmax", "a"));
}

TEST(Undefined, TensorsThemselves) {
  expect_refused({
      CALL(none.clone()),
      CALL(none.to(DType::int32)),
      CALL(none.reshape({1})),
      CALL(none.transpose()),
      CALL(none.slice(0, 0, 1)),
      CALL(none.expand({1})),
      CALL(none.at({})),
      CALL(none.data<float>()),
      CALL(Tensor(none).fill(1)),
      CALL(Tensor(none).copy_from(Tensor::ones({1}))),
      CALL(Tensor::ones({1}).copy_from(none)),
  });
}

TEST(Undefined, Layers) {
  const auto forward = [](auto&& layer) { return [&layer](const Tensor& none) { (void)layer.forward(none); }; };
  nn::Dense dense(2, 2);
  nn::LayerNorm norm(2);
  nn::Dropout dropout(0.5);
  nn::Flatten flatten;
  nn::ReLU relu;
  nn::GELU gelu;
  nn::Sigmoid sigmoid;
  nn::Tanh tanh;
  nn::Softmax softmax;
  nn::Sequential model({std::make_shared<nn::Dense>(2, 2), std::make_shared<nn::ReLU>()});
  expect_refused({
      {"Dense", forward(dense)},
      {"LayerNorm", forward(norm)},
      {"Dropout", forward(dropout)},
      {"Flatten", forward(flatten)},
      {"ReLU", forward(relu)},
      {"GELU", forward(gelu)},
      {"Sigmoid", forward(sigmoid)},
      {"Tanh", forward(tanh)},
      {"Softmax", forward(softmax)},
      {"Sequential", forward(model)},
  });
}

TEST(Undefined, ModelsAndLayersThatAreNull) {
  const data::TensorDataset dataset(Tensor::ones({4, 2}), Tensor::zeros({4}, DType::int32));
  EXPECT_ERROR(train::Evaluator(nullptr, dataset), ErrorCode::invalid_argument, "needs a model");
  EXPECT_ERROR(train::evaluate(nullptr, dataset), ErrorCode::invalid_argument, "needs a model");
  EXPECT_ERROR(nn::Sequential({nullptr}), ErrorCode::invalid_argument, "Sequential");
}

}  // namespace
}  // namespace tinytorch::testing
