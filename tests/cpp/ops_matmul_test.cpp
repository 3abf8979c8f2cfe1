#include "matmul/registry.h"
#include "matmul_tester.h"
#include "reference.h"
#include "tensor_tester.h"
#include "tinytorch/ops.h"

namespace tinytorch::testing {
namespace {

class MatmulOp : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(DTypes, MatmulOp, ::testing::Values(DType::float32, DType::float64), dtype_name);

/// NumPy's matmul from the definition, with the textbook bound at every element.
void check(const Tensor& a, const Tensor& b) {
  SCOPED_TRACE("matmul " + to_string(a.shape()) + " . " + to_string(b.shape()));
  const Tensor y = ops::matmul(a, b);
  const Tensor x = a.ndim() == 1 ? a.reshape({1, a.numel()}) : a;
  const Tensor w = b.ndim() == 1 ? b.reshape({b.numel(), 1}) : b;
  const std::int64_t m = x.size(-2), n = w.size(-1), k = x.size(-1);
  Shape batch = broadcast_shapes(Dims(std::span(x.shape().begin(), x.ndim() - 2)),
                                 Dims(std::span(w.shape().begin(), w.ndim() - 2)), "test");
  Shape full = batch, expected = batch;
  full.push_back(m);
  full.push_back(n);
  if (a.ndim() > 1) expected.push_back(m);
  if (b.ndim() > 1) expected.push_back(n);
  ASSERT_EQ(y.shape(), expected);
  ASSERT_EQ(y.dtype(), a.dtype());
  const Tensor z = y.reshape(full);
  const double bound = a.dtype() == DType::float32 ? error_bound<float>(static_cast<std::size_t>(k)) : 1e-10;
  each_index(full, [&](const Dims& at) {
    Dims left = at, right = at;
    double sum = 0, magnitude = 0;
    for (std::int64_t p = 0; p < k; ++p) {
      left[at.size() - 1] = p;
      right[at.size() - 2] = p;
      const double product = broadcast_at(x, left) * broadcast_at(w, right);
      sum += product;
      magnitude += std::abs(product);
    }
    EXPECT_NEAR(broadcast_at(z, at), sum, bound * magnitude) << to_string(at);
  });
}

TEST_P(MatmulOp, ShapesAsNumPy) {
  const std::pair<Shape, Shape> shapes[] = {
      {{2, 3}, {3, 4}},       {{3}, {3}},          {{3}, {3, 4}},          {{2, 3}, {3}},
      {{5, 2, 3}, {3, 4}},    {{2, 3}, {5, 3, 4}}, {{5, 2, 3}, {5, 3, 4}}, {{2, 1, 2, 3}, {4, 3, 2}},
      {{4, 3}, {2, 5, 3, 2}}, {{3}, {2, 3, 4}},    {{2, 4, 3}, {3}},       {{1, 1}, {1, 1}},
      {{0, 3}, {3, 4}},       {{2, 0}, {0, 4}},    {{2, 3}, {3, 0}},       {{0, 2, 3}, {3, 4}},
      {{0, 2, 3}, {1, 3, 4}}, {{17, 31}, {31, 9}}, {{64, 40}, {40, 10}},
  };
  for (const auto& [x, y] : shapes) {
    for (View va : all_views) {
      for (View vb : all_views) check(make(x, GetParam(), va), make(y, GetParam(), vb));
    }
  }
}

/// A tensor of that shape, cut and turned out of a larger one: axes of size 1 have all kinds of strides behind them.
Tensor random_view(const Shape& shape, DType dtype, Numbers& numbers, Tensor* whole = nullptr) {
  Shape base = shape;
  for (std::int64_t& size : base) size += static_cast<std::int64_t>(numbers.next() % 3);
  const auto rank = static_cast<std::int64_t>(shape.size());
  const auto axis = [&] { return static_cast<std::int64_t>(numbers.next() % shape.size()); };
  const std::int64_t i = axis(), j = axis();  // these two change places in the end
  std::swap(base[static_cast<std::size_t>(i)], base[static_cast<std::size_t>(j)]);
  const Tensor source = make(base, dtype);
  if (whole) *whole = source;
  Tensor view = source;
  for (std::int64_t d = 0; d < rank; ++d) {
    const std::int64_t wanted = shape[static_cast<std::size_t>(d == i ? j : d == j ? i : d)];
    const std::int64_t room = view.size(d) - wanted;
    const std::int64_t start = static_cast<std::int64_t>(numbers.next() % static_cast<std::uint64_t>(room + 1));
    view = view.slice(d, start, start + wanted);
  }
  return view.transpose(i, j);
}

TEST_P(MatmulOp, AxesOfSizeOneMayHaveAnyStride) {
  const std::uint64_t seed = 61;
  Numbers numbers(seed);
  const auto size = [&] { return numbers.next() % 2 ? 1 : 2 + static_cast<std::int64_t>(numbers.next() % 9); };
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    const std::int64_t k = size();
    Shape left, right;
    for (std::uint64_t axes = numbers.next() % 3; axes > 0; --axes) left.push_back(size());
    if (numbers.next() % 2) {
      for (const std::int64_t batch : left) right.push_back(numbers.next() % 2 ? 1 : batch);
    }
    for (const std::int64_t last : {size(), k}) left.push_back(last);
    for (const std::int64_t last : {k, size()}) right.push_back(last);
    const Tensor a = random_view(left, GetParam(), numbers), b = random_view(right, GetParam(), numbers);
    check(a, b);

    // The same through a view as `out`: its elements get the product, those around it keep what they have.
    const Tensor product = ops::matmul(a, b);
    Tensor whole;
    Tensor out = random_view(product.shape(), GetParam(), numbers, &whole);
    const Tensor before = whole.clone(), old = out.clone();
    ops::MatmulOptions options;
    options.out = &out;
    options.accumulate = numbers.next() % 2;
    const Tensor expected = options.accumulate ? ops::add(out, product) : product;
    (void)ops::matmul(a, b, options);
    EXPECT_TRUE(ops::allclose(out, expected, 1e-5, 1e-5));
    out.copy_from(old);
    EXPECT_EQ(values(whole), values(before)) << "memory around out was written";
  }
}

TEST_P(MatmulOp, BiasAndReluInOnePass) {
  const DType dtype = GetParam();
  const Tensor a = make({3, 5, 7}, dtype), b = make({7, 6}, dtype), bias = make({6}, dtype, View::stepped);
  ops::MatmulOptions options;
  options.bias = &bias;
  const Tensor plain = ops::matmul(a, b, options);
  EXPECT_TRUE(ops::allclose(plain, ops::add(ops::matmul(a, b), bias), 1e-5, 1e-6));
  options.activation = Activation::relu;
  EXPECT_EQ(values(ops::matmul(a, b, options)), values(ops::relu(plain)));
}

TEST_P(MatmulOp, IntoOutAndAccumulating) {
  const DType dtype = GetParam();
  const Tensor a = make({4, 3}, dtype), b = make({3, 6}, dtype);
  const Tensor product = ops::matmul(a, b);
  for (View view : {View::dense, View::transposed, View::sliced, View::stepped}) {
    Tensor out = make({4, 6}, dtype, view);
    const Tensor before = out.clone();
    ops::MatmulOptions options;
    options.out = &out;
    options.accumulate = true;
    const Tensor result = ops::matmul(a, b, options);
    EXPECT_EQ(result.impl(), out.impl());
    EXPECT_TRUE(ops::allclose(out, ops::add(before, product), 1e-5, 1e-6));
    options.accumulate = false;
    (void)ops::matmul(a, b, options);
    EXPECT_EQ(values(out), values(product));
  }
  Tensor vector = make({4}, dtype, View::stepped);
  ops::MatmulOptions options;
  options.out = &vector;
  (void)ops::matmul(a, b.slice(1, 2, 3).reshape({3}), options);
  EXPECT_TRUE(ops::allclose(vector, product.slice(1, 2, 3).reshape({4}), 1e-5, 1e-6));
}

TEST_P(MatmulOp, EveryKernelByName) {
  const Tensor a = make({20, 30}, GetParam(), View::transposed), b = make({30, 25}, GetParam());
  const Tensor want = ops::matmul(a.to(DType::float64), b.to(DType::float64));
  for (const KernelInfo& info : kernels()) {
    if (!info.available) continue;
    ops::MatmulOptions options;
    options.kernel = kernel_id(info.name);
    const std::uint64_t calls = detail::kernel_calls(options.kernel);
    EXPECT_TRUE(ops::allclose(ops::matmul(a, b, options), want, 1e-4, 1e-5)) << info.name;
    EXPECT_EQ(detail::kernel_calls(options.kernel), calls + 1) << info.name;
  }
}

TEST(MatmulOpErrors, NameTheValues) {
  const Tensor a = Tensor::zeros({2, 3}), b = Tensor::zeros({3, 4});
  EXPECT_ERROR(ops::matmul(a, Tensor::zeros({4, 5})), ErrorCode::shape,
               "matmul: inner dimensions differ: a is [2,3], b is [4,5]");
  EXPECT_ERROR(ops::matmul(a, Tensor::zeros({2})), ErrorCode::shape, "a is [2,3], b is [2]");
  EXPECT_ERROR(ops::matmul(Tensor::scalar(1), b), ErrorCode::shape,
               "matmul: operands need at least one axis: a is [], b is [3,4]");
  EXPECT_ERROR(ops::matmul(Tensor::zeros({2, 2, 3}), Tensor::zeros({3, 3, 4})), ErrorCode::shape,
               "matmul: leading axes: shapes do not broadcast: a is [2], b is [3]");
  EXPECT_ERROR(ops::matmul(a, b.to(DType::float64)), ErrorCode::dtype, "matmul: dtypes differ");
  EXPECT_ERROR(ops::matmul(a, b.to(DType::int32)), ErrorCode::dtype, "matmul: needs float32 or float64, b is int32");
  ops::MatmulOptions options;
  options.accumulate = true;
  EXPECT_ERROR(ops::matmul(a, b, options), ErrorCode::invalid_argument, "matmul: accumulate needs out");
  Tensor bad = Tensor::zeros({2, 3});
  options = {};
  options.out = &bad;
  EXPECT_ERROR(ops::matmul(a, b, options), ErrorCode::shape, "matmul: out is [2,3], the result is [2,4]");
  Tensor square = Tensor::zeros({3, 3});
  options.out = &square;
  EXPECT_ERROR(ops::matmul(square, Tensor::zeros({3, 3}), options), ErrorCode::invalid_argument,
               "matmul: out shares memory with an operand");
  const Tensor bias = Tensor::zeros({3});
  options = {};
  options.bias = &bias;
  EXPECT_ERROR(ops::matmul(a, b, options), ErrorCode::shape, "matmul: bias is [3], needs [4]");
  options = {};
  options.kernel = 99;
  EXPECT_ERROR(ops::matmul(a, b, options), ErrorCode::unknown_kernel, "99");
}

}  // namespace
}  // namespace tinytorch::testing
