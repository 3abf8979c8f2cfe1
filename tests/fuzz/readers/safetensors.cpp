#include <cstring>

#include "check.h"
#include "readers.h"
#include "tensor/storage.h"
#include "tinytorch/io.h"

namespace tinytorch::fuzz {

namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         (a.numel() == 0 || std::memcmp(a.impl()->bytes(), b.impl()->bytes(),
                                        static_cast<std::size_t>(a.numel()) * size_of(a.dtype())) == 0);
}

}  // namespace

void check_safetensors(Input input) {
  io::TensorFile first;
  if (!accepts([&] { first = io::read_safetensors(input); })) return;
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : first.tensors) {
    bytes += static_cast<std::size_t>(tensor.numel()) * size_of(tensor.dtype());
  }
  require(bytes <= input.size(), "the tensors have no more bytes than the file");

  const std::vector<std::byte> written = io::write_safetensors(first);
  const io::TensorFile second = io::read_safetensors(written);
  require(second.metadata == first.metadata, "metadata come back");
  require(second.tensors.size() == first.tensors.size(), "all tensors come back");
  for (std::size_t i = 0; i < first.tensors.size(); ++i) {
    require(second.tensors[i].first == first.tensors[i].first, "names come back in their order");
    require(same_bits(second.tensors[i].second, first.tensors[i].second), "tensors come back bit by bit");
  }
  require(io::write_safetensors(second) == written, "the same content gives the same bytes");
}

}  // namespace tinytorch::fuzz
