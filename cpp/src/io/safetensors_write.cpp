#include <cstring>
#include <limits>
#include <new>

#include "io/json.h"
#include "io/names.h"
#include "io/safetensors.h"
#include "tensor/check.h"
#include "tensor/storage.h"
#include "tensor/views.h"
#include "tinytorch/io.h"

namespace tinytorch::io {

namespace {

[[noreturn]] void refuse(std::initializer_list<detail::TextPart> what) {
  try {
    detail::fail(ErrorCode::invalid_argument, what);
  } catch (const Error& error) {
    detail::fail(ErrorCode::invalid_argument, {"safetensors: ", error.what()});
  }
}

/// Applies the reader's rules to names and metadata, so that no file is written that it would refuse.
void check_texts(const TensorFile& file) {
  for (const auto& [key, value] : file.metadata) {
    if (!is_utf8(key)) refuse({"a key of the metadata is not UTF-8"});
    if (!is_utf8(value)) refuse({"the metadata '", shown(key), "' are not UTF-8"});
  }
  for (const auto& [name, tensor] : file.tensors) {
    if (!is_utf8(name)) refuse({"a tensor's name is not UTF-8"});
    if (name == kMetadataKey) refuse({"the name '", name, "' is the format's own, for metadata"});
    if (!tensor.defined()) refuse({"tensor '", shown(name), "' is undefined"});
  }
  if (const std::string* key = NameIndex(file.metadata).repeated())
    refuse({"the metadata '", shown(*key), "' stand twice"});
  if (const std::string* name = NameIndex(file.tensors).repeated())
    refuse({"the name '", shown(*name), "' is there twice"});
}

std::size_t bytes_of(const Tensor& tensor) {
  return static_cast<std::size_t>(tensor.numel()) * size_of(tensor.dtype());
}

/// Where each tensor's data begin. The widest elements come first, so that each tensor begins on a multiple of its
/// element's size without gaps. Tensors of the same width keep the file's order. `total` becomes the bytes of all data.
std::vector<std::int64_t> places(const TensorFile& file, std::int64_t& total) {
  std::vector<std::int64_t> begins(file.tensors.size());
  total = 0;
  for (const std::size_t width : {std::size_t{8}, std::size_t{4}, std::size_t{1}}) {
    for (std::size_t i = 0; i < begins.size(); ++i) {
      const Tensor& tensor = file.tensors[i].second;
      if (size_of(tensor.dtype()) != width) continue;
      begins[i] = total;
      // An expanded view may be far larger than its storage.
      if (__builtin_add_overflow(total, static_cast<std::int64_t>(bytes_of(tensor)), &total) ||
          total > std::numeric_limits<std::ptrdiff_t>::max() - static_cast<std::int64_t>(2 * kMaxHeader)) {
        detail::fail(ErrorCode::overflow, {"safetensors: the data do not fit into the address space"});
      }
    }
  }
  return begins;
}

std::string header_of(const TensorFile& file, const std::vector<std::int64_t>& begins) {
  std::string header = "{";
  const auto add = [&](std::string_view key, const std::string& value) {
    header += json_string(key);
    header += ':';
    header += value;
    header += ',';
    if (header.size() > kMaxHeader) refuse({"a header of more than ", kMaxHeader, " bytes, the format's limit"});
  };
  if (!file.metadata.empty()) {
    header += json_string(kMetadataKey) + ":{";
    for (const auto& [key, value] : file.metadata) add(key, json_string(value));
    header.back() = '}';
    header += ',';
  }
  for (std::size_t i = 0; i < begins.size(); ++i) {
    const auto& [name, tensor] = file.tensors[i];
    const std::int64_t end = begins[i] + static_cast<std::int64_t>(bytes_of(tensor));
    std::string entry = "{\"dtype\":\"";
    entry += kTypeNames[static_cast<std::size_t>(tensor.dtype())];
    entry +=
        "\",\"shape\":" + to_string(tensor.shape()) + ",\"data_offsets\":" + to_string(Shape{begins[i], end}) + "}";
    add(name, entry);
  }
  if (header.back() == ',') header.pop_back();
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');  // the data begin on a multiple of 8
  if (header.size() > kMaxHeader) refuse({"a header of more than ", kMaxHeader, " bytes, the format's limit"});
  return header;
}

std::vector<std::byte> zeros(std::size_t size) {
  try {
    return std::vector<std::byte>(size);
  } catch (const std::bad_alloc&) {
    detail::fail(ErrorCode::out_of_memory, {"safetensors: no memory for a file of ", size, " bytes"});
  }
}

}  // namespace

std::vector<std::byte> write_safetensors(const TensorFile& file) {
  check_texts(file);
  std::int64_t data_bytes = 0;
  const std::vector<std::int64_t> begins = places(file, data_bytes);
  const std::string header = header_of(file, begins);

  std::vector<std::byte> bytes = zeros(kLengthBytes + header.size() + static_cast<std::size_t>(data_bytes));
  std::uint64_t length = header.size();
  for (std::size_t i = 0; i < kLengthBytes; ++i, length >>= 8) bytes[i] = static_cast<std::byte>(length & 255);
  std::memcpy(bytes.data() + kLengthBytes, header.data(), header.size());
  std::byte* const data = bytes.data() + kLengthBytes + header.size();
  for (std::size_t i = 0; i < begins.size(); ++i) {
    const Tensor dense = detail::row_major(file.tensors[i].second);
    if (dense.numel() > 0) std::memcpy(data + begins[i], dense.impl()->bytes(), bytes_of(dense));
  }
  return bytes;
}

}  // namespace tinytorch::io
