#pragma once

#include <cstdint>
#include <span>

namespace tinytorch {

/// Restarts the library's default generator. The same seed gives the same bits on every platform and for
/// any number of threads: numbers come from a counter (Philox 4x32-10: Salmon et al., "Parallel random
/// numbers: as easy as 1, 2, 3", SC 2011), not from a state that is handed along.
void manual_seed(std::uint64_t seed) noexcept;

/// A counter-based stream: the pair (seed, stream) names a sequence, `counter` the place in it.
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0, std::uint64_t stream = 0) noexcept : seed_(seed), stream_(stream) {}
  [[nodiscard]] std::uint64_t next_u64() noexcept;
  [[nodiscard]] double uniform() noexcept;                          ///< [0, 1), 53 bits
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept;  ///< unbiased, [0, bound)
  template <class T>
  void fill_uniform(std::span<T> out) noexcept;  ///< [0, 1)
  template <class T>
  void fill_normal(std::span<T> out) noexcept;  ///< mean 0, standard deviation 1 (Box-Muller)
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] std::uint64_t counter() const noexcept { return counter_; }
  void set_counter(std::uint64_t counter) noexcept { counter_ = counter; }

 private:
  std::uint64_t seed_ = 0, stream_ = 0, counter_ = 0;
};

[[nodiscard]] Generator& default_generator() noexcept;

}  // namespace tinytorch
