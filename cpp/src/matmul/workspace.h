#pragma once

#include <cstddef>
#include <new>

#include "base/poison.h"

namespace tinytorch::detail {

/// Scratch for one product at a time on this thread: at least `count` elements of `size` bytes, aligned to 64, with
/// any content. Null if there is no memory. It is kept and only grows, so that a program that repeats its products
/// allocates nothing.
inline void* workspace(std::size_t count, std::size_t size) noexcept {
  static constexpr std::align_val_t alignment{64};
  struct Arena {
    void* data = nullptr;
    std::size_t bytes = 0;
    void release() noexcept {
      unpoison(data, bytes);
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
    arena.release();  // first, because memory may not have room for both
    arena.data = ::operator new(bytes, alignment, std::nothrow);
    if (arena.data) arena.bytes = bytes;
  }
  if (arena.data) {
    unpoison(arena.data, arena.bytes);
    poison(static_cast<std::byte*>(arena.data) + bytes, arena.bytes - bytes);  // beyond the size
  }
  return arena.data;
}

}  // namespace tinytorch::detail
