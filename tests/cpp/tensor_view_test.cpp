#include <cmath>

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
