#pragma once

#include <array>
#include <cstdint>

namespace tinytorch::detail {

using PhiloxBlock = std::array<std::uint32_t, 4>;

/// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011): 128 random bits, a function of a counter and a key.
[[nodiscard]] constexpr PhiloxBlock philox(PhiloxBlock counter, std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t x = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t y = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(y >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(y),
               static_cast<std::uint32_t>(x >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(x)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

}  // namespace tinytorch::detail
