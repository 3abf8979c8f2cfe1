// Errors against libm in a wider type, in units in the last place of the result, over the whole range of inputs.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "matmul_tester.h"
#include "tensor/vector_math.h"
#include "tensor_tester.h"
#include "tinytorch/ops.h"

namespace tinytorch::testing {
namespace {

template <class T>
using Unary = Tensor (*)(const Tensor&, Tensor*);

/// |got - want| over the distance of T's numbers around want.
template <class T>
double ulps(T got, Wide<T> want) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : INFINITY;
  const T rounded = static_cast<T>(want);
  if (got == rounded) return 0;
  if (std::isinf(rounded) || std::isinf(got)) return INFINITY;
  int exponent = 0;
  std::frexp(want, &exponent);
  const int lowest = std::numeric_limits<T>::min_exponent - std::numeric_limits<T>::digits;
  const int unit = std::max(exponent - std::numeric_limits<T>::digits, lowest);
  return static_cast<double>(std::abs(static_cast<Wide<T>>(got) - want) / std::ldexp(Wide<T>(1), unit));
}

/// Every bit pattern at a stride that is prime, and what lies around the special ones.
template <class T>
std::vector<T> whole_range() {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::vector<T> inputs;
  const Bits step = sizeof(T) == 4 ? Bits(4001) : static_cast<Bits>(36893488147419ull);
  for (Bits bits = 0, last = 0; bits >= last; last = bits, bits += step) inputs.push_back(std::bit_cast<T>(bits));
  using L = std::numeric_limits<T>;
  for (T x : {T(0), L::min(), L::denorm_min(), L::max(), L::infinity(), L::quiet_NaN(), T(1), T(0.625), T(0.5), T(2),
              T(88.72284), T(-87.33655), T(-103.97), T(709.782712893384), T(-745.1332), std::sqrt(T(2))}) {
    for (T y : {std::nextafter(x, -L::infinity()), x, std::nextafter(x, L::infinity())}) {
      inputs.push_back(y);
      inputs.push_back(-y);
    }
  }
  return inputs;
}

/// The values that matter most: [-limit, limit], densely.
template <class T>
std::vector<T> around_zero(double limit) {
  std::vector<T> inputs;
  for (int i = -200000; i <= 200000; ++i) inputs.push_back(static_cast<T>(limit * i / 200000.0));
  return inputs;
}

template <class T>
double largest_error(Unary<T> op, Wide<T> (*exact)(Wide<T>), const std::vector<T>& inputs) {
  const Tensor x = Tensor::from(std::span<const T>(inputs), {static_cast<std::int64_t>(inputs.size())});
  const Tensor y = op(x, nullptr);
  double largest = 0;
  T at = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const double error = ulps(y.data<T>()[i], exact(inputs[i]));
    if (error > largest) {
      largest = error;
      at = inputs[i];
    }
  }
  if (largest > 4) ADD_FAILURE() << "at " << at;
  return largest;
}

/// Where long double has 113 bits, musl's functions of it are those of double, themselves half a unit off.
template <class T>
constexpr double oracle_error = sizeof(T) == 8 && std::numeric_limits<long double>::digits == 113 ? 0.52 : 0;

template <class T>
class VectorMath : public ::testing::Test {};
using Floats = ::testing::Types<float, double>;
TYPED_TEST_SUITE(VectorMath, Floats);

#define EXPECT_ULPS(op, exact, bound)                                                \
  do {                                                                               \
    using W = Wide<TypeParam>;                                                       \
    const auto f = +[](W x) -> W { return exact; };                                  \
    const double all = largest_error<TypeParam>(op, f, whole_range<TypeParam>());    \
    const double near = largest_error<TypeParam>(op, f, around_zero<TypeParam>(20)); \
    EXPECT_LE(all, bound + oracle_error<TypeParam>);                                 \
    EXPECT_LE(near, bound + oracle_error<TypeParam>);                                \
    this->RecordProperty(#op, std::to_string(std::max(all, near)));                  \
  } while (false)

TYPED_TEST(VectorMath, Exp) { EXPECT_ULPS(ops::exp, std::exp(x), 1.0); }
TYPED_TEST(VectorMath, Log) { EXPECT_ULPS(ops::log, std::log(x), 1.0); }
TYPED_TEST(VectorMath, Tanh) { EXPECT_ULPS(ops::tanh, std::tanh(x), 2.0); }
TYPED_TEST(VectorMath, Sigmoid) {
  EXPECT_ULPS(ops::sigmoid, (x < 0 ? std::exp(x) : W(1)) / (W(1) + std::exp(-std::abs(x))), 3.0);
}
TYPED_TEST(VectorMath, Sqrt) { EXPECT_ULPS(ops::sqrt, std::sqrt(x), 0.5); }

TYPED_TEST(VectorMath, ExactWhereItShouldBe) {
  using T = TypeParam;
  const DType dtype = dtype_of<T>;
  EXPECT_EQ(ops::exp(Tensor::scalar(0, dtype)).item(), 1);
  EXPECT_EQ(ops::log(Tensor::scalar(1, dtype)).item(), 0);
  EXPECT_EQ(ops::log(Tensor::scalar(0, dtype)).item(), -INFINITY);
  EXPECT_EQ(ops::exp(Tensor::scalar(-INFINITY, dtype)).item(), 0);
  EXPECT_EQ(ops::sigmoid(Tensor::scalar(0, dtype)).item(), 0.5);
  EXPECT_EQ(ops::sigmoid(Tensor::scalar(-INFINITY, dtype)).item(), 0);
  EXPECT_TRUE(std::signbit(ops::tanh(Tensor::scalar(-0.0, dtype)).item()));
  EXPECT_EQ(ops::tanh(Tensor::scalar(-INFINITY, dtype)).item(), -1);
}

TYPED_TEST(VectorMath, TheTailHasTheBitsOfTheMiddle) {
  using T = TypeParam;
  const DType dtype = dtype_of<T>;
  const Tensor x = Tensor::randn({37}, dtype);
  for (auto op : {ops::exp, ops::sigmoid, ops::tanh}) {
    const std::vector<double> whole = values(op(x, nullptr));
    for (std::int64_t i = 0; i < 37; ++i) {
      EXPECT_EQ(op(x.slice(0, i, i + 1), nullptr).item(), whole[static_cast<std::size_t>(i)]);
    }
  }
}

TYPED_TEST(VectorMath, Pow) {
  using T = TypeParam;
  using W = Wide<T>;
  Numbers numbers(7);
  std::vector<T> a, b;
  for (int i = 0; i < 400000; ++i) {
    a.push_back(static_cast<T>(std::exp(20 * numbers.uniform())));
    b.push_back(static_cast<T>((sizeof(T) == 4 ? 4.3 : 35.0) * numbers.uniform()));
  }
  for (int i = 0; i < 100000; ++i) {  // close to 1, large exponents
    a.push_back(static_cast<T>(1 + 1e-3 * numbers.uniform()));
    b.push_back(static_cast<T>((sizeof(T) == 4 ? 8e4 : 6e5) * numbers.uniform()));
  }
  const Shape shape{static_cast<std::int64_t>(a.size())};
  const Tensor y = ops::pow(Tensor::from(std::span<const T>(a), shape), Tensor::from(std::span<const T>(b), shape));
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, ulps<T>(y.data<T>()[i], std::pow(static_cast<W>(a[i]), static_cast<W>(b[i]))));
  }
  EXPECT_LE(largest, (sizeof(T) == 4 ? 0.51 : 0.6) + oracle_error<T>);
  this->RecordProperty("pow", std::to_string(largest));
}

TYPED_TEST(VectorMath, PowFollowsCsRules) {
  using T = TypeParam;
  const double inf = INFINITY;
  const std::vector<double> special = {0.0,  -0.0, 1,   -1,   2,    -2,         0.5,
                                       -0.5, 3,    -3,  inf,  -inf, NAN,        1.5,
                                       1e9,  -1e9, 2.5, -2.5, 7,    16777216.0, 4503599627370497.0};
  for (double a : special) {
    for (double b : special) {
      const double got = ops::pow(Tensor::full({1}, a, dtype_of<T>), Tensor::full({1}, b, dtype_of<T>)).item();
      const auto want = static_cast<double>(
          static_cast<T>(std::pow(static_cast<double>(static_cast<T>(a)), static_cast<double>(static_cast<T>(b)))));
      if (std::isnan(want)) {
        EXPECT_TRUE(std::isnan(got)) << a << "^" << b << " = " << got;
      } else {
        EXPECT_LE(std::abs(ulps<T>(static_cast<T>(got), want)), 1) << a << "^" << b;
        EXPECT_EQ(std::signbit(got), std::signbit(want)) << a << "^" << b;
      }
    }
  }
}

TYPED_TEST(VectorMath, PowIsExactOnSmallIntegers) {
  using T = TypeParam;
  for (int a = -10; a <= 10; ++a) {
    double exact = 1;
    for (int b = 0; b <= 6; ++b, exact *= a) {
      EXPECT_EQ(ops::pow(Tensor::full({1}, a, dtype_of<T>), Tensor::full({1}, b, dtype_of<T>)).item(), exact);
    }
  }
}

TEST(VectorMathSinCos, OverTheCircle) {
  using V = simd::Vec<double>;
  double largest = 0;
  for (int i = 0; i <= 1 << 20; i += V::width) {
    double u[V::width], s[V::width], c[V::width];
    for (int l = 0; l < V::width; ++l) u[l] = std::min(1.0, (i + l) / 1048576.0 + 1e-9);
    const auto got = detail::vmath::sincos_turns(V::load(u));
    got.sin.store(s);
    got.cos.store(c);
    for (int l = 0; l < V::width; ++l) {
      const long double angle = 6.283185307179586476925286766559L * static_cast<long double>(u[l]);
      largest = std::max(largest, static_cast<double>(std::abs(s[l] - std::sin(angle))));
      largest = std::max(largest, static_cast<double>(std::abs(c[l] - std::cos(angle))));
    }
  }
  EXPECT_LE(largest, 0x1p-52);
}

}  // namespace
}  // namespace tinytorch::testing
