#include "memory_pool.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "base/poison.h"

namespace tinytorch::detail {

namespace {

constexpr std::size_t kAlignment = 64;
// Free buffers beyond this go back to the system at once, so that a burst of large tensors does not keep its memory.
constexpr std::int64_t kMaxPooledBytes = std::int64_t{128} << 20;

struct SizeClass {
  std::size_t index, bytes;
};

// Classes in units of 64 bytes: 1, 2, ... 15, then 16, 18, ... 30, 32, 36, ... 60, 64, 72, ...
SizeClass size_class(std::size_t bytes) noexcept {
  const std::size_t units = std::max<std::size_t>((bytes + kAlignment - 1) / kAlignment, 1);
  const int magnitude = std::max(static_cast<int>(std::bit_width(units)) - 4, 0);
  const std::size_t eighths = (units + (std::size_t{1} << magnitude) - 1) >> magnitude;
  return {static_cast<std::size_t>(magnitude) * 8 + eighths, (eighths << magnitude) * kAlignment};
}

}  // namespace

MemoryPool& MemoryPool::instance() noexcept {
  // Never destroyed: tensors in static variables may be freed after the pool's destructor would have run.
  alignas(MemoryPool) static std::byte place[sizeof(MemoryPool)];
  static MemoryPool& pool = *new (place) MemoryPool;
  return pool;
}

void* MemoryPool::acquire(std::size_t bytes) noexcept {
  const SizeClass cls = size_class(bytes);
  const SpinLock::Guard guard(lock_);
  void* buffer = free_[cls.index];
  if (buffer != nullptr) {
    free_[cls.index] = static_cast<FreeBuffer*>(buffer)->next;
    stats_.pooled_bytes -= static_cast<std::int64_t>(cls.bytes);
  } else {
    buffer = std::aligned_alloc(kAlignment, cls.bytes);
    if (buffer == nullptr) {
      free_all_locked();
      buffer = std::aligned_alloc(kAlignment, cls.bytes);
    }
    if (buffer == nullptr) return nullptr;
  }
  unpoison(buffer, cls.bytes);
  poison(static_cast<std::byte*>(buffer) + bytes, cls.bytes - bytes);
  stats_.storages += 1;
  stats_.live_bytes += static_cast<std::int64_t>(bytes);
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.live_bytes);
  return buffer;
}

void MemoryPool::release(void* buffer, std::size_t bytes) noexcept {
  const SizeClass cls = size_class(bytes);
  const SpinLock::Guard guard(lock_);
  stats_.storages -= 1;
  stats_.live_bytes -= static_cast<std::int64_t>(bytes);
  unpoison(buffer, cls.bytes);
  if (stats_.pooled_bytes + static_cast<std::int64_t>(cls.bytes) > kMaxPooledBytes) {
    std::free(buffer);
    return;
  }
  free_[cls.index] = new (buffer) FreeBuffer{free_[cls.index]};
  stats_.pooled_bytes += static_cast<std::int64_t>(cls.bytes);
  // Reading a freed tensor would find old values; with this, ASan reports it. The link stays readable for the leak
  // checker, which follows the chain.
  poison(static_cast<std::byte*>(buffer) + sizeof(FreeBuffer), cls.bytes - sizeof(FreeBuffer));
}

void MemoryPool::release_free_buffers() noexcept {
  const SpinLock::Guard guard(lock_);
  free_all_locked();
}

void MemoryPool::free_all_locked() noexcept {
  for (FreeBuffer*& head : free_) {
    while (head != nullptr) {
      FreeBuffer* next = head->next;
      std::free(head);  // ASan lifts the poison with the buffer
      head = next;
    }
  }
  stats_.pooled_bytes = 0;
}

MemoryStats MemoryPool::stats() noexcept {
  const SpinLock::Guard guard(lock_);
  return stats_;
}

void MemoryPool::reset_peak() noexcept {
  const SpinLock::Guard guard(lock_);
  stats_.peak_bytes = stats_.live_bytes;
}

}  // namespace tinytorch::detail
