#pragma once

// How values cross between JavaScript and C++. Numbers are cheap to pass, everything else is expensive. So an object is
// passed as an integer handle, and shapes and other small records go through one exchange buffer that both sides see.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "contract.h"
#include "entry.h"
#include "tinytorch/nn.h"
#include "tinytorch/tensor.h"

namespace tinytorch::bindings {

/// The address of a heap-allocated object that JavaScript owns: a Tensor, a shared_ptr to a layer, and so on. 0 as
/// a result means that the call failed and the error waits to be fetched; 0 as an argument means "none".
using Handle = std::uintptr_t;

/// The result of a function that succeeded and has no handle to return.
inline constexpr Handle kDone = 1;

/// The result of a function that sends a text: kDone, or 0 if it failed.
enum class Text : Handle {};

/// Numbers that travel beside a call's arguments and result. JavaScript reads and writes it as a Float64Array:
/// doubles hold every size exactly up to 2^53.
inline std::array<double, kExchangeLength> exchange{};
[[nodiscard]] Handle exchange_address();
/// Puts the numbers of a record into the exchange buffer, in the record's order.
template <std::size_t N>
void send(const Record<N>&, const double (&numbers)[N]) {
  std::copy_n(numbers, N, exchange.begin());
}
/// A number from JavaScript as an integer. Numbers out of range, infinities too, become the nearest limit, so that
/// Infinity still means "to the end". NaN becomes 0; web/src refuses it before.
[[nodiscard]] std::int64_t to_integer(double number) noexcept;
/// The first `count` numbers as sizes.
[[nodiscard]] Dims received_dims(int count);
/// Takes a piece of a list of handles that is longer than the exchange buffer. JavaScript sends the pieces, each in the
/// buffer, before the call that uses the list. `first` is the piece's place in the list; at 0 a new list begins.
[[nodiscard]] Handle receive_piece(int first, int count);
/// The handles that were sent for this call.
[[nodiscard]] std::vector<Handle> received_handles(int count);
/// The same as tensors.
[[nodiscard]] std::vector<Tensor> received_tensors(int count);
/// An address as a number that can be sent.
[[nodiscard]] inline double number(const void* address) {
  return static_cast<double>(reinterpret_cast<std::uintptr_t>(address));
}
/// Sends an `array`: the elements of a contiguous tensor.
void send_elements(const Tensor& contiguous);
/// The same, counted as a write.
void send_elements_for_writing(Tensor& contiguous);

/// Keeps the exception that is being handled for JavaScript to fetch. Allocates nothing, because the exception
/// may be that there is no memory. Returns 0, the result of a call that failed.
Handle keep_current_exception() noexcept;
/// The kept error's number: number_of() an ErrorCode, kForeign or kFatal.
[[nodiscard]] int error_code();
/// Sends the kept error's text.
Text error_text();

// Texts are UTF-8 in the module's memory.

/// Sends a text: JavaScript reads text_size() bytes at text_address(). The memory of `lasting` must last until then.
Text send_text(std::string_view lasting);
/// Sends a text that is kept here until the next one.
Text send_text(std::string&& text);
/// Makes room for a text of that many bytes, which JavaScript then writes at text_address().
Handle make_room_for_text(double size);
/// The text that JavaScript wrote. It is moved out, so its memory is not kept here.
[[nodiscard]] std::string received_text();
[[nodiscard]] Handle text_address();
[[nodiscard]] int text_size();

template <class Result, class... Arguments>
constexpr Gives gives(Result (*)(Arguments...)) {
  return std::is_same_v<Result, bool> ? Gives::truth : std::is_same_v<Result, Text> ? Gives::text : Gives::number;
}

/// A function whose arguments and result are numbers. JavaScript looks it up by name once, when a module is loaded, and
/// then calls it directly, through the module's function table.
struct Call {
  const char* name = nullptr;  ///< null: the end of the table
  void (*function)() = nullptr;
  Gives gives = Gives::number;
};
/// A macro: with a cast inside a function, code would have to fill the table at run time, which makes a module larger.
#define TINYTORCH_CALL(name, ...) \
  {name, reinterpret_cast<void (*)()>(Entry<__VA_ARGS__>::call), gives(Entry<__VA_ARGS__>::call)}
/// The same for a function that must also run after a call was cut off, such as one that tells of the error.
#define TINYTORCH_BARE_CALL(name, function) {name, reinterpret_cast<void (*)()>(function), gives(function)}
extern const Call calls[], calls_nn[], calls_files[], calls_train[], calls_inspect[];
/// The address of the table with that number, from 0; 0 after the last. Embind exports only this function; the tables
/// give the others. Embind's strings allocate memory without checking that there is any, and its calls take longer than
/// a small operation (docs/benchmarks.md, "Tried and lost").
[[nodiscard]] Handle calls_of_part(int part);

/// Runs `body` and returns its handle, or 0 after keeping what it threw. Errors cross as a result and not as an
/// exception: unwinding out of WebAssembly into JavaScript does not restore the stack pointer, and reading a C++
/// exception there takes helpers that differ between versions of Emscripten.
template <class Body>
auto guarded(Body&& body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    return decltype(body()){keep_current_exception()};
  }
}
/// The same for a body that returns nothing.
template <class Body>
Handle done(Body&& body) noexcept {
  return guarded([&] {
    body();
    return kDone;
  });
}

/// object() is the object behind a handle. give_object() makes an object that JavaScript owns; release() deletes it.
template <class T>
[[nodiscard]] T& object(Handle handle) {
  return *reinterpret_cast<T*>(handle);
}
template <class T>
[[nodiscard]] Handle give_object(T value) {
  return reinterpret_cast<Handle>(new T(std::move(value)));
}
template <class T>
void release(Handle handle) {
  delete reinterpret_cast<T*>(handle);
}

[[nodiscard]] inline Tensor& tensor(Handle handle) { return object<Tensor>(handle); }
[[nodiscard]] inline Tensor* optional_tensor(Handle handle) { return reinterpret_cast<Tensor*>(handle); }
[[nodiscard]] inline Tensor tensor_or_none(Handle handle) { return handle ? tensor(handle) : Tensor(); }
[[nodiscard]] inline nn::Module& module(Handle handle) { return *object<nn::ModulePtr>(handle); }
[[nodiscard]] inline Handle give(Tensor value) { return give_object<Tensor>(std::move(value)); }

/// A file's content. give_bytes() sends it as an `array`, which JavaScript writes or reads.
using Bytes = std::vector<std::byte>;
[[nodiscard]] Handle give_bytes(Bytes bytes);

/// A 64-bit number, which JavaScript sends as two halves.
[[nodiscard]] inline std::uint64_t joined(unsigned low, unsigned high) {
  return low | static_cast<std::uint64_t>(high) << 32;
}

}  // namespace tinytorch::bindings
