#include <cmath>

#include "matmul_tester.h"
#include "tensor_tester.h"

namespace tinytorch::testing {
namespace {

Tensor counting(const Shape& shape) { return Tensor::arange(0, static_cast<double>(numel(shape))).reshape(shape); }

TEST(TensorView, TransposeAndSliceShareStorage) {
  const Tensor t = counting({2, 3});
  const Tensor tt = t.transpose();
  EXPECT_TRUE(tt.shares_storage(t));
  EXPECT_FALSE(tt.is_contiguous());
  EXPECT_EQ(values(tt), (std::vector<double>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(values(counting({2, 2, 2}).transpose(0, 2)), (std::vector<double>{0, 4, 2, 6, 1, 5, 3, 7}));

  EXPECT_EQ(values(t.slice(1, 1, 3)), (std::vector<double>{1, 2, 4, 5}));
  EXPECT_EQ(values(t.slice(1, 0, 3, 2)), (std::vector<double>{0, 2, 3, 5}));
  EXPECT_EQ(values(t.slice(0, -1, 2)), (std::vector<double>{3, 4, 5}));
  EXPECT_EQ(values(t.slice(1, -2, -1)), (std::vector<double>{1, 4}));
  EXPECT_EQ(t.slice(1, 2, 1).numel(), 0);
  EXPECT_EQ(t.slice(1, -99, 99).shape(), (Shape{2, 3}));
  EXPECT_EQ(t.slice(1, 5, 9).shape(), (Shape{2, 0}));
  EXPECT_EQ(values(t.slice(1, 1, 3, INT64_MAX)), (std::vector<double>{1, 4}));
  EXPECT_ERROR(t.slice(1, 0, 3, 0), ErrorCode::invalid_argument, "slice: step 0 is not positive");
  EXPECT_ERROR(t.slice(2, 0, 1), ErrorCode::invalid_argument, "slice: axis 2 is out of range for shape [2,3]");
  EXPECT_ERROR(t.transpose(0, -3), ErrorCode::invalid_argument, "transpose: axis -3");
}

TEST(TensorView, Reshape) {
  const Tensor t = counting({2, 3, 4});
  EXPECT_TRUE(t.reshape({6, -1}).shares_storage(t));
  EXPECT_EQ(t.reshape({6, -1}).shape(), (Shape{6, 4}));
  EXPECT_EQ(t.reshape({-1}).shape(), Shape{24});
  EXPECT_EQ(values(t.reshape({4, 6})), values(t));
  EXPECT_ERROR(t.reshape({5, 5}), ErrorCode::shape, "reshape: [2,3,4] has 24 elements and cannot become [5,5]");
  EXPECT_ERROR(t.reshape({-1, 7}), ErrorCode::shape, "cannot become [-1,7]");
  EXPECT_ERROR(t.reshape({-1, -1}), ErrorCode::shape, "cannot become [-1,-1]");
  EXPECT_ERROR(t.reshape({-2, -12}), ErrorCode::shape, "cannot become");
  EXPECT_ERROR(t.reshape({INT64_MAX, INT64_MAX}), ErrorCode::shape, "cannot become");
  EXPECT_ERROR(Tensor::zeros({0}).reshape({0, -1}), ErrorCode::shape, "cannot become [0,-1]");
  EXPECT_EQ(Tensor::zeros({0, 3}).reshape({5, 0}).shape(), (Shape{5, 0}));
}

TEST(TensorView, ReshapeOfAViewCopiesOnlyWhereItMust) {
  const Tensor t = counting({4, 6});
  const Tensor cut = t.slice(1, 1, 5);  // rows with gaps: a row can be split, rows cannot be joined
  EXPECT_TRUE(cut.reshape({4, 2, 2}).shares_storage(t));
  EXPECT_TRUE(cut.reshape({2, 2, 4}).shares_storage(t));
  EXPECT_TRUE(cut.reshape({4, 1, 4}).shares_storage(t));
  EXPECT_FALSE(cut.reshape({16}).shares_storage(t));
  EXPECT_FALSE(t.transpose().reshape({24}).shares_storage(t));
  for (const Shape& shape : {Shape{4, 2, 2}, Shape{2, 2, 4}, Shape{16}, Shape{4, 1, 4}, Shape{2, 8}}) {
    EXPECT_EQ(values(cut.reshape(shape)), values(cut)) << to_string(shape);
    EXPECT_EQ(cut.reshape(shape).shape(), shape);
  }
  const Tensor repeated = counting({3}).expand({2, 3});
  EXPECT_EQ(values(repeated.reshape({6})), (std::vector<double>{0, 1, 2, 0, 1, 2}));
}

TEST(TensorView, Expand) {
  const Tensor row = counting({1, 3});
  const Tensor t = row.expand({2, 2, 3});
  EXPECT_TRUE(t.shares_storage(row));
  EXPECT_EQ(values(t), (std::vector<double>{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(Tensor::scalar(3).expand({2, 0}).numel(), 0);
  EXPECT_ERROR(row.expand({2, 4}), ErrorCode::shape, "expand: [1,3] does not broadcast to [2,4]");
  EXPECT_ERROR(row.expand({3}), ErrorCode::shape, "expand: [1,3] does not broadcast to [3]");
}

// Random views of views: a tensor that says that it is contiguous has the strides of a dense one, axes of size 1 and
// tensors without elements included, and one with such strides says so.
TEST(TensorView, ContiguousMeansTheStridesOfADenseTensor) {
  Numbers numbers(31);
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(numbers.next() % static_cast<std::uint64_t>(n));
  };
  int contiguous_views = 0, axes_of_one = 0;
  for (int round = 0; round < 2000; ++round) {
    Shape shape;
    for (std::int64_t rank = 1 + below(4); rank > 0; --rank) shape.push_back(below(8) == 0 ? 0 : 1 + below(3));
    Tensor t = counting(shape);
    std::string story = to_string(shape);
    for (std::int64_t steps = 1 + below(4); steps > 0; --steps) {
      const auto rank = static_cast<std::int64_t>(t.ndim());
      const std::int64_t axis = below(rank), kind = below(4);
      if (kind == 0) {
        const std::int64_t other = below(rank);
        t = t.transpose(axis, other);
        story += " transpose " + std::to_string(axis) + " " + std::to_string(other);
      } else if (kind == 1) {
        const std::int64_t start = below(3), stop = start + below(3), step = 1 + below(3);
        t = t.slice(axis, start, stop, step);
        story += " slice " + to_string(Shape{axis, start, stop, step});
      } else if (kind == 2) {
        Shape wide{1 + below(2)};
        for (const std::int64_t size : t.shape()) wide.push_back(size == 1 ? 1 + below(3) : size);
        if (wide.size() > 6) continue;
        t = t.expand(wide);
        story += " expand " + to_string(wide);
      } else {
        Shape split{1};
        for (const std::int64_t size : t.shape()) split.push_back(size);
        if (split.size() > 6) continue;
        t = t.reshape(split);
        story += " reshape " + to_string(split);
      }
      ASSERT_EQ(t.is_contiguous(), t.strides() == contiguous_strides(t.shape())) << story;
      for (std::size_t i = 0; i < t.ndim(); ++i) {
        if (t.shape()[i] != 1) continue;
        ASSERT_EQ(t.strides()[i], contiguous_strides(t.shape())[i]) << story;
        ++axes_of_one;
      }
      contiguous_views += t.is_contiguous();
    }
  }
  EXPECT_GT(contiguous_views, 500);
  EXPECT_GT(axes_of_one, 500);
}

TEST(TensorView, CopiesOfEveryLayoutAndType) {
  for (View view : all_views) {
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{3, 4}, Shape{2, 3, 5}, Shape{40, 37}, Shape{2, 0}}) {
      for (DType dtype : {DType::float32, DType::float64}) {
        const Tensor t = make(shape, dtype, view, [](double x) { return std::floor(100 * x); });
        EXPECT_EQ(values(t.clone()), values(t));
        EXPECT_TRUE(t.clone().is_contiguous());
        EXPECT_FALSE(t.clone().shares_storage(t));
        EXPECT_EQ(values(t.to(DType::int32)), values(t));
        std::vector<double> out(static_cast<std::size_t>(t.numel()));
        t.copy_to(std::span(out));
        EXPECT_EQ(out, values(t));
        Tensor to = make(shape, DType::float64, view == View::expanded ? View::dense : view);
        to.copy_from(t);
        EXPECT_EQ(values(to), values(t));
      }
    }
  }
}

TEST(TensorView, WritingThroughAView) {
  Tensor t = counting({3, 4});
  Tensor middle = t.slice(1, 1, 3);
  const std::uint64_t before = t.version();
  middle.fill(-1);
  EXPECT_GT(t.version(), before);
  EXPECT_EQ(values(t), (std::vector<double>{0, -1, -1, 3, 4, -1, -1, 7, 8, -1, -1, 11}));
  t.transpose().copy_from(counting({4, 3}));
  EXPECT_EQ(values(t), (std::vector<double>{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}));
  Tensor row = t.slice(0, 0, 1);
  row.copy_from(Tensor::scalar(5));
  EXPECT_EQ(values(row), (std::vector<double>{5, 5, 5, 5}));
}

TEST(TensorView, OverlappingCopyIsSafe) {
  Tensor t = counting({6});
  t.slice(0, 1, 6).copy_from(t.slice(0, 0, 5));
  EXPECT_EQ(values(t), (std::vector<double>{0, 0, 1, 2, 3, 4}));
  Tensor square = counting({3, 3});
  square.copy_from(square.transpose());
  EXPECT_EQ(values(square), (std::vector<double>{0, 3, 6, 1, 4, 7, 2, 5, 8}));
  Tensor expanded = Tensor::zeros({1}).expand({3});
  EXPECT_ERROR(expanded.copy_from(Tensor::ones({3})), ErrorCode::invalid_argument,
               "copy_from: out is an expanded view");
  Tensor wrong = Tensor::zeros({2});
  EXPECT_ERROR(wrong.copy_from(Tensor::ones({3})), ErrorCode::shape, "expand: [3] does not broadcast to [2]");
}

TEST(TensorView, HandlesShareOneTensor) {
  Tensor a = Tensor::zeros({2});
  Tensor b = a;
  b.fill(3);
  EXPECT_EQ(values(a), (std::vector<double>{3, 3}));
  EXPECT_EQ(a.impl(), b.impl());
}

}  // namespace
}  // namespace tinytorch::testing
