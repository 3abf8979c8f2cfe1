#include <cstring>

#include "tensor/check.h"
#include "tinytorch/data.h"

namespace tinytorch::data {

// Two zero bytes, the element type (8: unsigned byte), the number of axes, then each size as a big-endian 32-bit
// number, then the elements in row-major order.
Tensor read_idx(std::span<const std::byte> file) {
  const auto byte = [&](std::size_t i) { return std::to_integer<std::uint32_t>(file[i]); };
  if (file.size() < 4) detail::fail(ErrorCode::io, {"idx: ", file.size(), " bytes are too few for a header"});
  if (byte(0) != 0 || byte(1) != 0) detail::fail(ErrorCode::io, {"idx: not an IDX file: it must start with two zeros"});
  if (byte(2) != 8) detail::fail(ErrorCode::io, {"idx: element type ", byte(2), ", only 8 (unsigned bytes) is read"});
  const std::size_t axes = byte(3), header = 4 + 4 * axes;
  if (axes < 1 || axes > Shape::kMaxRank) detail::fail(ErrorCode::io, {"idx: ", axes, " axes, 1 to 8 are read"});
  if (file.size() < header) {
    detail::fail(ErrorCode::io, {"idx: a header of ", axes, " axes has ", header, " bytes, the file ", file.size()});
  }
  Shape shape;
  std::uint64_t count = 1;
  bool fits = true;
  for (std::size_t i = 0; i < axes; ++i) {
    const std::size_t at = 4 + 4 * i;
    const std::uint32_t size = byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
    shape.push_back(size);
    fits = !__builtin_mul_overflow(count, std::uint64_t{size}, &count) && fits;
  }
  if (!fits || count != file.size() - header) {
    detail::fail(ErrorCode::io,
                 {"idx: shape ", shape, " does not fit the ", file.size() - header, " bytes behind the header"});
  }
  Tensor result = Tensor::empty(shape, DType::uint8);
  if (count > 0)
    std::memcpy(result.mutable_data<std::uint8_t>(), file.data() + header, static_cast<std::size_t>(count));
  return result;
}

}  // namespace tinytorch::data
