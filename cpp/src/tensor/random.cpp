#include "tinytorch/random.h"

#include <algorithm>
#include <type_traits>

#include "philox.h"
#include "vector_math.h"

namespace tinytorch {

namespace {

using detail::PhiloxBlock;

std::uint64_t low64(const PhiloxBlock& block) { return block[0] | std::uint64_t{block[1]} << 32; }
std::uint64_t high64(const PhiloxBlock& block) { return block[2] | std::uint64_t{block[3]} << 32; }

/// Uniform numbers of one block: 4 of 24 bits in float, 2 of 53 bits in double, in [0, 1).
template <class T>
constexpr std::size_t kPerBlock = 16 / sizeof(T);

void uniforms(const PhiloxBlock& block, float* out) {
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<float>(block[i] >> 8) * 0x1p-24f;
}
void uniforms(const PhiloxBlock& block, double* out) {
  out[0] = static_cast<double>(low64(block) >> 11) * 0x1p-53;
  out[1] = static_cast<double>(high64(block) >> 11) * 0x1p-53;
}

/// Pairs of uniform numbers for Box-Muller, in double: radius[i] in (0, 1], turn[i] in [0, 1). A block gives one pair
/// of 53 bits (`wide`) or two pairs of 32 bits. Returns the number of pairs.
std::size_t pairs(const PhiloxBlock& block, bool wide, double* radius, double* turn) {
  if (wide) {
    radius[0] = static_cast<double>((low64(block) >> 11) + 1) * 0x1p-53;
    turn[0] = static_cast<double>(high64(block) >> 11) * 0x1p-53;
    return 1;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    radius[i] = (static_cast<double>(block[2 * i]) + 1) * 0x1p-32;
    turn[i] = static_cast<double>(block[2 * i + 1]) * 0x1p-32;
  }
  return 2;
}

}  // namespace

static PhiloxBlock next_block(std::uint64_t seed, std::uint64_t stream, std::uint64_t& counter) noexcept {
  const std::uint64_t at = counter++;
  return detail::philox({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at >> 32),
                         static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)},
                        {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

std::uint64_t Generator::next_u64() noexcept { return low64(next_block(seed_, stream_, counter_)); }

double Generator::uniform() noexcept { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }

std::uint64_t Generator::below(std::uint64_t bound) noexcept {
  if (bound == 0) return 0;
  // The lowest 2^64 mod bound numbers are rejected. Then `bound` divides the count of the others, so that every result
  // is equally likely.
  const std::uint64_t threshold = (0 - bound) % bound;
  for (;;) {
    const std::uint64_t x = next_u64();
    if (x >= threshold) return x % bound;
  }
}

template <class T>
void Generator::fill_uniform(std::span<T> out) noexcept {
  for (std::size_t i = 0; i < out.size(); i += kPerBlock<T>) {
    T values[kPerBlock<T>];
    uniforms(next_block(seed_, stream_, counter_), values);
    std::copy_n(values, std::min(kPerBlock<T>, out.size() - i), out.data() + i);
  }
}

namespace {

constexpr std::size_t kBatch = 32;

/// Box-Muller: each pair gives two normal numbers, which follow each other in `out`. Overwrites `radius` and `turn`.
void normals(double* radius, double* turn, double* out) {
  using V = simd::Vec<double>;
  for (std::size_t p = 0; p < kBatch; p += V::width) {
    const V r = sqrt(V::splat(-2.0) * detail::vmath::log(V::load(radius + p)));
    const auto angle = detail::vmath::sincos_turns(V::load(turn + p));
    (r * angle.cos).store(radius + p);
    (r * angle.sin).store(turn + p);
  }
  for (std::size_t p = 0; p < kBatch; ++p) {
    out[2 * p] = radius[p];
    out[2 * p + 1] = turn[p];
  }
}

}  // namespace

template <class T>
void Generator::fill_normal(std::span<T> out) noexcept {
  for (std::size_t i = 0; i < out.size(); i += 2 * kBatch) {
    const std::size_t count = std::min(2 * kBatch, out.size() - i);
    double radius[kBatch] = {}, turn[kBatch] = {}, values[2 * kBatch];
    for (std::size_t made = 0; 2 * made < count;) {
      made += pairs(next_block(seed_, stream_, counter_), sizeof(T) == 8, radius + made, turn + made);
    }
    normals(radius, turn, values);
    for (std::size_t j = 0; j < count; ++j) out[i + j] = static_cast<T>(values[j]);
  }
}

template void Generator::fill_uniform<float>(std::span<float>) noexcept;
template void Generator::fill_uniform<double>(std::span<double>) noexcept;
template void Generator::fill_normal<float>(std::span<float>) noexcept;
template void Generator::fill_normal<double>(std::span<double>) noexcept;

Generator& default_generator() noexcept {
  static Generator generator;
  return generator;
}

void manual_seed(std::uint64_t seed) noexcept { default_generator() = Generator(seed); }

}  // namespace tinytorch
