#include "storage.h"

#include "check.h"
#include "memory_pool.h"

namespace tinytorch {

Storage::Storage(const Shape& shape, DType dtype, std::size_t bytes)
    : data_(static_cast<std::byte*>(detail::MemoryPool::instance().acquire(bytes))), bytes_(bytes) {
  if (data_ == nullptr) {
    detail::fail(ErrorCode::out_of_memory,
                 {"out of memory: a tensor of shape ", shape, " ", name_of(dtype), " needs ", bytes, " bytes, ",
                  memory_stats().live_bytes, " are in use by live tensors"});
  }
}

Storage::~Storage() { detail::MemoryPool::instance().release(data_, bytes_); }

MemoryStats memory_stats() noexcept { return detail::MemoryPool::instance().stats(); }
void reset_peak_memory() noexcept { detail::MemoryPool::instance().reset_peak(); }
void release_pooled_memory() noexcept { detail::MemoryPool::instance().release_free_buffers(); }

}  // namespace tinytorch
