#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tinytorch/error.h"
#include "tinytorch/shape.h"

namespace tinytorch::detail {

/// A piece of an error's text. Only fail() turns the pieces into a string, which keeps the code of the many checks
/// small.
struct TextPart {
  enum class Kind : unsigned char { text, integer, real, dims };
  Kind kind;
  union {
    std::string_view text;
    std::int64_t integer;
    double real;
    const Dims* dims;
  };
  TextPart(const char* s) : kind(Kind::text), text(s) {}         // NOLINT(google-explicit-constructor)
  TextPart(std::string_view s) : kind(Kind::text), text(s) {}    // NOLINT(google-explicit-constructor)
  TextPart(const std::string& s) : kind(Kind::text), text(s) {}  // NOLINT(google-explicit-constructor)
  template <std::integral I>
  TextPart(I i) : kind(Kind::integer), integer(static_cast<std::int64_t>(i)) {}  // NOLINT(google-explicit-constructor)
  TextPart(double x) : kind(Kind::real), real(x) {}                              // NOLINT(google-explicit-constructor)
  TextPart(const Dims& d) : kind(Kind::dims), dims(&d) {}                        // NOLINT(google-explicit-constructor)
};
[[noreturn]] void fail(ErrorCode code, std::initializer_list<TextPart> parts);

/// `value` with up to six decimals, for error texts.
[[nodiscard]] std::string to_text(double value);

}  // namespace tinytorch::detail
