#include "train/checksum.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tensor/storage.h"
#include "tensor/views.h"

namespace tinytorch::train {

namespace {

/// FNV-1a of 64 bits (Fowler, Noll, Vo).
class Checksum {
 public:
  void add(const void* data, std::size_t size) noexcept {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) hash_ = (hash_ ^ bytes[i]) * 0x100000001b3;
  }
  /// Adds the length first, so that two different lists of texts are never the same bytes.
  void add(std::string_view text) noexcept {
    const std::uint64_t size = text.size();
    add(&size, sizeof size);
    add(text.data(), text.size());
  }
  [[nodiscard]] std::string hex() const {
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[hash_ >> shift & 15];
    return text;
  }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace

std::string checksum(const io::TensorFile& file) {
  Checksum sum;
  for (const auto& [name, tensor] : file.tensors) {
    sum.add(name);
    sum.add(name_of(tensor.dtype()));
    sum.add(to_string(tensor.shape()));
    const Tensor dense = detail::row_major(tensor);
    sum.add(dense.impl()->bytes(), static_cast<std::size_t>(dense.numel()) * size_of(dense.dtype()));
  }
  for (const auto& [key, value] : file.metadata) {
    if (key == "checksum") continue;
    sum.add(key);
    sum.add(value);
  }
  return sum.hex();
}

}  // namespace tinytorch::train
