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

/// Makes a file that read_safetensors() and the format's own implementation can read. The header lists the tensors in
/// their order. The data begin on a multiple of 8 and each tensor on a multiple of its element's size, widest elements
/// first. The same content gives the same bytes. Throws Error(invalid_argument) for names or keys that repeat, a tensor
/// named `__metadata__`, text that is not UTF-8, a header over 100 MB or an undefined tensor; Error(overflow) or
/// Error(out_of_memory) for too much data.
[[nodiscard]] std::vector<std::byte> write_safetensors(const TensorFile& file);

/// Strict. Error(io) names what is wrong: offsets outside the file, overlaps or gaps, sizes that do not fit shape and
/// type, a header over 100 MB or cut off, duplicate names, text that is not UTF-8 or not the JSON it should be.
/// Types F32, F64, I32, U8; at most 8 axes. Error(overflow) or Error(out_of_memory) for a tensor that is too large for
/// this machine. Takes time in proportion to n log n for n names and entries of metadata.
[[nodiscard]] TensorFile read_safetensors(std::span<const std::byte> bytes);

/// A module's parameters as PyTorch's state_dict has them: the weight of a Dense is [in, out] here and [out, in] in
/// the file, as in torch.nn.Linear, so that either side loads what the other saved. A tensor that the module uses in
/// several places is in the file once, under its first name, as safetensors.torch.save_model() writes it.
[[nodiscard]] TensorFile state_dict(const nn::Module& module);
/// The same of a list of names (named_state()).
[[nodiscard]] TensorFile state_dict(const nn::NamedTensors& named);

/// Fills the module from `file`. Names and shapes must be exactly the module's: Error(io) names the first that is
/// missing, left over or of another shape, and nothing is changed. If a tensor has several names, the file may
/// have some or all of them, with the same elements.
void load_state_dict(nn::Module& module, const TensorFile& file);
void load_state_dict(const nn::NamedTensors& named, const TensorFile& file);

}  // namespace tinytorch::io
