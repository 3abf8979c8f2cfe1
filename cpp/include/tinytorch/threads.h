#pragma once

#include <exception>

namespace tinytorch {

/// Thrown in a wasm module by an operation that waits for a worker which has died. The worker may have been writing to
/// any memory of the operation, so nothing of the module can be used afterwards.
class WorkerLost : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override {
    return "a worker thread died in the middle of an operation: nothing of this module can be used any more; load() "
           "another";
  }
};

/// How many threads an operation may use, the calling one included. At first the number of processors this
/// program may run on; always 1 in a build without threads.
[[nodiscard]] int num_threads() noexcept;

/// Sets that number, clamped to 1 ... 64, and to 1 in a build without threads. Starts the workers that are missing;
/// workers above the number sleep. Results have the same bits for any number. Must not be called while an
/// operation runs.
void set_num_threads(int count) noexcept;

}  // namespace tinytorch
