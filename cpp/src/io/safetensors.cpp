// The format: a little-endian 64-bit length n, n bytes of JSON {"name": {"dtype": "F32", "shape": [2, 3],
// "data_offsets": [begin, end]}, ..., "__metadata__": {"key": "value"}}, then the data, which the offsets count from.
#include <algorithm>
#include <cstring>

#include "io/json.h"
#include "tensor/check.h"
#include "tensor/storage.h"
#include "tinytorch/io.h"

namespace tinytorch::io {

namespace {

constexpr std::size_t length_bytes = 8;
constexpr std::uint64_t max_header = 100'000'000;  // the format's own limit

constexpr std::string_view type_names[] = {"F32", "F64", "I32", "U8"};  // in the order of DType

struct Entry {
  std::string name;
  DType dtype = DType::float32;
  Shape shape;
  std::int64_t begin = 0, end = 0;
};

/// Every failure that concerns one tensor says which.
[[noreturn]] void fail_tensor(const std::string& name, std::initializer_list<detail::TextPart> what) {
  try {
    detail::fail(ErrorCode::io, what);
  } catch (const Error& error) {
    detail::fail(ErrorCode::io, {"safetensors: tensor '", name, "': ", error.what()});
  }
}

DType read_type(JsonReader& json, const std::string& name) {
  const std::string type = json.string();
  for (std::size_t i = 0; i < std::size(type_names); ++i) {
    if (type == type_names[i]) return static_cast<DType>(i);
  }
  fail_tensor(name, {"type ", type, " is not one of F32, F64, I32, U8"});
}

Entry read_entry(JsonReader& json, std::string name) {
  Entry entry;
  entry.name = std::move(name);
  bool has_type = false, has_shape = false, has_offsets = false;
  json.expect('{');
  do {
    const std::string key = json.string();
    json.expect(':');
    bool* seen = key == "dtype"          ? &has_type
                 : key == "shape"        ? &has_shape
                 : key == "data_offsets" ? &has_offsets
                                         : nullptr;
    if (seen == nullptr) fail_tensor(entry.name, {"unknown key '", key, "'"});
    if (*seen) fail_tensor(entry.name, {"'", key, "' stands twice"});
    *seen = true;
    if (key == "dtype") {
      entry.dtype = read_type(json, entry.name);
    } else if (key == "shape") {
      json.expect('[');
      if (json.take(']')) continue;
      do {
        if (entry.shape.size() == Shape::max_rank) fail_tensor(entry.name, {"more than 8 axes"});
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
  if (!has_type || !has_shape || !has_offsets) fail_tensor(entry.name, {"needs dtype, shape and data_offsets"});
  return entry;
}

void read_metadata(JsonReader& json, TensorFile& file) {
  json.expect('{');
  if (json.take('}')) return;
  do {
    std::string key = json.string();
    json.expect(':');
    for (const auto& [name, value] : file.metadata) {
      if (name == key) detail::fail(ErrorCode::io, {"safetensors: metadata '", key, "' stands twice"});
    }
    std::string value = json.string();
    file.metadata.emplace_back(std::move(key), std::move(value));
  } while (json.another('}'));
}

std::vector<Entry> read_header(std::string_view text, TensorFile& file) {
  if (!is_utf8(text)) detail::fail(ErrorCode::io, {"safetensors: the header is not UTF-8"});
  if (text.empty() || text[0] != '{') detail::fail(ErrorCode::io, {"safetensors: the header does not start with '{'"});
  std::vector<Entry> entries;
  JsonReader json(text);
  json.expect('{');
  bool has_metadata = false;
  if (!json.take('}')) {
    do {
      std::string name = json.string();
      json.expect(':');
      if (name == "__metadata__") {
        if (has_metadata) detail::fail(ErrorCode::io, {"safetensors: __metadata__ stands twice"});
        has_metadata = true;
        read_metadata(json, file);
        continue;
      }
      entries.push_back(read_entry(json, std::move(name)));
    } while (json.another('}'));
  }
  json.end();
  return entries;
}

/// Heap sort: two orders by one piece of code, where std::sort would bring five kilobytes into a wasm module.
void sort(std::vector<const Entry*>& entries, bool (*before)(const Entry*, const Entry*)) {
  std::make_heap(entries.begin(), entries.end(), before);
  std::sort_heap(entries.begin(), entries.end(), before);
}

/// The entries' offsets must cut the data into pieces of the right sizes without gaps.
void check_layout(const std::vector<Entry>& entries, std::int64_t data_bytes) {
  std::vector<const Entry*> order;
  for (const Entry& entry : entries) order.push_back(&entry);
  sort(order, [](const Entry* a, const Entry* b) { return a->name < b->name; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (order[i]->name == order[i - 1]->name) fail_tensor(order[i]->name, {"stands twice"});
  }
  sort(order,
       [](const Entry* a, const Entry* b) { return a->begin != b->begin ? a->begin < b->begin : a->end < b->end; });
  std::int64_t at = 0;
  for (const Entry* entry : order) {
    std::int64_t bytes = static_cast<std::int64_t>(size_of(entry->dtype));
    bool fits = true;
    for (std::int64_t size : entry->shape) fits = !__builtin_mul_overflow(bytes, size, &bytes) && fits;
    if (entry->end < entry->begin || entry->end > data_bytes) {
      fail_tensor(entry->name,
                  {"its offsets ", Shape{entry->begin, entry->end}, " leave the ", data_bytes, " bytes of data"});
    }
    if (!fits || bytes != entry->end - entry->begin) {
      fail_tensor(entry->name, {"shape ", entry->shape, " of ", type_names[static_cast<std::size_t>(entry->dtype)],
                                " does not fit its ", entry->end - entry->begin, " bytes"});
    }
    if (entry->begin < at)
      fail_tensor(entry->name, {"its data, from byte ", entry->begin, ", overlap another tensor's"});
    if (entry->begin > at) fail_tensor(entry->name, {"a gap before its data, from byte ", at, " to ", entry->begin});
    at = entry->end;
  }
  if (at != data_bytes) {
    detail::fail(ErrorCode::io, {"safetensors: the tensors end at byte ", at, ", the data at ", data_bytes});
  }
}

}  // namespace

TensorFile read_safetensors(std::span<const std::byte> bytes) {
  if (bytes.size() < length_bytes) {
    detail::fail(ErrorCode::io, {"safetensors: ", bytes.size(), " bytes are too few for the header's length"});
  }
  std::uint64_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  if (length > max_header)
    detail::fail(ErrorCode::io,
                 {"safetensors: a header of ", static_cast<double>(length), " bytes, more than ", max_header});
  if (length > bytes.size() - length_bytes) {
    detail::fail(ErrorCode::io, {"safetensors: the header has ", length, " bytes, the file only ",
                                 bytes.size() - length_bytes, " behind its length: it is cut off"});
  }
  const auto header_bytes = static_cast<std::size_t>(length);
  TensorFile file;
  const std::vector<Entry> entries =
      read_header({reinterpret_cast<const char*>(bytes.data()) + length_bytes, header_bytes}, file);
  const std::span<const std::byte> data = bytes.subspan(length_bytes + header_bytes);
  check_layout(entries, static_cast<std::int64_t>(data.size()));
  for (const Entry& entry : entries) {
    Tensor tensor = Tensor::empty(entry.shape, entry.dtype);
    if (entry.end > entry.begin) {
      std::memcpy(tensor.impl()->bytes(), data.data() + entry.begin, static_cast<std::size_t>(entry.end - entry.begin));
    }
    file.tensors.emplace_back(entry.name, std::move(tensor));
  }
  return file;
}

std::vector<std::byte> write_safetensors(const TensorFile& file) {
  std::string header = "{";
  if (!file.metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : file.metadata) header += json_string(key) + ':' + json_string(value) + ',';
    header.back() = '}';
    header += ',';
  }
  std::int64_t at = 0;
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    const auto& [name, tensor] = file.tensors[i];
    detail::require_defined(tensor, "safetensors", name);
    for (std::size_t k = 0; k < i; ++k) {
      if (file.tensors[k].first == name) {
        detail::fail(ErrorCode::invalid_argument, {"safetensors: the name '", name, "' stands twice"});
      }
    }
    if (!is_utf8(name)) detail::fail(ErrorCode::invalid_argument, {"safetensors: a tensor's name is not UTF-8"});
    const std::int64_t end = at + tensor.numel() * static_cast<std::int64_t>(size_of(tensor.dtype()));
    header += json_string(name) + ":{\"dtype\":\"";
    header += type_names[static_cast<std::size_t>(tensor.dtype())];
    header += "\",\"shape\":" + to_string(tensor.shape()) + ",\"data_offsets\":" + to_string(Shape{at, end}) + "},";
    at = end;
  }
  if (header.back() == ',') header.pop_back();
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');  // the data start on a multiple of 8

  std::vector<std::byte> bytes(length_bytes + header.size() + static_cast<std::size_t>(at));
  std::uint64_t length = header.size();
  for (std::size_t i = 0; i < length_bytes; ++i, length >>= 8) bytes[i] = static_cast<std::byte>(length & 255);
  std::memcpy(bytes.data() + length_bytes, header.data(), header.size());
  std::byte* to = bytes.data() + length_bytes + header.size();
  for (const auto& [name, tensor] : file.tensors) {
    const Tensor dense = tensor.contiguous();
    const std::size_t count = static_cast<std::size_t>(dense.numel()) * size_of(dense.dtype());
    if (count > 0) std::memcpy(to, dense.impl()->bytes(), count);
    to += count;
  }
  return bytes;
}

}  // namespace tinytorch::io
