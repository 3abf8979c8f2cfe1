#pragma once

#include <string>

#include "tinytorch/io.h"

namespace tinytorch::train {

/// Of a file's names, types, shapes, elements and metadata, but for the metadata's own `checksum`: 16 hexadecimal
/// digits.
[[nodiscard]] std::string checksum(const io::TensorFile& file);

}  // namespace tinytorch::train
