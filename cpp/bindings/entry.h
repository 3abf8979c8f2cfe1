#pragma once

// How a call from JavaScript begins and ends. JavaScript can leave the module without returning from it: a stack that
// overflows and a trap skip all frames, with their destructors, and leave the stack pointer where it was. So every
// call starts from a known stack pointer, and a call that did not end is noticed by the next one.

#include <cstdint>
#include <type_traits>

namespace tinytorch::bindings {

/// Stands in the table until JavaScript puts its own there.
std::int64_t any_room(int zero);

/// What calls from JavaScript share. Only the thread that loaded the module makes them.
struct Calls {
  std::uintptr_t stack_top = 0;  ///< the stack pointer when none of the module's functions runs
  std::uintptr_t running = 0;    ///< whether one runs
  /// Throws JavaScript's RangeError where the stack has little room left. Takes 0. JavaScript puts a function of its
  /// own (web/src/stack_room.ts) where the module's table has this one.
  std::int64_t (*stack_room)(int) = any_room;
};
inline constinit Calls calls_state;

/// Keeps the error of a call that must not run, because an earlier one was cut off.
void keep_cut_off() noexcept;

asm(".globaltype __stack_pointer, i32");

/// The function that JavaScript calls for `Function`. It has no frame of its own, or moving the stack pointer would
/// break it: so nothing may be inlined into it.
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
