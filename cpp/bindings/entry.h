#pragma once

// How a call from JavaScript begins and ends. A call can end without returning: a stack overflow or a trap skips all
// frames, with their destructors, and leaves the stack pointer where it was. So every call starts from a known stack
// pointer and notices if an earlier call did not return.

#include <cstdint>
#include <type_traits>

namespace tinytorch::bindings {

/// Is in the module's table until JavaScript puts its own function there (Calls::stack_room).
std::int64_t any_room(int zero);

/// State that all calls from JavaScript share. Only the thread that loaded the module makes such calls.
struct Calls {
  std::uintptr_t stack_top = 0;  ///< the stack pointer when none of the module's functions runs
  std::uintptr_t running = 0;    ///< whether one runs
  /// Throws JavaScript's RangeError if the stack has little room left. The argument is always 0. JavaScript replaces
  /// any_room in the module's table by a function of its own (web/src/stack_room.ts).
  std::int64_t (*stack_room)(int) = any_room;
};
inline constinit Calls calls_state;

/// Keeps the error of a call that must not run, because an earlier one was cut off.
void keep_cut_off() noexcept;

asm(".globaltype __stack_pointer, i32");

/// The function that JavaScript calls for `Function`. It must have no stack frame, which moving the stack pointer would
/// break. So nothing may be inlined into it.
template <auto Function>
struct Entry;
template <class Result, class... Arguments, Result (*Function)(Arguments...)>
struct Entry<Function> {
  static Result call(Arguments... arguments) {
    asm volatile("local.get %0\n\tglobal.set __stack_pointer" : : "r"(calls_state.stack_top));
    if (calls_state.running) [[unlikely]] {
      keep_cut_off();
      return Result();
    }
    calls_state.stack_room(0);
    calls_state.running = 1;
    if constexpr (std::is_void_v<Result>) {
      [[clang::noinline]] Function(arguments...);
      calls_state.running = 0;
    } else {
      Result result;
      [[clang::noinline]] result = Function(arguments...);
      calls_state.running = 0;
      return result;
    }
  }
};

}  // namespace tinytorch::bindings
