#pragma once

#include <atomic>

namespace tinytorch::detail {

/// A lock for a few dozen instructions that two threads hardly ever run at once. Not std::mutex: its errors bring the
/// standard library's error categories and printf into a wasm module, which makes it larger.
class SpinLock {
 public:
  class Guard {
   public:
    explicit Guard(SpinLock& lock) noexcept : lock_(lock) {
      while (lock_.taken_.exchange(true, std::memory_order_acquire)) {
        while (lock_.taken_.load(std::memory_order_relaxed)) continue;
      }
    }
    ~Guard() { lock_.taken_.store(false, std::memory_order_release); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    SpinLock& lock_;
  };

 private:
  std::atomic<bool> taken_{false};
};

}  // namespace tinytorch::detail
