#pragma once

#include <cstddef>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define TINYTORCH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TINYTORCH_ASAN 1
#endif
#endif
#ifdef TINYTORCH_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace tinytorch::detail {

/// Under AddressSanitizer, an access of hidden memory is an error; else these do nothing.
inline void hide_memory([[maybe_unused]] const void* data, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef TINYTORCH_ASAN
  __asan_poison_memory_region(data, bytes);
#endif
}
inline void show_memory([[maybe_unused]] const void* data, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef TINYTORCH_ASAN
  __asan_unpoison_memory_region(data, bytes);
#endif
}

/// Scratch for one product at a time on this thread: at least `count` elements of `size` bytes, aligned to 64,
/// content arbitrary; null where there is no memory. Kept and grown, so that a program which repeats its
/// products allocates nothing.
inline void* workspace(std::size_t count, std::size_t size) noexcept {
  static constexpr std::align_val_t alignment{64};
  struct Arena {
    void* data = nullptr;
    std::size_t bytes = 0;
    void release() noexcept {
      if (data) show_memory(data, bytes);
      ::operator delete(data, alignment);
      data = nullptr;
      bytes = 0;
    }
    ~Arena() { release(); }
  };
  thread_local Arena arena;

  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
  if (bytes > arena.bytes) {
    arena.release();  // first: the two need not fit side by side
    arena.data = ::operator new(bytes, alignment, std::nothrow);
    if (arena.data) arena.bytes = bytes;
  }
  if (arena.data) {
    show_memory(arena.data, arena.bytes);
    hide_memory(static_cast<std::byte*>(arena.data) + bytes, arena.bytes - bytes);  // more than was asked for
  }
  return arena.data;
}

}  // namespace tinytorch::detail
