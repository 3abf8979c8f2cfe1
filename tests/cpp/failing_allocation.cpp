// Replaces the allocators of the test program. The linker puts __wrap_aligned_alloc in place of aligned_alloc
// (tests/cpp/CMakeLists.txt).
#include "failing_allocation.h"

#include <cstdlib>
#include <new>

namespace {

thread_local std::int64_t until_failure = 0;  // 0: none
thread_local bool failed = false, retry_fails = false;

bool fails_now() noexcept {
  if (until_failure == 0 || --until_failure > 0) return false;
  return failed = true;
}

void* allocate_or_null(std::size_t bytes) noexcept {
  return fails_now() ? nullptr : std::malloc(bytes > 0 ? bytes : 1);
}

void* allocate(std::size_t bytes) {
  if (void* p = allocate_or_null(bytes)) return p;
  throw std::bad_alloc();
}

}  // namespace

namespace tinytorch::testing {

FailingAllocation::FailingAllocation(std::int64_t nth) noexcept {
  until_failure = nth;
  failed = retry_fails = false;
}
FailingAllocation::~FailingAllocation() {
  until_failure = 0;
  retry_fails = false;
}
bool FailingAllocation::happened() noexcept { return failed; }

}  // namespace tinytorch::testing

extern "C" void* __real_aligned_alloc(std::size_t alignment, std::size_t bytes);
extern "C" void* __wrap_aligned_alloc(std::size_t alignment, std::size_t bytes) {
  if (retry_fails) {
    retry_fails = false;
    return nullptr;
  }
  if (fails_now()) {
    retry_fails = true;
    return nullptr;
  }
  return __real_aligned_alloc(alignment, bytes);
}

void* operator new(std::size_t bytes) { return allocate(bytes); }
void* operator new[](std::size_t bytes) { return allocate(bytes); }
// Otherwise a sanitizer's own would be taken.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate_or_null(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return allocate_or_null(bytes); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
