#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tensor/check.h"

namespace tinytorch::io {

/// Reads the little JSON that a safetensors header is made of, and nothing else, strictly. Every failure is Error(io).
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) noexcept : text_(text) {}

  /// Skips white space; true, and past it, where `c` comes next.
  bool take(char c);
  void expect(char c);
  /// After an element of a list or object: true where another follows, false past the closing bracket.
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

/// `text` in quotes with what JSON wants escaped.
[[nodiscard]] std::string json_string(std::string_view text);

/// A name as error texts show it: its first 80 bytes at most.
[[nodiscard]] std::string shown(std::string_view name);

/// Whether the bytes are well-formed UTF-8: no stray or missing continuation, no overlong form, no surrogate.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace tinytorch::io
