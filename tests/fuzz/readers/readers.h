#pragma once

#include <cstddef>
#include <span>
#include <vector>

/// What must hold for every input of a reader, valid or not. Used by the libFuzzer programs, and by a Google Test over
/// the committed corpora. Each function throws std::logic_error where a property does not hold; whatever else comes out
/// of it, a crash included, is a fault of the library.
namespace tinytorch::fuzz {

using Input = std::span<const std::byte>;

/// Either Error(io), or tensors that are written and read again to the same names, shapes, types and bits. What is
/// written a second time has the same bytes.
void check_safetensors(Input input);
/// Either Error(io), or an array of the shape in the header whose elements are the rest of the file.
void check_idx(Input input);
/// Restored into a trainer. Either Error, and the trainer is what it was; or the trainer's own checkpoint is restored
/// to the same bytes, and it can go on.
void check_checkpoint(Input input);
/// A valid one, for the fuzzer to start from.
[[nodiscard]] std::vector<std::byte> sample_checkpoint();
/// Strings are written and read to the same; numbers and UTF-8 agree with a plain reference.
void check_json(Input input);

}  // namespace tinytorch::fuzz
