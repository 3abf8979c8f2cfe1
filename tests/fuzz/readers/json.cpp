#include "io/json.h"

#include <optional>
#include <string>

#include "check.h"
#include "readers.h"

namespace tinytorch::fuzz {

namespace {

/// Whole numbers as JSON writes them, at most 2^63 - 1: compared as decimal text.
std::optional<std::int64_t> number_at_start(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const std::size_t end = std::min(text.find_first_not_of("0123456789", begin), text.size());
  const std::string digits(text.substr(begin, end - begin));
  if (digits.empty() || (digits.size() > 1 && digits[0] == '0')) return {};
  const std::string most = "9223372036854775807";
  if (digits.size() > most.size() || (digits.size() == most.size() && digits > most)) return {};
  return std::stoll(digits);
}

/// By the table of well-formed byte sequences in the Unicode standard (table 3-7).
bool is_well_formed(std::string_view text) {
  const auto in = [&](std::size_t i, int low, int high) {
    return i < text.size() && static_cast<unsigned char>(text[i]) >= low && static_cast<unsigned char>(text[i]) <= high;
  };
  for (std::size_t i = 0; i < text.size();) {
    const auto tail = [&](std::size_t k) { return in(i + k, 0x80, 0xBF); };
    if (in(i, 0x00, 0x7F))
      i += 1;
    else if (in(i, 0xC2, 0xDF) && tail(1))
      i += 2;
    else if (in(i, 0xE0, 0xE0) && in(i + 1, 0xA0, 0xBF) && tail(2))
      i += 3;
    else if (in(i, 0xED, 0xED) && in(i + 1, 0x80, 0x9F) && tail(2))
      i += 3;
    else if ((in(i, 0xE1, 0xEC) || in(i, 0xEE, 0xEF)) && tail(1) && tail(2))
      i += 3;
    else if (in(i, 0xF0, 0xF0) && in(i + 1, 0x90, 0xBF) && tail(2) && tail(3))
      i += 4;
    else if (in(i, 0xF1, 0xF3) && tail(1) && tail(2) && tail(3))
      i += 4;
    else if (in(i, 0xF4, 0xF4) && in(i + 1, 0x80, 0x8F) && tail(2) && tail(3))
      i += 4;
    else
      return false;
  }
  return true;
}

}  // namespace

void check_json(Input input) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  require(io::is_utf8(text) == is_well_formed(text), "UTF-8 is what the Unicode standard says");

  const std::string quoted = io::json_string(text);
  io::JsonReader written(quoted);
  require(written.string() == text, "a string that is written is read to the same");
  written.end();

  std::string read;
  if (accepts([&] { read = io::JsonReader(text).string(); }) && is_well_formed(text)) {
    require(io::is_utf8(read), "a string read from UTF-8 is UTF-8");
  }
  std::int64_t value = 0;
  const bool is_number = accepts([&] { value = io::JsonReader(text).unsigned_integer(); });
  const std::optional<std::int64_t> expected = number_at_start(text);
  require(is_number == expected.has_value(), "whole numbers from 0 to 2^63 - 1 are read, others are not");
  require(!is_number || value == *expected, "a number has the value that its digits say");
}

}  // namespace tinytorch::fuzz
