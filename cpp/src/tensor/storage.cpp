#include "storage.h"

#include <string>

#include "memory_pool.h"
#include "tinytorch/error.h"

namespace tinytorch {

Storage::Storage(const Shape& shape, DType dtype, std::size_t bytes)
    : data_(static_cast<std::byte*>(detail::MemoryPool::instance().acquire(bytes))), bytes_(bytes) {
  if (data_ == nullptr) {
    throw Error(ErrorCode::out_of_memory, "out of memory: a tensor of shape " + to_string(shape) + " " +
                                              std::string(name_of(dtype)) + " needs " + std::to_string(bytes) +
                                              " bytes, " + std::to_string(memory_stats().live_bytes) +
                                              " are in use by live tensors");
  }
}

Storage::~Storage() { detail::MemoryPool::instance().release(data_, bytes_); }

MemoryStats memory_stats() noexcept { return detail::MemoryPool::instance().stats(); }
void reset_peak_memory() noexcept { detail::MemoryPool::instance().reset_peak(); }
void release_pooled_memory() noexcept { detail::MemoryPool::instance().release_free_buffers(); }

}  // namespace tinytorch
