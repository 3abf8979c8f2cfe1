#pragma once

// A thread that is started once and waited for at the end. In a wasm module it is a pthread, because std::thread would
// add error categories and printf to the download.
#ifdef __EMSCRIPTEN__
#include <emscripten/threading.h>
#include <pthread.h>
#else
#include <system_error>
#include <thread>
#endif

namespace tinytorch::detail {

class Thread {
 public:
  using Main = void (*)(void*);

  /// Runs main(argument) in a new thread; false if the system cannot start one.
  [[nodiscard]] bool start(Main main, void* argument) noexcept;
  /// Waits for the end of a thread that was started.
  void join() noexcept;
  /// How many threads the machine can run at once; 0 where that is not known.
  [[nodiscard]] static int processors() noexcept;

 private:
#ifdef __EMSCRIPTEN__
  Main main_ = nullptr;
  void* argument_ = nullptr;
  pthread_t handle_{};
#else
  std::thread thread_;
#endif
};

#ifdef __EMSCRIPTEN__
inline bool Thread::start(Main main, void* argument) noexcept {
  main_ = main;
  argument_ = argument;
  const auto run = [](void* self) -> void* {
    static_cast<Thread*>(self)->main_(static_cast<Thread*>(self)->argument_);
    return nullptr;
  };
  return pthread_create(&handle_, nullptr, run, this) == 0;
}
inline void Thread::join() noexcept { pthread_join(handle_, nullptr); }
inline int Thread::processors() noexcept { return emscripten_num_logical_cores(); }
#else
inline bool Thread::start(Main main, void* argument) noexcept {
  try {
    thread_ = std::thread(main, argument);
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}
inline void Thread::join() noexcept { thread_.join(); }
inline int Thread::processors() noexcept { return static_cast<int>(std::thread::hardware_concurrency()); }
#endif

}  // namespace tinytorch::detail
