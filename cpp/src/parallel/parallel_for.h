#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "tinytorch/threads.h"

namespace tinytorch::detail {

/// A borrowed callable `fn(begin, end, thread)`: two words, no allocation. Must not outlive what it borrows.
class RangeFunction {
 public:
  template <class F, class = std::enable_if_t<!std::is_same_v<std::remove_cvref_t<F>, RangeFunction>>>
  RangeFunction(F&& fn) noexcept  // NOLINT(google-explicit-constructor): lambdas are passed as they are
      : object_(const_cast<void*>(static_cast<const void*>(&fn))),
        call_([](void* object, std::size_t begin, std::size_t end, std::size_t thread) {
          auto& f = *static_cast<std::remove_reference_t<F>*>(object);
          if constexpr (std::is_invocable_v<F&, std::size_t, std::size_t, std::size_t>) {
            f(begin, end, thread);
          } else {
            f(begin, end);
          }
        }) {}

  void operator()(std::size_t begin, std::size_t end, std::size_t thread) const { call_(object_, begin, end, thread); }

 private:
  void* object_;
  void (*call_)(void*, std::size_t, std::size_t, std::size_t);
};

#if TINYTORCH_THREADS
/// Announces a job and returns whether parallel_for() makes it faster. False for a job that is not `large` while all
/// workers sleep, because waking one would take as long as the job. But true after a few such jobs in quick succession:
/// the workers are then awake for the jobs that follow. Call it only from the thread that runs the operations.
bool announce_job(bool large);

/// Runs fn for `chunks` chunks on the pool. False, with nothing done, if the pool is busy (with a nested call, or for
/// another thread) or there are too many chunks.
bool run_on_pool(std::size_t count, std::size_t grain, std::size_t chunks, RangeFunction fn);
#else
inline bool announce_job(bool) { return false; }
#endif

/// Calls `fn(begin, end)` or `fn(begin, end, thread)` for the chunks [0, grain), [grain, 2 grain), ... of
/// [0, count), the last one cut at count, on as many threads as num_threads() says, the caller among them,
/// and returns when all are done. `thread` is below num_threads() and names scratch space: no two chunks run
/// at once under one number.
///
/// The chunks are the same for any number of threads; which thread takes which chunk is decided at run time. So results
/// have the same bits for any number of threads if the chunks write to different places. `fn` must not throw. Nested
/// calls, and calls while another thread uses the pool, run inline.
inline void parallel_for(std::size_t count, std::size_t grain, RangeFunction fn) {
  grain = std::max<std::size_t>(grain, 1);
#if TINYTORCH_THREADS
  if (count > grain && num_threads() > 1) {
    const std::size_t chunks = count / grain + (count % grain != 0);
    if (run_on_pool(count, grain, chunks, fn)) return;
  }
#endif
  for (std::size_t begin = 0; begin < count;) {
    const std::size_t end = count - begin > grain ? begin + grain : count;
    fn(begin, end, 0);
    begin = end;
  }
}

}  // namespace tinytorch::detail
