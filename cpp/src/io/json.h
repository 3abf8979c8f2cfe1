#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tensor/check.h"

namespace tinytorch::io {

/// A strict reader for the small part of JSON that a safetensors header uses. Every failure is Error(io).
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) noexcept : text_(text) {}

  /// Skips white space. If `c` comes next, moves past it and returns true.
  bool take(char c);
  void expect(char c);
  /// Call it after an element of a list or object. True if another element follows. At the closing bracket it moves
  /// past it and returns false.
  bool another(char close);
  [[nodiscard]] std::string string();
  [[nodiscard]] std::int64_t unsigned_integer();
  /// Throws unless only white space is left.
  void end();
  [[noreturn]] void fail(std::initializer_list<detail::TextPart> what) const;

 private:
  void skip_space() noexcept;
  [[nodiscard]] std::uint32_t hex4();

  std::string_view text_;
  std::size_t at_ = 0;
};

/// `text` as a JSON string: in quotes, with escapes.
[[nodiscard]] std::string json_string(std::string_view text);

/// A name as error texts show it: its first 80 bytes at most.
[[nodiscard]] std::string shown(std::string_view name);

/// Whether the bytes are well-formed UTF-8: no stray or missing continuation, no overlong form, no surrogate.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace tinytorch::io
