#pragma once

#include <cstdint>
#include <exception>
#include <new>

#include "tinytorch/error.h"

namespace tinytorch::testing {

/// While it lives, the nth allocation of this thread fails: of an object, or of a tensor's memory (there the second
/// attempt, after the pool has given back what it kept, fails as well).
class FailingAllocation {
 public:
  explicit FailingAllocation(std::int64_t nth) noexcept;
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  [[nodiscard]] static bool happened() noexcept;
};

/// Whether what is thrown says that memory has run out.
inline bool is_out_of_memory(const std::exception& thrown) {
  if (const auto* error = dynamic_cast<const Error*>(&thrown)) return error->code() == ErrorCode::out_of_memory;
  return dynamic_cast<const std::bad_alloc*>(&thrown) != nullptr;
}

}  // namespace tinytorch::testing
