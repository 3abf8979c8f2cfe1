#include "bridge.h"

#include <emscripten/stack.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <new>

#include "tinytorch/error.h"
#include "tinytorch/threads.h"

namespace tinytorch::bindings {
namespace {

int kept_code = 0;
std::array<char, 2048> kept_text{};
std::vector<Handle> long_list;
std::size_t kept_size = 0;

std::string own_text;      // the last text sent, if nothing else holds it, or the room for a received one
std::string_view current;  // what JavaScript reads or writes

/// Keeps as much of the text as there is room for. It is cut between two characters.
void keep(int code, std::string_view text) noexcept {
  constexpr std::string_view more = "...";
  kept_code = code;
  if (text.size() > kept_text.size()) {
    std::size_t length = kept_text.size() - more.size();
    while (length > 0 && (text[length] & 0xC0) == 0x80) --length;  // not within a character
    std::copy_n(more.begin(), more.size(), std::copy_n(text.begin(), length, kept_text.begin()));
    kept_size = length + more.size();
  } else {
    std::copy(text.begin(), text.end(), kept_text.begin());
    kept_size = text.size();
  }
}

}  // namespace

Handle receive_piece(int first, int count) {
  return done([=] {
    if (first == 0) long_list.clear();
    for (int i = 0; i < count; ++i) long_list.push_back(static_cast<Handle>(exchange[static_cast<std::size_t>(i)]));
  });
}

std::vector<Handle> received_handles(int count) {
  const auto size = static_cast<std::size_t>(count);
  if (size > exchange.size()) return std::exchange(long_list, {});
  std::vector<Handle> handles;
  for (std::size_t i = 0; i < size; ++i) handles.push_back(static_cast<Handle>(exchange[i]));
  return handles;
}

std::vector<Tensor> received_tensors(int count) {
  std::vector<Tensor> tensors;
  for (const Handle handle : received_handles(count)) tensors.push_back(tensor(handle));
  return tensors;
}

Handle give_bytes(Bytes bytes) {
  const Handle handle = give_object<Bytes>(std::move(bytes));
  send(kArray, {number(object<Bytes>(handle).data()), static_cast<double>(object<Bytes>(handle).size())});
  return handle;
}

Handle exchange_address() { return reinterpret_cast<Handle>(exchange.data()); }

std::int64_t to_integer(double number) noexcept {
  constexpr double limit = 0x1p63;  // the smallest number that does not fit
  if (!(number > -limit)) return number == number ? std::numeric_limits<std::int64_t>::min() : 0;
  return number < limit ? static_cast<std::int64_t>(number) : std::numeric_limits<std::int64_t>::max();
}

Dims received_dims(int count) {
  Dims dims;
  for (int i = 0; i < count; ++i) dims.push_back(to_integer(exchange[static_cast<std::size_t>(i)]));
  return dims;
}

void send_elements(const Tensor& t) {
  const auto count = static_cast<double>(t.numel());
  switch (t.dtype()) {
    case DType::float32: return send(kArray, {number(t.data<float>()), count});
    case DType::float64: return send(kArray, {number(t.data<double>()), count});
    case DType::int32: return send(kArray, {number(t.data<std::int32_t>()), count});
    case DType::uint8: return send(kArray, {number(t.data<std::uint8_t>()), count});
  }
}

void send_elements_for_writing(Tensor& t) {
  const auto count = static_cast<double>(t.numel());
  switch (t.dtype()) {
    case DType::float32: return send(kArray, {number(t.mutable_data<float>()), count});
    case DType::float64: return send(kArray, {number(t.mutable_data<double>()), count});
    case DType::int32: return send(kArray, {number(t.mutable_data<std::int32_t>()), count});
    case DType::uint8: return send(kArray, {number(t.mutable_data<std::uint8_t>()), count});
  }
}

Handle keep_current_exception() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    keep(number_of(error.code()), error.what());
  } catch (const WorkerLost& error) {
    keep(kFatal, error.what());
  } catch (const std::bad_alloc&) {
    keep(number_of(ErrorCode::out_of_memory), "out of memory");
  } catch (const std::exception& error) {
    keep(kForeign, error.what());
  } catch (...) {
    keep(kForeign, "an exception of an unknown type");
  }
  return 0;
}

void keep_cut_off() noexcept {
  keep(
      kFatal,
      "an earlier call was cut off in the middle, by a stack that overflowed or a fault: nothing of this module can be "
      "used any more; load() another");
}

int error_code() { return kept_code; }
std::int64_t any_room(int zero) { return zero; }

Text error_text() { return send_text(std::string_view(kept_text.data(), kept_size)); }

Text send_text(std::string_view lasting) {
  current = lasting;
  return Text{kDone};
}

Text send_text(std::string&& text) {
  own_text = std::move(text);
  return send_text(std::string_view(own_text));
}

Handle make_room_for_text(double size) {
  return done([=] { send_text(std::string(static_cast<std::size_t>(size), '\0')); });
}

std::string received_text() { return std::move(own_text); }

Handle text_address() { return reinterpret_cast<Handle>(current.data()); }
int text_size() { return static_cast<int>(current.size()); }

Handle calls_of_part(int part) {
  if (part == 0) calls_state.stack_top = emscripten_stack_get_current();
  const std::array tables{calls, calls_nn, calls_files, calls_train, calls_inspect};
  const auto index = static_cast<std::size_t>(part);
  return index < tables.size() ? reinterpret_cast<Handle>(tables[index]) : 0;
}

}  // namespace tinytorch::bindings
