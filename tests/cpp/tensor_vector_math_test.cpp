// Errors against libm in a wider type, in units in the last place of the result, over the whole range of inputs.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <limits>
#include <regex>
#include <vector>

#include "accuracy.h"
#include "matmul_tester.h"
#include "tensor/vector_math.h"
#include "tensor_tester.h"
#include "tinytorch/autograd.h"
#include "tinytorch/ops.h"
#include "tinytorch/random.h"

namespace tinytorch::testing {
namespace {

/// Every bit pattern at a stride that is prime, and what lies around the special ones.
template <class T>
std::vector<T> whole_range() {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::vector<T> inputs;
  const Bits step = sizeof(T) == 4 ? Bits(4001) : static_cast<Bits>(36893488147419ull);
  for (Bits bits = 0, last = 0; bits >= last; last = bits, bits += step) inputs.push_back(std::bit_cast<T>(bits));
  using L = std::numeric_limits<T>;
  for (T x : {T(0), L::min(), L::denorm_min(), L::max(), L::infinity(), L::quiet_NaN(), T(1), T(0.625), T(0.5), T(2),
              T(88.72284), T(-87.33655), T(-103.97), T(709.782712893384), T(-745.1332), std::sqrt(T(2)),
              // gelu: where its series ends, where its results become subnormal, then 0
              T(-13), T(-13.2), T(-14.3), T(-37.5), T(-38.6), T(40)}) {
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
double largest_error(const ElementaryFunction& f, const std::vector<T>& inputs) {
  const Tensor x = Tensor::from(std::span<const T>(inputs), {static_cast<std::int64_t>(inputs.size())});
  const Tensor y = f.op(x, nullptr);
  const T* got = y.data<T>();
  double largest = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    double error = 0;
    if constexpr (sizeof(T) == 4) {
      error = ulp_error(got[i], f.of_float(static_cast<double>(inputs[i])));
    } else {
      error = ulp_error(got[i], f.of_double(static_cast<long double>(inputs[i])));
    }
    largest = std::max(largest, error);
    if (error > 16) {
      ADD_FAILURE() << f.name << " at " << inputs[i] << ": " << got[i];
      break;
    }
  }
  return largest;
}

/// Where long double has 113 bits, musl's functions of it are those of double, themselves half a unit off.
template <class T>
constexpr double oracle_error = sizeof(T) == 8 && std::numeric_limits<long double>::digits == 113 ? 0.52 : 0;

template <class T>
class VectorMath : public ::testing::Test {};
using Floats = ::testing::Types<float, double>;
TYPED_TEST_SUITE(VectorMath, Floats);

TYPED_TEST(VectorMath, WithinTheStatedBounds) {
  for (const ElementaryFunction& f : elementary_functions) {
    SCOPED_TRACE(f.name);
    // There the reference loses more than it judges: erfc in double, of an argument that was rounded.
    if (oracle_error<TypeParam> > 0 && f.op == ops::gelu) continue;
    const double bound = (sizeof(TypeParam) == 4 ? f.float32 : f.float64) + oracle_error<TypeParam>;
    const double all = largest_error<TypeParam>(f, whole_range<TypeParam>());
    const double near = largest_error<TypeParam>(f, around_zero<TypeParam>(20));
    EXPECT_LE(all, bound);
    EXPECT_LE(near, bound);
    this->RecordProperty(f.name, std::to_string(std::max(all, near)));
  }
}

TYPED_TEST(VectorMath, SqrtIsRoundedToNearest) {
  for (const TypeParam x : whole_range<TypeParam>()) {
    const double got = ops::sqrt(Tensor::full({1}, static_cast<double>(x), dtype_of<TypeParam>)).item();
    if (std::isnan(x) || x < 0) {
      ASSERT_TRUE(std::isnan(got)) << x;
    } else {
      ASSERT_EQ(got, static_cast<double>(std::sqrt(x))) << x;
    }
    if (sizeof(TypeParam) == 8 && this->HasFailure()) break;
  }
}

TEST(VectorMathBounds, AreTheOnesOfTheDocumentation) {
  std::ifstream file(TINYTORCH_FIXTURES "/../../docs/accuracy.md");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ASSERT_FALSE(text.empty());
  const auto number = [](double x) {
    return x == std::floor(x) ? std::to_string(static_cast<int>(x)) : std::to_string(x).substr(0, 4);
  };
  const auto states = [&](const std::string& name, double float32, double float64) {
    const std::regex row("\\| `" + name + "` *\\| " + number(float32) + " *\\| " + number(float64) + " *\\|");
    EXPECT_TRUE(std::regex_search(text, row)) << name << ": " << float32 << " and " << float64;
  };
  for (const ElementaryFunction& f : elementary_functions) states(f.name, f.float32, f.float64);
  states("pow", pow_bound_float32, pow_bound_float64);
}

/// The logarithm of a share close to 1 keeps its digits: compared with long double, relative to the result.
TYPED_TEST(VectorMath, LogSoftmaxNearZero) {
  using T = TypeParam;
  manual_seed(41);
  Generator generator(42);
  for (int round = 0; round < 300; ++round) {
    const auto n = static_cast<std::int64_t>(2 + generator.below(600));
    const double apart = 50 * generator.uniform();
    Tensor x = ops::sub(Tensor::randn({n}, dtype_of<T>), Tensor::scalar(apart, dtype_of<T>));
    const auto peak = static_cast<std::int64_t>(generator.below(static_cast<std::uint64_t>(n)));
    x.mutable_data<T>()[peak] = static_cast<T>(10 * generator.uniform());
    const Tensor y = ops::log_softmax(x);
    const T *in = x.data<T>(), *out = y.data<T>();
    const std::int64_t highest = static_cast<std::int64_t>(ops::argmax(x).item());
    long double rest = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      if (i != highest) rest += std::exp(static_cast<long double>(in[i]) - static_cast<long double>(in[highest]));
    }
    // Each exponential is off by the rounding of its argument, up to 70 in size, and by itself; their sum by a few
    // roundings (a tree over at most 600).
    const double eps = std::numeric_limits<T>::epsilon(), tolerance = (70 + 16) * eps;
    for (std::int64_t i = 0; i < n; ++i) {
      const long double want =
          static_cast<long double>(in[i]) - static_cast<long double>(in[highest]) - std::log1p(rest);
      const auto size = static_cast<double>(i == highest ? std::log1p(rest) : std::abs(want));
      ASSERT_LE(std::abs(static_cast<double>(out[i] - want)), tolerance * size + std::numeric_limits<T>::denorm_min())
          << "round " << round << ", element " << i << " of " << n;
    }
    // The loss of the peak's label is the same number, and its gradient is minus the share of the others.
    Tensor logits = x.reshape({1, n}).clone();
    set_requires_grad(logits);
    const Tensor loss = ops::cross_entropy(logits, Tensor::full({1}, static_cast<double>(highest), DType::int32));
    backward(loss);
    const auto share = static_cast<double>(rest / (1 + rest)), want_loss = static_cast<double>(std::log1p(rest));
    EXPECT_LE(std::abs(loss.item() - want_loss), tolerance * want_loss + std::numeric_limits<T>::denorm_min());
    EXPECT_LE(std::abs(grad(logits).at({0, highest}) + share),
              tolerance * share + std::numeric_limits<T>::denorm_min());
  }
  for (const float huge : {INFINITY, -INFINITY, NAN}) {
    const Tensor y = ops::log_softmax(tensor({2}, {huge, huge}).to(dtype_of<T>));
    EXPECT_TRUE(std::isnan(y.at({0})) && std::isnan(y.at({1}))) << huge;
  }
  EXPECT_EQ(values(ops::log_softmax(tensor64({2}, {0, -INFINITY}).to(dtype_of<T>))),
            (std::vector<double>{0, -INFINITY}));
}

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
    largest = std::max(largest, ulp_error<T>(y.data<T>()[i], std::pow(static_cast<W>(a[i]), static_cast<W>(b[i]))));
  }
  EXPECT_LE(largest, (sizeof(T) == 4 ? pow_bound_float32 : pow_bound_float64) + oracle_error<T>);
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
        EXPECT_LE(std::abs(ulp_error<T>(static_cast<T>(got), want)), 1) << a << "^" << b;
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
