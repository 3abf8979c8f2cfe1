#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// What the reader and the writer of safetensors files agree on. The format: a little-endian 64-bit length n, n bytes
/// of JSON {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ..., "__metadata__":
/// {"key": "value"}}, then the data. The offsets count from the start of the data. Every byte of the data belongs to
/// one tensor.
namespace tinytorch::io {

inline constexpr std::size_t kLengthBytes = 8;
inline constexpr std::uint64_t kMaxHeader = 100'000'000;  ///< the format's own limit
inline constexpr std::string_view kMetadataKey = "__metadata__";
inline constexpr std::string_view kTypeNames[] = {"F32", "F64", "I32", "U8"};  ///< in the order of DType

}  // namespace tinytorch::io
