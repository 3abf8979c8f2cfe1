// Numbers and tensors that become integers; pointers to elements; sizes that do not fit.
#include <cmath>
#include <limits>

#include "autograd_tester.h"
#include "tinytorch/autograd.h"

namespace tinytorch::testing {
namespace {

TEST(TensorConvert, NumbersForIntegersMustFit) {
  using Make = std::function<double(double, DType)>;
  const std::vector<std::pair<std::string, Make>> makers = {
      {"full", [](double v, DType d) { return Tensor::full({2}, v, d).at({1}); }},
      {"full", [](double v, DType d) { return Tensor::scalar(v, d).item(); }},
      {"fill",
       [](double v, DType d) {
         Tensor t = Tensor::ones({2}, d);
         t.fill(v);
         return t.at({1});
       }},
      {"arange", [](double v, DType d) { return Tensor::arange(v, v + 1, 1, d).at({0}); }},
  };
  for (const auto& [name, make] : makers) {
    SCOPED_TRACE(name);
    for (const double v : {0.0, 1.0, 255.0}) EXPECT_EQ(make(v, DType::uint8), v);
    for (const double v : {-2147483648.0, -1.0, 2147483647.0}) EXPECT_EQ(make(v, DType::int32), v);
    for (const double v : {-1.0, 256.0, 1e9}) EXPECT_ERROR(make(v, DType::uint8), ErrorCode::dtype, name + ": ");
    for (const double v : {-2147483649.0, 2147483648.0}) {
      EXPECT_ERROR(make(v, DType::int32), ErrorCode::dtype, "is out of range, which int32 needs");
    }
    EXPECT_ERROR(make(2.5, DType::int32), ErrorCode::dtype, name + ": 2.5 is not a whole number, which int32 needs");
    EXPECT_ERROR(make(1e-9, DType::uint8), ErrorCode::dtype, name + ": a number below 1e-6 is not a whole number");
    EXPECT_EQ(make(2.5, DType::float32), 2.5);
  }
  for (const double v : {INFINITY, -INFINITY, NAN}) {
    EXPECT_ERROR(Tensor::full({1}, v, DType::int32), ErrorCode::dtype, "is out of range");
  }
  Tensor t = Tensor::ones({2}, DType::int32);
  EXPECT_ERROR(t.fill(0.5), ErrorCode::dtype, "fill: 0.5");
  EXPECT_EQ(values(t), (std::vector<double>{1, 1}));
}

TEST(TensorConvert, TensorsAreConverted) {
  const std::vector<double> from = {0,   -0.0, 0.9, -0.9, 2.5,      -2.5,      254.9, 255.5,
                                    256, -1,   3e9, -3e9, INFINITY, -INFINITY, NAN};
  const std::vector<double> ints = {
      0, 0, 0, 0, 2, -2, 254, 255, 256, -1, 2147483647, -2147483648.0, 2147483647, -2147483648.0, 0};
  const std::vector<double> bytes = {0, 0, 0, 0, 2, 0, 254, 255, 255, 0, 255, 0, 255, 0, 0};
  const Shape shape{static_cast<std::int64_t>(from.size())};
  for (const DType dtype : {DType::float32, DType::float64}) {
    const Tensor x = tensor64(shape, from).to(dtype);
    EXPECT_EQ(values(x.to(DType::int32)), ints);
    EXPECT_EQ(values(x.to(DType::uint8)), bytes);
    Tensor i = Tensor::zeros(shape, DType::int32), b = Tensor::zeros({shape[0], 2}, DType::uint8);
    i.copy_from(x);
    EXPECT_EQ(values(i), ints);
    Tensor column = b.slice(1, 1, 2).reshape(shape);
    column.copy_from(x);
    EXPECT_EQ(values(column), bytes);
  }
  // The low bits, as a conversion of C does.
  const std::vector<std::int32_t> whole = {0, 255, 256, 257, -1, -256, 2147483647, -2147483647 - 1, 1000};
  const Tensor w = Tensor::from(std::span<const std::int32_t>(whole), {9});
  std::vector<double> low;
  for (const std::int32_t v : whole) low.push_back(static_cast<std::uint8_t>(v));
  EXPECT_EQ(values(w.to(DType::uint8)), low);
  Tensor to = Tensor::zeros({9}, DType::uint8);
  to.copy_from(w);
  EXPECT_EQ(values(to), low);
  EXPECT_EQ(values(to.to(DType::int32)), low);
}

TEST(TensorConvert, ARowMajorPointerIsOneOrAnError) {
  manual_seed(31);
  for (const Shape& shape : {Shape{3, 4}, Shape{1, 4}, Shape{4, 1}, Shape{2, 1, 3}, Shape{5}}) {
    for (const View view : all_views) {
      Tensor t = make(shape, DType::float64, view);
      ASSERT_EQ(t.strided_data<double>()[0], values(t)[0]);
      if (t.is_contiguous()) {
        const double* data = t.data<double>();
        EXPECT_EQ(std::vector<double>(data, data + t.numel()), values(t));
      } else {
        EXPECT_ERROR(t.data<double>(), ErrorCode::invalid_argument, "is not row-major; use contiguous()");
        EXPECT_ERROR(t.mutable_data<double>(), ErrorCode::invalid_argument, "mutable_data: the tensor of shape");
      }
      EXPECT_ERROR(t.strided_data<float>(), ErrorCode::dtype, "data: the tensor is float64");
    }
  }
}

TEST(TensorConvert, LabelsInAnyLayout) {
  // The loss and the gradient of strided labels are those of their copy; labels outside the classes are refused in
  // the view, and what the view does not show is not looked at.
  manual_seed(32);
  Generator generator(33);
  for (int round = 0; round < 200; ++round) {
    const auto n = static_cast<std::int64_t>(1 + generator.below(7));
    const auto classes = static_cast<std::int64_t>(1 + generator.below(5));
    const auto step = static_cast<std::int64_t>(1 + generator.below(3));
    const std::int64_t offset = static_cast<std::int64_t>(generator.below(3));
    Tensor table = Tensor::full({n * step + offset, 2}, 1000000, DType::int32);
    const bool expanded = generator.below(4) == 0;
    Tensor labels = table.slice(0, offset, offset + n * step, step).slice(1, 1, 2).reshape({n});
    if (expanded) labels = table.slice(0, 0, 1).slice(1, 0, 1).reshape({1}).expand({n});
    Tensor target = expanded ? table.slice(0, 0, 1).slice(1, 0, 1) : labels.reshape({n, 1});
    Tensor chosen = Tensor::zeros(target.shape(), DType::int32);
    for (std::int64_t i = 0; i < chosen.numel(); ++i) {
      chosen.mutable_data<std::int32_t>()[i] =
          static_cast<std::int32_t>(generator.below(static_cast<std::uint64_t>(classes)));
    }
    target.copy_from(chosen);
    Tensor x = Tensor::randn({n, classes}), y = x.clone();
    set_requires_grad(x);
    set_requires_grad(y);
    const Tensor loss = ops::cross_entropy(x, labels), want = ops::cross_entropy(y, labels.clone());
    EXPECT_EQ(loss.item(), want.item());
    backward(loss);
    backward(want);
    EXPECT_EQ(values(grad(x)), values(grad(y)));
    const double wrong =
        generator.below(2) ? -1 - static_cast<double>(generator.below(1000)) : static_cast<double>(classes);
    target.slice(0, target.size(0) - 1, target.size(0)).fill(wrong);
    EXPECT_ERROR(ops::cross_entropy(x, labels), ErrorCode::invalid_argument, "is not one of");
  }
}

TEST(TensorConvert, SizesThatOverflow) {
  const std::int64_t huge = std::int64_t{1} << 40;
  // Also beside an axis of size 0: somewhere that axis is left out of the product.
  for (const Shape& shape :
       {Shape{huge, huge}, Shape{0, huge, huge}, Shape{huge, 0, huge}, Shape{huge, huge, huge, huge, 0}}) {
    EXPECT_ERROR(Tensor::empty(shape), ErrorCode::overflow, "too large");
    EXPECT_ERROR(Tensor::zeros({0}).reshape(shape), shape.size() == 3 ? ErrorCode::overflow : ErrorCode::shape, "");
    Shape ones = shape;
    for (std::int64_t& size : ones) size = size == 0 ? 0 : 1;
    EXPECT_ERROR(Tensor::zeros(ones).expand(shape), ErrorCode::overflow, "too large");
  }
  // The largest view that counts its elements still cannot be copied.
  const Tensor wide = Tensor::zeros({1}, DType::float64).expand({std::numeric_limits<std::ptrdiff_t>::max() / 8});
  EXPECT_ERROR(wide.clone(), ErrorCode::out_of_memory, "out of memory");
  EXPECT_ERROR(wide.reshape({-1, 1}).expand({wide.numel(), 2}), ErrorCode::overflow, "too large");
  EXPECT_ERROR(ops::add(wide, wide), ErrorCode::out_of_memory, "");
  const Tensor t = Tensor::zeros({2, 2});
  EXPECT_ERROR(t.at({std::numeric_limits<std::int64_t>::max(), 0}), ErrorCode::invalid_argument, "is outside of shape");
  for (const std::int64_t end : {std::numeric_limits<std::int64_t>::max(), huge}) {
    EXPECT_EQ(t.slice(0, 1, end).shape(), (Shape{1, 2}));
    EXPECT_EQ(t.slice(0, -end, end, end).shape(), (Shape{1, 2}));
    EXPECT_EQ(t.slice(0, std::numeric_limits<std::int64_t>::min(), end).shape(), (Shape{2, 2}));
  }
}

}  // namespace
}  // namespace tinytorch::testing
