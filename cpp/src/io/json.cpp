#include "io/json.h"

namespace tinytorch::io {

namespace {

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 63));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 63));
    put(0x80 | (c & 63));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 63));
    put(0x80 | (c >> 6 & 63));
    put(0x80 | (c & 63));
  }
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) continue;
    const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4) return false;
    std::uint32_t c = lead & (0x3Fu >> more);
    for (int k = 0; k < more; ++k) {
      if (i == text.size()) return false;
      const auto next = static_cast<unsigned char>(text[i++]);
      if ((next & 0xC0) != 0x80) return false;
      c = c << 6 | (next & 63);
    }
    constexpr std::uint32_t lowest[] = {0, 0x80, 0x800, 0x10000};
    if (c < lowest[more] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return false;
  }
  return true;
}

void JsonReader::fail(std::initializer_list<detail::TextPart> what) const {
  try {
    detail::fail(ErrorCode::io, what);
  } catch (const Error& error) {
    detail::fail(ErrorCode::io, {"safetensors: header, byte ", at_, ": ", error.what()});
  }
}

void JsonReader::skip_space() noexcept {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
    ++at_;
  }
}

bool JsonReader::take(char c) {
  skip_space();
  if (at_ == text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

void JsonReader::expect(char c) {
  if (!take(c)) fail({"'", std::string_view(&c, 1), "' is missing"});
}

bool JsonReader::another(char close) {
  if (take(close)) return false;
  expect(',');
  return true;
}

void JsonReader::end() {
  skip_space();
  if (at_ != text_.size()) fail({"text behind the end"});
}

std::uint32_t JsonReader::hex4() {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at_ < text_.size() ? text_[at_] : ' ';
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) fail({"a \\u escape needs four hexadecimal digits"});
    value = value << 4 | static_cast<std::uint32_t>(digit);
    ++at_;
  }
  return value;
}

std::string JsonReader::string() {
  expect('"');
  std::string result;
  for (;;) {
    if (at_ == text_.size()) fail({"a string does not end"});
    const char c = text_[at_++];
    if (c == '"') return result;
    if (static_cast<unsigned char>(c) < 0x20) fail({"a control character in a string"});
    if (c != '\\') {
      result += c;
      continue;
    }
    constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const char escaped = at_ < text_.size() ? text_[at_++] : ' ';
    if (const std::size_t place = names.find(escaped); place != names.npos) {
      result += meanings[place];
    } else if (escaped == 'u') {
      std::uint32_t code = hex4();
      if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
        at_ += 2;
        const std::uint32_t low = hex4();
        if (low < 0xDC00 || low > 0xDFFF) fail({"half a surrogate pair"});
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else if (code >= 0xD800 && code < 0xE000) {
        fail({"half a surrogate pair"});
      }
      append_utf8(result, code);
    } else {
      fail({"an unknown escape"});
    }
  }
}

std::int64_t JsonReader::unsigned_integer() {
  skip_space();
  const std::size_t start = at_;
  std::int64_t value = 0;
  while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
    if (__builtin_mul_overflow(value, std::int64_t{10}, &value) ||
        __builtin_add_overflow(value, std::int64_t{text_[at_] - '0'}, &value)) {
      fail({"a number is too large"});
    }
    ++at_;
  }
  if (at_ == start) fail({"a whole number from 0 on is expected"});
  if (at_ - start > 1 && text_[start] == '0') fail({"a number starts with 0"});
  return value;
}

std::string shown(std::string_view name) {
  std::size_t size = 80;
  if (name.size() <= size) return std::string(name);
  while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xC0) == 0x80) --size;  // not within a character
  return std::string(name.substr(0, size)) + "...";
}

std::string json_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20) {
      constexpr char digits[] = "0123456789abcdef";
      result += "\\u00";
      result += digits[code >> 4];
      result += digits[code & 15];
    } else {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
  }
  return result + '"';
}

}  // namespace tinytorch::io
