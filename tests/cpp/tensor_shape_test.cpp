#include <limits>

#include "tensor_tester.h"

namespace tinytorch::testing {
namespace {

constexpr std::int64_t kHuge = std::int64_t{1} << 40;

TEST(Shape, CountsElements) {
  EXPECT_EQ(numel({}), 1);
  EXPECT_EQ(numel({2, 3, 4}), 24);
  EXPECT_EQ(numel({2, 0, 4}), 0);
}

TEST(Shape, RejectsWhatCannotBe) {
  EXPECT_ERROR(numel({2, -1}), ErrorCode::invalid_argument, "[2,-1]");
  EXPECT_ERROR(numel({kHuge, kHuge}), ErrorCode::overflow, "[1099511627776,1099511627776]: too large");
  EXPECT_ERROR(numel({std::numeric_limits<std::int64_t>::max(), 2}), ErrorCode::overflow, "too large");
  // The strides of an empty tensor are products of its other sizes.
  EXPECT_ERROR(numel({0, kHuge, kHuge}), ErrorCode::overflow, "too large");
  EXPECT_ERROR(Tensor::zeros({kHuge, kHuge, 0}), ErrorCode::overflow, "too large");
  // The bytes at 8 an element must fit into a signed size as well.
  const std::int64_t most = std::numeric_limits<std::ptrdiff_t>::max() / 8;
  EXPECT_EQ(numel({most}), most);
  EXPECT_ERROR(numel({most + 1}), ErrorCode::overflow, "too large");
  EXPECT_ERROR(Tensor::empty({kHuge, kHuge}), ErrorCode::overflow, "[1099511627776,1099511627776]");
}

TEST(Shape, HasAtMostEightAxes) {
  EXPECT_EQ(Dims({1, 2, 3, 4, 5, 6, 7, 8}).size(), 8u);
  EXPECT_ERROR((Dims{1, 1, 1, 1, 1, 1, 1, 1, 1}), ErrorCode::invalid_argument, "9 axes");
  Dims dims{1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_ERROR(dims.push_back(1), ErrorCode::invalid_argument, "at most 8");
  EXPECT_ERROR(dims.resize(12), ErrorCode::invalid_argument, "12 axes");
}

TEST(Shape, ContiguousStrides) {
  EXPECT_EQ(contiguous_strides({2, 3, 4}), (Strides{12, 4, 1}));
  EXPECT_EQ(contiguous_strides({}), Strides{});
}

TEST(Shape, PrintsAsInErrors) {
  EXPECT_EQ(to_string(Shape{}), "[]");
  EXPECT_EQ(to_string(Shape{2, 3}), "[2,3]");
}

TEST(Shape, BroadcastsAsNumPy) {
  EXPECT_EQ(broadcast_shapes({2, 3}, {3}, "add"), (Shape{2, 3}));
  EXPECT_EQ(broadcast_shapes({2, 1}, {1, 5}, "add"), (Shape{2, 5}));
  EXPECT_EQ(broadcast_shapes({}, {4}, "add"), Shape{4});
  EXPECT_EQ(broadcast_shapes({0}, {1}, "add"), Shape{0});
  EXPECT_ERROR(broadcast_shapes({2, 3}, {2}, "add"), ErrorCode::shape,
               "add: shapes do not broadcast: a is [2,3], b is [2]");
  EXPECT_ERROR(broadcast_shapes({0}, {2}, "mul"), ErrorCode::shape, "mul: shapes do not broadcast: a is [0], b is [2]");
}

TEST(DTypeNames, RoundTrip) {
  for (DType dtype : {DType::float32, DType::float64, DType::int32, DType::uint8})
    EXPECT_EQ(dtype_from_name(name_of(dtype)), dtype);
  EXPECT_ERROR(dtype_from_name("float16"), ErrorCode::dtype,
               "unknown dtype 'float16': there are float32, float64, int32, uint8");
}

}  // namespace
}  // namespace tinytorch::testing
