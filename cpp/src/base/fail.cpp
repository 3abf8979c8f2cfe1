#include "base/fail.h"

#include <cmath>
#include <limits>
#include <utility>

namespace tinytorch::detail {

std::string to_text(double value) {
  if (value != value) return "nan";
  std::string text = value < 0 ? "-" : "";
  if (value < 0) value = -value;
  if (value > 0 && value < 5e-7) return text + "a number below 1e-6";
  if (value >= 1e18) return text + (value > std::numeric_limits<double>::max() ? "infinity" : "a number above 1e18");
  // Not by printf, which would make a wasm module larger.
  const auto millionths = static_cast<std::uint64_t>(std::llround((value - std::floor(value)) * 1e6));
  const auto whole = static_cast<std::uint64_t>(value) + millionths / 1000000;
  text += std::to_string(whole);
  std::string decimals = std::to_string(1000000 + millionths % 1000000);
  decimals.erase(decimals.find_last_not_of('0') + 1);
  if (millionths % 1000000 == 0) return text;
  decimals[0] = '.';
  return text + decimals;
}

void fail(ErrorCode code, std::initializer_list<TextPart> parts) {
  std::string text;
  for (const TextPart& part : parts) {
    switch (part.kind) {
      case TextPart::Kind::text: text += part.text; break;
      case TextPart::Kind::integer: text += std::to_string(part.integer); break;
      case TextPart::Kind::real: text += to_text(part.real); break;
      case TextPart::Kind::dims: text += to_string(*part.dims); break;
    }
  }
  throw Error(code, std::move(text));
}

}  // namespace tinytorch::detail
