#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tinytorch/nn.h"
#include "tinytorch/tensor.h"

/// Model files in the safetensors format: an 8-byte length, a JSON header, the tensors' bytes.
namespace tinytorch::io {

struct TensorFile {
  std::vector<std::pair<std::string, Tensor>> tensors;        ///< by name, in the file's order
  std::vector<std::pair<std::string, std::string>> metadata;  ///< the header's `__metadata__`
};

/// Names must be unique, else Error(invalid_argument). The same content gives the same bytes.
[[nodiscard]] std::vector<std::byte> write_safetensors(const TensorFile& file);

/// Strict: offsets outside the file, overlapping or leaving gaps, sizes that do not fit shape and type, a header over
/// 100 MB or cut off, duplicate names, text that is not UTF-8 or not the JSON it should be are each Error(io) that
/// names what is wrong. Types F32, F64, I32, U8.
[[nodiscard]] TensorFile read_safetensors(std::span<const std::byte> bytes);

/// A module's parameters as PyTorch's state_dict has them: the weight of a Dense is [in, out] here and [out, in] in
/// the file, as in torch.nn.Linear, so that either side loads what the other saved.
[[nodiscard]] TensorFile state_dict(const nn::Module& module);

/// Fills the module from `file`. Names and shapes must be exactly the module's: Error(io) names the first that is
/// missing, left over or of another shape, and nothing is changed.
void load_state_dict(nn::Module& module, const TensorFile& file);

}  // namespace tinytorch::io
