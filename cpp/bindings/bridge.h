#pragma once

// How values cross between JavaScript and C++. Numbers are cheap to pass and everything else is dear, so an
// object is passed as an integer handle, and shapes and other small records go through one exchange buffer that
// both sides see.

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

#include "tinytorch/nn.h"
#include "tinytorch/tensor.h"

namespace tinytorch::bindings {

/// The address of a heap-allocated object that JavaScript owns: a Tensor, a shared_ptr to a layer, and so on. 0 as
/// a result means that the call failed and the error waits to be fetched; 0 as an argument means "none".
using Handle = std::uintptr_t;

/// What a function returns that has no handle to give.
inline constexpr Handle kDone = 1;

/// Numbers that travel beside a call's arguments and result. JavaScript reads and writes it as a Float64Array:
/// doubles hold every size exactly up to 2^53.
inline std::array<double, 1024> exchange{};
[[nodiscard]] Handle exchange_address();
void send(std::initializer_list<double> numbers);
/// The first `count` numbers as sizes.
[[nodiscard]] Dims received_dims(int count);
/// The first `count` numbers as tensors.
[[nodiscard]] std::vector<Tensor> received_tensors(int count);
/// Address of the elements of a contiguous tensor and their number, into exchange[0] and [1].
void send_elements(const Tensor& contiguous);
/// The same, counted as a write.
void send_elements_for_writing(Tensor& contiguous);

/// Keeps the exception that is being handled for JavaScript to fetch. Allocates nothing, because the exception
/// may be that there is no memory. Returns 0, the result of a call that failed.
Handle keep_current_exception() noexcept;
/// The kept error: ErrorCode n is n + 1, and 0 is an exception that is not the library's.
[[nodiscard]] int error_code();
[[nodiscard]] const char* error_text();

/// A text for JavaScript: its address, and its length in the exchange buffer's last place. Stays until the next one.
[[nodiscard]] const char* give_text(std::string_view text);
/// Room for JavaScript to write a text into, as UTF-8: two texts at most go into one call.
[[nodiscard]] Handle text_place(int which, double size);
[[nodiscard]] const std::string& received_text(int which);

/// A function that JavaScript can call. It finds all of them by name when a module is loaded and then calls them as
/// they are, by way of the function table: numbers in, a number out, with nothing in between. What else the result
/// says, its kind: a truth value, or a text.
struct Export {
  enum class Kind : int { plain, truth, text };
  const char* name = nullptr;  ///< null: the end of the table
  Kind kind = Kind::plain;
  void (*function)() = nullptr;
};
template <class Result, class... Arguments>
constexpr Export::Kind kind_of(Result (*)(Arguments...)) {
  if (std::is_same_v<Result, bool>) return Export::Kind::truth;
  return std::is_same_v<Result, const char*> ? Export::Kind::text : Export::Kind::plain;
}
/// A macro, because a cast in a function would make it code that runs, four kilobytes of it, instead of data.
#define TINYTORCH_ENTRY(name, ...) {name, kind_of(__VA_ARGS__), reinterpret_cast<void (*)()>(__VA_ARGS__)}
extern const Export exports[], exports_nn[], exports_train[];

/// Runs `body` and returns its handle, or 0 after keeping what it threw. Errors travel as a result and not as
/// an exception across the border: unwinding out of WebAssembly into JavaScript does not restore the stack
/// pointer, and reading a C++ exception there takes helpers that differ between versions of Emscripten.
template <class Body>
Handle guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    return keep_current_exception();
  }
}
/// The same for a body that gives nothing.
template <class Body>
Handle done(Body&& body) noexcept {
  return guarded([&] {
    body();
    return kDone;
  });
}

/// The object behind a handle, an object for JavaScript to own, and its end.
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

/// A file's content: JavaScript writes it at the address in exchange[0], or reads exchange[1] bytes from there.
using Bytes = std::vector<std::byte>;
[[nodiscard]] Handle give_bytes(Bytes bytes);

/// The JavaScript side of a number that C++ holds in 64 bits.
[[nodiscard]] inline std::uint64_t joined(unsigned low, unsigned high) {
  return low | static_cast<std::uint64_t>(high) << 32;
}

}  // namespace tinytorch::bindings
