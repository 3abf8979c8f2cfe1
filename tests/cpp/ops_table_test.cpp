// What holds for every operation, from the table of operations (cpp/src/ops/row.h): dtypes, undefined operands, `out`,
// views, shapes and gradients. Nothing here names an operation: a new row is tested as it is written.
#include <string>
#include <string_view>
#include <vector>

#include "autograd_tester.h"
#include "ops/row.h"
#include "tinytorch/ops.h"

namespace tinytorch::testing {
namespace {

using detail::Family;
using detail::Kind;
using detail::Operation;
using detail::Value;

std::size_t count(const Operation& operation, Kind kind) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < operation.count; ++i) found += operation.parameters[i].kind == kind;
  return found;
}

// Sets of operations.
bool any(const Operation&) { return true; }
bool takes_out(const Operation& each) { return count(each, Kind::out) == 1; }
bool writes_gradients(const Operation& each) { return takes_out(each) && each.text.has_gradient; }
/// Of operands that broadcast.
bool is_pointwise(const Operation& each) { return count(each, Kind::tensor) + count(each, Kind::out) == each.count; }
bool is_binary(const Operation& each) { return is_pointwise(each) && count(each, Kind::tensor) == 2; }
/// Of an operand of any shape, over its axes or along one of them.
bool is_along_axes(const Operation& each) {
  return count(each, Kind::tensor) == 1 && !is_pointwise(each) &&
         count(each, Kind::shape) + count(each, Kind::real) + count(each, Kind::dtype) == 0;
}
/// Those for which the tests can make operands of many shapes.
bool takes_any_shape(const Operation& each) { return is_pointwise(each) || is_along_axes(each); }
bool takes_any_shape_with_gradient(const Operation& each) { return takes_any_shape(each) && each.text.has_gradient; }

auto those(bool (*belongs)(const Operation&)) {
  std::vector<const Operation*> found;
  for (const Family& family : detail::families()) {
    for (const Operation& operation : family) {
      if (belongs(operation)) found.push_back(&operation);
    }
  }
  return ::testing::ValuesIn(found);
}

class Operations : public ::testing::TestWithParam<const Operation*> {
 protected:
  const Operation& operation() const { return *GetParam(); }
  std::string name() const { return operation().op.name; }
  std::size_t tensors() const { return count(operation(), Kind::tensor); }

  /// An operand in the range that the row calls good for tests.
  Tensor operand(const Shape& shape, DType dtype) const {
    const detail::Text& text = operation().text;
    const Tensor unit = Tensor::rand(shape, DType::float64);
    const Tensor wide = ops::mul(unit, Tensor::scalar(text.highest - text.lowest, DType::float64));
    return ops::add(wide, Tensor::scalar(text.lowest, DType::float64)).to(dtype);
  }
  /// Arguments with these tensors; the other parameters have their defaults, or what is allowed for shape [3, 4].
  std::vector<Value> arguments(const std::vector<Tensor>& operands, const Tensor& out = {}, const ops::Axes& axes = {},
                               double dim = -1) const {
    std::vector<Value> values;
    std::size_t next = 0;
    for (std::size_t i = 0; i < operation().count; ++i) {
      const detail::Parameter& parameter = operation().parameters[i];
      Value value;
      value.number = parameter.has_default ? parameter.default_value : parameter.kind == Kind::real ? 0.5 : 0;
      if (parameter.kind == Kind::tensor && next < operands.size()) value.tensor = operands[next++];
      if (parameter.kind == Kind::out || parameter.kind == Kind::product) value.tensor = out;
      if (parameter.kind == Kind::axes) value.axes = axes;
      if (parameter.kind == Kind::shape) value.shape = operands.empty() ? Shape{} : operands[0].shape();
      if (std::string_view(parameter.name).starts_with("dim") && dim != -1) value.number = dim;
      values.push_back(value);
    }
    return values;
  }
  Tensor run(const std::vector<Tensor>& operands, const Tensor& out = {}, const ops::Axes& axes = {},
             double dim = -1) const {
    return operation().call(arguments(operands, out, axes, dim));
  }
  std::vector<Tensor> operands(const std::vector<Shape>& shapes, DType dtype) const {
    std::vector<Tensor> made;
    for (std::size_t i = 0; i < tensors(); ++i) made.push_back(operand(shapes[i % shapes.size()], dtype));
    return made;
  }
};

std::string operation_name(const ::testing::TestParamInfo<const Operation*>& each) { return each.param->op.name; }

#define OPERATIONS_THAT(Suite, belongs) \
  class Suite : public Operations {};   \
  INSTANTIATE_TEST_SUITE_P(Rows, Suite, those(belongs), operation_name)
OPERATIONS_THAT(EveryOperation, any);
OPERATIONS_THAT(OperationWithOut, takes_out);
OPERATIONS_THAT(RecordedOperationWithOut, writes_gradients);
OPERATIONS_THAT(BinaryOperation, is_binary);
OPERATIONS_THAT(OperationOfAnyShape, takes_any_shape);
OPERATIONS_THAT(RecordedOperationOfAnyShape, takes_any_shape_with_gradient);

TEST_P(EveryOperation, NamesItsParametersAndSaysWhatItDoes) {
  EXPECT_GT(std::string(operation().text.summary).size(), 3u);
  for (std::size_t i = 0; i < operation().count; ++i) EXPECT_NE(operation().parameters[i].name, nullptr) << i;
  std::size_t namesakes = 0;
  for (const Family& family : detail::families()) {
    for (const Operation& other : family) namesakes += other.op.name == name();
  }
  EXPECT_EQ(namesakes, 1u);
}

TEST_P(EveryOperation, RefusesAnUndefinedOperand) {
  const Tensor a = Tensor::ones({2, 2});
  for (std::size_t place = 0; place < tensors(); ++place) {
    if (name() == "layer_norm" && place > 0) continue;  // weight and bias may be undefined
    std::vector<Tensor> given(tensors(), a);
    given[place] = Tensor();
    EXPECT_ERROR(run(given), ErrorCode::invalid_argument, name() + ": ");
    EXPECT_ERROR(run(given), ErrorCode::invalid_argument, "undefined");
  }
}

TEST_P(EveryOperation, TakesItsDTypesAndNamesThemForOthers) {
  manual_seed(31);
  for (const DType dtype : kAllDTypes) {
    SCOPED_TRACE(name_of(dtype));
    if (operation().op.dtypes.contains(dtype)) {
      if (!takes_any_shape(operation())) continue;
      const Tensor y = run(operands({{3, 4}}, dtype));
      if (is_pointwise(operation())) {
        EXPECT_EQ(y.shape(), (Shape{3, 4}));
      }
      if (operation().text.has_gradient) {
        EXPECT_EQ(y.dtype(), dtype);
      }
      continue;
    }
    std::vector<Tensor> given(tensors(), Tensor::zeros({3, 4}, dtype));
    for (const DType taken : kAllDTypes) {
      if (!operation().op.dtypes.contains(taken)) continue;
      EXPECT_ERROR(run(given), ErrorCode::dtype, std::string(name_of(taken)));
    }
    EXPECT_ERROR(run(given), ErrorCode::dtype, std::string("is ") + std::string(name_of(dtype)));
  }
}

TEST_P(OperationWithOut, WritesIntoIt) {
  manual_seed(32);
  for (const DType dtype : {DType::float32, DType::float64}) {
    const std::vector<Tensor> given = operands({{3, 4}, {4}}, dtype);
    const Tensor want = run(given);
    Tensor out = Tensor::full(want.shape(), 7, want.dtype());
    const Tensor returned = run(given, out);
    EXPECT_EQ(returned.impl(), out.impl());
    EXPECT_EQ(values(out), values(want));
    // A view with gaps.
    Shape wider = want.shape();
    wider.push_back(2);
    const Tensor spaced = Tensor::zeros(wider, want.dtype());
    Tensor view = spaced.slice(-1, 0, 1).reshape(want.shape());
    (void)run(given, view);
    EXPECT_EQ(values(view), values(want));
    EXPECT_EQ(values(spaced.slice(-1, 1, 2)), std::vector<double>(static_cast<std::size_t>(want.numel()), 0));
    Shape longer = want.shape();
    longer.push_back(1);
    EXPECT_ERROR(run(given, Tensor::zeros(longer, want.dtype())), ErrorCode::shape, name() + ": out is");
    EXPECT_ERROR(run(given, Tensor::zeros(want.shape(), DType::uint8)), ErrorCode::dtype, name() + ": out is uint8");
  }
}

TEST_P(RecordedOperationWithOut, DoesNotWriteWhatItWouldHaveToRecord) {
  std::vector<Tensor> given = operands({{3, 4}}, DType::float32);
  Tensor out = run(given);
  const std::vector<double> before = values(out);
  for (std::size_t i = 0; i < given.size(); ++i) {
    set_requires_grad(given[i]);
    EXPECT_ERROR(run(given, out), ErrorCode::autograd, name() + ": what is written into out is not recorded");
    {
      const NoGrad no_grad;
      (void)run(given, out);
    }
    set_requires_grad(given[i], false);
  }
  EXPECT_EQ(values(out), before);
  // A recorded result as `out`.
  Tensor leaf = Tensor::ones(out.shape(), out.dtype());
  set_requires_grad(leaf);
  EXPECT_ERROR(run(given, ops::neg(leaf)), ErrorCode::autograd, name() + ": the tensor is the result of 'neg'");
}

TEST_P(OperationOfAnyShape, ReadsViewsAsTheirCopies) {
  manual_seed(33);
  for (const DType dtype : {DType::float32, DType::float64}) {
    std::vector<Tensor> views, copies;
    for (std::size_t i = 0; i < tensors(); ++i) {
      views.push_back(operand({37, 5, 2}, dtype).slice(-1, 0, 1).reshape({37, 5}).transpose());
      copies.push_back(views.back().clone());
    }
    EXPECT_EQ(values(run(views)), values(run(copies)));
    for (Tensor& view : views) view = view.slice(1, 2, 30, 3);
    for (Tensor& copy : copies) copy = copy.slice(1, 2, 30, 3).clone();
    EXPECT_EQ(values(run(views)), values(run(copies)));
  }
}

TEST_P(BinaryOperation, BroadcastsItsOperands) {
  manual_seed(34);
  const std::pair<Shape, Shape> shapes[] = {
      {{3, 4}, {4}}, {{4}, {3, 4}}, {{3, 1}, {1, 4}}, {{2, 3}, {}}, {{0, 3}, {3}}};
  for (const auto& [x, y] : shapes) {
    const Tensor a = operand(x, DType::float32), b = operand(y, DType::float32);
    const Shape both = broadcast_shapes(x, y, "test");
    const Tensor result = run({a, b});
    EXPECT_EQ(result.shape(), both);
    EXPECT_EQ(values(result), values(run({a.expand(both).clone(), b.expand(both).clone()})));
  }
  EXPECT_ERROR(run({Tensor::ones({2, 3}), Tensor::ones({2})}), ErrorCode::shape, name());
}

TEST_P(RecordedOperationOfAnyShape, HasTheGradientOfItsValues) {
  manual_seed(35);
  const auto check = [&](const std::vector<Tensor>& in, const ops::Axes& axes = {}, double dim = -1) {
    check_gradients(name(), [&](const std::vector<Tensor>& x) { return run(x, {}, axes, dim); }, in);
  };
  if (is_along_axes(operation())) {
    for (const ops::Axes& axes : {ops::Axes{}, {0}, {1}, {-1, true}, {-3, true}, {std::nullopt, true}}) {
      check(operands({{3, 4, 2}}, DType::float64), axes);
    }
    for (const double dim : {0., 1., -1.}) check(operands({{4, 5}}, DType::float64), {}, dim);
    check({operand({4, 5}, DType::float64).transpose()});
    return;
  }
  const std::vector<Shape> shapes[] = {{{3, 4}, {3, 4}}, {{3, 4}, {4}}, {{4}, {3, 4}},          {{3, 1}, {1, 4}},
                                       {{2, 3}, {}},     {{}, {9}},     {{2, 3, 4}, {1, 3, 1}}, {{1}, {2, 1, 1}}};
  for (const std::vector<Shape>& pair : shapes) check(operands(pair, DType::float64));
  std::vector<Tensor> views = operands({{4, 5}}, DType::float64);
  for (Tensor& view : views) view = view.transpose();
  check(views);
}

TEST_P(OperationOfAnyShape, RecordsNothingWithoutNeed) {
  std::vector<Tensor> given = operands({{3, 4}}, DType::float32);
  EXPECT_FALSE(requires_grad(run(given)));
  for (Tensor& each : given) set_requires_grad(each);
  EXPECT_EQ(requires_grad(run(given)), operation().text.has_gradient);
  const NoGrad no_grad;
  EXPECT_FALSE(requires_grad(run(given)));
}

}  // namespace
}  // namespace tinytorch::testing
