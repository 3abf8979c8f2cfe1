#include <algorithm>
#include <cstring>

#include "io/json.h"
#include "io/names.h"
#include "io/safetensors.h"
#include "tensor/check.h"
#include "tensor/storage.h"
#include "tinytorch/io.h"

namespace tinytorch::io {

namespace {

/// What the header says of a tensor.
struct Entry {
  DType dtype = DType::float32;
  Shape shape;
  std::int64_t begin = 0, end = 0;
};
using Named = std::pair<std::string, Entry>;

/// Throws Error(io) that names the tensor.
[[noreturn]] void fail_tensor(const std::string& name, std::initializer_list<detail::TextPart> what) {
  try {
    detail::fail(ErrorCode::io, what);
  } catch (const Error& error) {
    detail::fail(ErrorCode::io, {"safetensors: tensor '", shown(name), "': ", error.what()});
  }
}

DType read_type(JsonReader& json, const std::string& name) {
  const std::string type = json.string();
  for (std::size_t i = 0; i < std::size(kTypeNames); ++i) {
    if (type == kTypeNames[i]) return static_cast<DType>(i);
  }
  fail_tensor(name, {"type ", shown(type), " is not one of F32, F64, I32, U8"});
}

Entry read_entry(JsonReader& json, const std::string& name) {
  Entry entry;
  bool has_type = false, has_shape = false, has_offsets = false;
  json.expect('{');
  do {
    const std::string key = json.string();
    json.expect(':');
    bool* seen = key == "dtype"          ? &has_type
                 : key == "shape"        ? &has_shape
                 : key == "data_offsets" ? &has_offsets
                                         : nullptr;
    if (seen == nullptr) fail_tensor(name, {"unknown key '", shown(key), "'"});
    if (*seen) fail_tensor(name, {"'", key, "' is there twice"});
    *seen = true;
    if (key == "dtype") {
      entry.dtype = read_type(json, name);
    } else if (key == "shape") {
      json.expect('[');
      if (json.take(']')) continue;
      do {
        if (entry.shape.size() == Shape::kMaxRank) fail_tensor(name, {"more than 8 axes"});
        entry.shape.push_back(json.unsigned_integer());
      } while (json.another(']'));
    } else {
      json.expect('[');
      entry.begin = json.unsigned_integer();
      json.expect(',');
      entry.end = json.unsigned_integer();
      json.expect(']');
    }
  } while (json.another('}'));
  if (!has_type || !has_shape || !has_offsets) fail_tensor(name, {"needs dtype, shape and data_offsets"});
  return entry;
}

void read_metadata(JsonReader& json, TensorFile& file) {
  json.expect('{');
  if (json.take('}')) return;
  do {
    std::string key = json.string();
    json.expect(':');
    std::string value = json.string();
    file.metadata.emplace_back(std::move(key), std::move(value));
  } while (json.another('}'));
  if (const std::string* key = NameIndex(file.metadata).repeated()) {
    detail::fail(ErrorCode::io, {"safetensors: metadata '", shown(*key), "' is there twice"});
  }
}

std::vector<Named> read_header(std::string_view text, TensorFile& file) {
  if (!is_utf8(text)) detail::fail(ErrorCode::io, {"safetensors: the header is not UTF-8"});
  if (text.empty() || text[0] != '{') detail::fail(ErrorCode::io, {"safetensors: the header does not start with '{'"});
  std::vector<Named> entries;
  JsonReader json(text);
  json.expect('{');
  bool has_metadata = false;
  if (!json.take('}')) {
    do {
      std::string name = json.string();
      json.expect(':');
      if (name == kMetadataKey) {
        if (has_metadata) detail::fail(ErrorCode::io, {"safetensors: __metadata__ is there twice"});
        has_metadata = true;
        read_metadata(json, file);
        continue;
      }
      Entry entry = read_entry(json, name);
      entries.emplace_back(std::move(name), entry);
    } while (json.another('}'));
  }
  json.end();
  return entries;
}

/// The bytes of the tensor's elements, or -1 if the product of the sizes overflows. If a size is 0, the product of the
/// other sizes must not overflow either, because strides are such products.
std::int64_t bytes_of(const Entry& entry) {
  auto bytes = static_cast<std::int64_t>(size_of(entry.dtype));
  bool empty = false;
  for (const std::int64_t size : entry.shape) {
    if (size == 0)
      empty = true;
    else if (__builtin_mul_overflow(bytes, size, &bytes))
      return -1;
  }
  return empty ? 0 : bytes;
}

/// Checks that the entries' offsets cut the data into pieces of the right sizes without gaps.
void check_layout(const std::vector<Named>& entries, std::int64_t data_bytes) {
  if (const std::string* name = NameIndex(entries).repeated()) fail_tensor(*name, {"is there twice"});
  std::vector<const Named*> order;
  order.reserve(entries.size());
  for (const Named& named : entries) order.push_back(&named);
  const auto before = [](const Named* a, const Named* b) {
    const Entry &x = a->second, &y = b->second;
    return x.begin != y.begin ? x.begin < y.begin : x.end < y.end;
  };
  std::make_heap(order.begin(), order.end(), before);  // heap sort, as in names.cpp
  std::sort_heap(order.begin(), order.end(), before);
  std::int64_t at = 0;
  for (const Named* named : order) {
    const auto& [name, entry] = *named;
    if (entry.end < entry.begin || entry.end > data_bytes) {
      fail_tensor(name, {"its offsets ", Shape{entry.begin, entry.end}, " leave the ", data_bytes, " bytes of data"});
    }
    if (bytes_of(entry) != entry.end - entry.begin) {
      fail_tensor(name, {"shape ", entry.shape, " of ", kTypeNames[static_cast<std::size_t>(entry.dtype)],
                         " does not fit its ", entry.end - entry.begin, " bytes"});
    }
    if (entry.begin < at) fail_tensor(name, {"its data, from byte ", entry.begin, ", overlap another tensor's"});
    if (entry.begin > at) fail_tensor(name, {"a gap before its data, from byte ", at, " to ", entry.begin});
    at = entry.end;
  }
  if (at != data_bytes) {
    detail::fail(ErrorCode::io, {"safetensors: the tensors end at byte ", at, ", the data at ", data_bytes});
  }
}

}  // namespace

TensorFile read_safetensors(std::span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes) {
    detail::fail(ErrorCode::io, {"safetensors: ", bytes.size(), " bytes are too few for the header's length"});
  }
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  if (length > kMaxHeader)
    detail::fail(ErrorCode::io,
                 {"safetensors: a header of ", static_cast<double>(length), " bytes, more than ", kMaxHeader});
  if (length > bytes.size() - kLengthBytes) {
    detail::fail(ErrorCode::io, {"safetensors: the header has ", length, " bytes, the file only ",
                                 bytes.size() - kLengthBytes, " behind its length: it is cut off"});
  }
  const auto header_bytes = static_cast<std::size_t>(length);
  TensorFile file;
  const std::vector<Named> entries =
      read_header({reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, header_bytes}, file);
  const std::span<const std::byte> data = bytes.subspan(kLengthBytes + header_bytes);
  check_layout(entries, static_cast<std::int64_t>(data.size()));
  for (const auto& [name, entry] : entries) {
    Tensor tensor = Tensor::empty(entry.shape, entry.dtype);
    if (entry.end > entry.begin) {
      std::memcpy(tensor.impl()->bytes(), data.data() + entry.begin, static_cast<std::size_t>(entry.end - entry.begin));
    }
    file.tensors.emplace_back(name, std::move(tensor));
  }
  return file;
}

}  // namespace tinytorch::io
