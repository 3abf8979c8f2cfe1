#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define TINYTORCH_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TINYTORCH_POISON 1
#endif
#endif
#ifdef TINYTORCH_POISON
#include <sanitizer/asan_interface.h>
#endif

namespace tinytorch::detail {

/// Under AddressSanitizer, an access to these bytes is an error until unpoison(). Does nothing in other builds. It is
/// for memory that the library owns but nobody may use: free buffers, and bytes behind the requested size.
inline void poison([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef TINYTORCH_POISON
  ASAN_POISON_MEMORY_REGION(memory, bytes);
#endif
}

inline void unpoison([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef TINYTORCH_POISON
  ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
#endif
}

}  // namespace tinytorch::detail
