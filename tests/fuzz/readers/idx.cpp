#include <cstring>

#include "check.h"
#include "readers.h"
#include "tinytorch/data.h"

namespace tinytorch::fuzz {

void check_idx(Input input) {
  Tensor array;
  if (!accepts([&] { array = data::read_idx(input); })) return;
  const auto byte = [&](std::size_t i) { return std::to_integer<std::uint32_t>(input[i]); };
  require(array.dtype() == DType::uint8, "the elements are bytes");
  require(byte(0) == 0 && byte(1) == 0 && byte(2) == 8 && byte(3) == array.ndim(), "the header says so");
  for (std::size_t i = 0; i < array.ndim(); ++i) {
    std::uint32_t size = 0;
    for (std::size_t k = 0; k < 4; ++k) size = size << 8 | byte(4 + 4 * i + k);
    require(array.shape()[i] == size, "the shape is the header's");
  }
  const Input rest = input.subspan(4 + 4 * array.ndim());
  require(static_cast<std::size_t>(array.numel()) == rest.size(), "every byte is an element");
  require(rest.empty() || std::memcmp(array.data<std::uint8_t>(), rest.data(), rest.size()) == 0,
          "the elements are the file's bytes");
}

}  // namespace tinytorch::fuzz
