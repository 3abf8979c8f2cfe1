#include "tinytorch/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "tensor/philox.h"
#include "tensor_tester.h"
#include "tinytorch/ops.h"

namespace tinytorch::testing {
namespace {

// The known answers of Random123, its authors' library.
TEST(Philox, KnownAnswers) {
  using detail::philox;
  using detail::PhiloxBlock;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

/// Kolmogorov-Smirnov distance between the sample and the distribution.
double distance(std::vector<double> sample, double (*cdf)(double)) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double largest = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double p = cdf(sample[i]);
    largest = std::max({largest, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return largest;
}

class Random : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(DTypes, Random, ::testing::Values(DType::float32, DType::float64), dtype_name);

constexpr std::int64_t sample_size = 200000;
// Each a five-sigma bound (for the distance: probability about 1e-6), with a fixed seed.
constexpr double root = 447.2;  // sqrt(sample_size)

TEST_P(Random, NormalHasItsMoments) {
  manual_seed(20240501);
  const Tensor x = Tensor::randn({sample_size}, GetParam());
  const std::vector<double> v = values(x);
  double mean = 0, square = 0, cube = 0, fourth = 0;
  for (double z : v) mean += z, square += z * z, cube += z * z * z, fourth += z * z * z * z;
  EXPECT_NEAR(mean / sample_size, 0, 5 / root);
  EXPECT_NEAR(square / sample_size, 1, 5 * std::sqrt(2.0) / root);
  EXPECT_NEAR(cube / sample_size, 0, 5 * std::sqrt(15.0) / root);
  EXPECT_NEAR(fourth / sample_size, 3, 5 * std::sqrt(96.0) / root);
  EXPECT_LT(distance(v, [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }), 2.7 / root);
  double neighbours = 0;
  for (std::size_t i = 1; i < v.size(); ++i) neighbours += v[i] * v[i - 1];
  EXPECT_NEAR(neighbours / sample_size, 0, 5 / root);
}

TEST_P(Random, UniformIsUniform) {
  manual_seed(7);
  const std::vector<double> v = values(Tensor::rand({sample_size}, GetParam()));
  EXPECT_GE(*std::min_element(v.begin(), v.end()), 0);
  EXPECT_LT(*std::max_element(v.begin(), v.end()), 1);
  EXPECT_LT(distance(v, [](double u) { return u; }), 2.7 / root);
}

TEST_P(Random, TheSeedIsTheSequence) {
  manual_seed(1);
  const Tensor a = Tensor::randn({333}, GetParam()), b = Tensor::randn({333}, GetParam());
  manual_seed(1);
  EXPECT_EQ(values(Tensor::randn({333}, GetParam())), values(a));
  EXPECT_EQ(values(Tensor::randn({333}, GetParam())), values(b));
  EXPECT_NE(values(a), values(b));
  manual_seed(2);
  EXPECT_NE(values(Tensor::randn({333}, GetParam())), values(a));
  // The length does not change the numbers in front.
  manual_seed(1);
  const Tensor longer = Tensor::randn({1000}, GetParam());
  EXPECT_EQ(values(longer.slice(0, 0, 333)), values(a));
}

TEST(RandomBits, TheSameOnEveryPlatform) {
  manual_seed(42);
  const Tensor f = Tensor::randn({100003}), d = Tensor::randn({10007}, DType::float64);
  std::uint64_t hash = 14695981039346656037ull;  // FNV-1a
  const auto mix = [&](std::uint64_t word) { hash = (hash ^ word) * 1099511628211ull; };
  for (std::int64_t i = 0; i < f.numel(); ++i) mix(std::bit_cast<std::uint32_t>(f.data<float>()[i]));
  for (std::int64_t i = 0; i < d.numel(); ++i) mix(std::bit_cast<std::uint64_t>(d.data<double>()[i]));
  EXPECT_EQ(hash, 7042775447436560098ull);
}

TEST(RandomGenerator, CountersNameThePlace) {
  Generator a(5), b(5), other_stream(5, 1);
  EXPECT_EQ(a.next_u64(), b.next_u64());
  EXPECT_NE(a.next_u64(), other_stream.next_u64());
  const std::uint64_t place = a.counter();
  const std::uint64_t next = a.next_u64();
  a.set_counter(place);
  EXPECT_EQ(a.next_u64(), next);
  EXPECT_EQ(a.seed(), 5u);
}

TEST(RandomGenerator, BelowIsUnbiased) {
  Generator g(11);
  int counts[7] = {};
  for (int i = 0; i < 70000; ++i) ++counts[g.below(7)];
  for (int count : counts) EXPECT_NEAR(count, 10000, 500);
  EXPECT_EQ(g.below(1), 0u);
  EXPECT_EQ(g.below(0), 0u);
  for (int i = 0; i < 100; ++i) EXPECT_LT(g.below((1ull << 63) + 1), (1ull << 63) + 1);
}

}  // namespace
}  // namespace tinytorch::testing
