#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "case.h"

namespace tinytorch::fuzz {

/// What went wrong, and the one way that shows it.
struct Failure {
  Case which;
  std::string what;
};

/// Computes the case in its ways and checks values, bits, and all memory round them. Adds to `products` how many it
/// made.
[[nodiscard]] std::optional<Failure> check(const Case& which, std::uint64_t& products);

/// The way that runs now, for who wants to know where the program was when it ended.
[[nodiscard]] const Case& running() noexcept;

}  // namespace tinytorch::fuzz
