#pragma once

#include <array>
#include <cstddef>

#include "base/spin_lock.h"
#include "tinytorch/tensor.h"

namespace tinytorch::detail {

/// Buffers for tensors, 64-byte aligned (a cache line). They are kept after use and handed out again, so that a
/// training loop soon needs nothing from the system's allocator.
///
/// Sizes are rounded up to whole cache lines and then to classes, eight for each power of two, which loses at most an
/// eighth of a buffer. The free buffers of a class form a linked list inside the buffers themselves. Safe to use from
/// several threads.
class MemoryPool {
 public:
  static MemoryPool& instance() noexcept;

  /// Null if the system has no more memory, even after the pool has given back its free buffers.
  [[nodiscard]] void* acquire(std::size_t bytes) noexcept;
  void release(void* buffer, std::size_t bytes) noexcept;
  void release_free_buffers() noexcept;

  [[nodiscard]] MemoryStats stats() noexcept;
  void reset_peak() noexcept;

 private:
  struct FreeBuffer {
    FreeBuffer* next;
  };
  static constexpr std::size_t class_count = 8 * sizeof(std::size_t) * 8;

  void free_all_locked() noexcept;

  SpinLock lock_;
  std::array<FreeBuffer*, class_count> free_{};
  MemoryStats stats_;
};

}  // namespace tinytorch::detail
