#pragma once

#include <string>

#include "tinytorch/io.h"

namespace tinytorch::train {

/// The checksum, 16 hexadecimal digits, of a file's names, types, shapes, elements and metadata, except for the
/// metadata's entry `checksum` itself.
[[nodiscard]] std::string checksum(const io::TensorFile& file);

}  // namespace tinytorch::train
