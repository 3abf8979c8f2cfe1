#include <cmath>
#include <limits>

#include "tensor_tester.h"

namespace tinytorch::testing {
namespace {

TEST(TensorCreate, Filled) {
  for (DType dtype : {DType::float32, DType::float64, DType::int32, DType::uint8}) {
    EXPECT_EQ(values(Tensor::zeros({2, 2}, dtype)), (std::vector<double>{0, 0, 0, 0}));
    EXPECT_EQ(values(Tensor::ones({3}, dtype)), (std::vector<double>{1, 1, 1}));
    EXPECT_EQ(values(Tensor::full({2}, 7, dtype)), (std::vector<double>{7, 7}));
    EXPECT_EQ(Tensor::scalar(5, dtype).item(), 5);
    EXPECT_EQ(Tensor::zeros({2, 2}, dtype).dtype(), dtype);
    EXPECT_EQ(values(Tensor::eye(2, 3, dtype)), (std::vector<double>{1, 0, 0, 0, 1, 0}));
    EXPECT_EQ(Tensor::zeros({2, 0}, dtype).numel(), 0);
  }
  EXPECT_EQ(values(Tensor::eye(2)), (std::vector<double>{1, 0, 0, 1}));
}

TEST(TensorCreate, Arange) {
  EXPECT_EQ(values(Tensor::arange(0, 4)), (std::vector<double>{0, 1, 2, 3}));
  EXPECT_EQ(values(Tensor::arange(5, 0, -2, DType::int32)), (std::vector<double>{5, 3, 1}));
  EXPECT_EQ(values(Tensor::arange(0, 1, 0.25, DType::float64)), (std::vector<double>{0, 0.25, 0.5, 0.75}));
  EXPECT_EQ(Tensor::arange(3, 1).numel(), 0);
  EXPECT_ERROR(Tensor::arange(0, 1, 0), ErrorCode::invalid_argument, "arange: no sequence from 0 to 1 by 0");
  EXPECT_ERROR(Tensor::arange(0, INFINITY), ErrorCode::invalid_argument, "arange");
  EXPECT_ERROR(Tensor::arange(NAN, 1), ErrorCode::invalid_argument, "arange");
  EXPECT_THROW((void)Tensor::arange(0, 1e300), Error);
}

TEST(TensorCreate, FromValues) {
  const Tensor t = tensor({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(values(t), (std::vector<double>{1, 2, 3, 4}));
  EXPECT_TRUE(t.is_contiguous());
  EXPECT_EQ(t.ndim(), 2u);
  EXPECT_EQ(t.size(-1), 2);
  EXPECT_ERROR(tensor({2, 3}, {1, 2}), ErrorCode::shape, "from: shape [2,3] needs 6 values, there are 2");
  EXPECT_ERROR(t.size(2), ErrorCode::invalid_argument, "size: axis 2 is out of range for shape [2,2]");
}

TEST(TensorCreate, Undefined) {
  const Tensor t;
  EXPECT_FALSE(t.defined());
  EXPECT_EQ(t.numel(), 0);
  EXPECT_ERROR(t.data<float>(), ErrorCode::invalid_argument, "undefined");
  EXPECT_ERROR(t.clone(), ErrorCode::invalid_argument, "clone: a is an undefined tensor");
  EXPECT_ERROR(t.reshape({1}), ErrorCode::invalid_argument, "reshape");
}

TEST(TensorAccess, TypesAndBounds) {
  const Tensor t = tensor({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(t.at({1, 0}), 3);
  EXPECT_ERROR(t.at({2, 0}), ErrorCode::invalid_argument, "at: index [2,0] is outside of shape [2,2]");
  EXPECT_ERROR(t.at({0}), ErrorCode::invalid_argument, "at: index [0]");
  EXPECT_ERROR(t.data<double>(), ErrorCode::dtype, "data: the tensor is float32, asked for as float64");
  EXPECT_ERROR(t.item(), ErrorCode::shape, "item: needs one element, the shape is [2,2]");
  std::vector<double> few(3);
  EXPECT_ERROR(t.copy_to(std::span(few)), ErrorCode::shape, "copy_to: shape [2,2] has 4 elements, the destination 3");
}

TEST(TensorConvert, BetweenTypes) {
  const Tensor t = tensor64({4}, {1.5, -2.75, 1e300, 0.1});
  const Tensor f = t.to(DType::float32);
  EXPECT_EQ(f.dtype(), DType::float32);
  EXPECT_EQ(values(f), (std::vector<double>{1.5, -2.75, INFINITY, 0.1f}));
  EXPECT_EQ(t.to(DType::float64).impl(), t.impl());
  // Towards zero, saturating, NaN to 0: defined for every input.
  const double top = std::numeric_limits<std::int32_t>::max(), bottom = std::numeric_limits<std::int32_t>::min();
  const Tensor edge = tensor64({8}, {1.9, -1.9, 1e10, -1e10, INFINITY, NAN, 2147483647.0, -2147483648.0});
  EXPECT_EQ(values(edge.to(DType::int32)), (std::vector<double>{1, -1, top, bottom, top, 0, top, bottom}));
  EXPECT_EQ(values(tensor({2}, {3e9f, -3e9f}).to(DType::int32)), (std::vector<double>{top, bottom}));
  const Tensor bytes = tensor64({5}, {0, 254.9, 256, -1, NAN}).to(DType::uint8);
  EXPECT_EQ(values(bytes), (std::vector<double>{0, 254, 255, 0, 0}));
  EXPECT_EQ(values(bytes.to(DType::float32)), (std::vector<double>{0, 254, 255, 0, 0}));
  EXPECT_EQ(values(Tensor::full({1}, -7, DType::int32).to(DType::uint8)), (std::vector<double>{249}));
}

}  // namespace
}  // namespace tinytorch::testing
