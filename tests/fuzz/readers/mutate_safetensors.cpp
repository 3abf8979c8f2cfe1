// libFuzzer's own mutations nearly always break the length, the JSON or the sum of the offsets. These change one thing
// of a safetensors file and keep the rest in order, so that the checks behind the first are reached.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "readers.h"
#include "tinytorch/io.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using Random = std::minstd_rand;

std::size_t below(Random& random, std::size_t bound) { return bound == 0 ? 0 : random() % bound; }

struct File {
  std::string header, data;
};

File cut(const std::uint8_t* bytes, std::size_t size) {
  if (size < 8) return {"{}", ""};
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | bytes[i];
  const std::size_t header = std::min<std::uint64_t>(length, size - 8);
  const char* text = reinterpret_cast<const char*>(bytes) + 8;
  return {std::string(text, header), std::string(text + header, size - 8 - header)};
}

std::size_t join(const File& file, std::uint8_t* bytes, std::size_t max_size) {
  const std::size_t header = std::min(file.header.size(), max_size - 8);
  const std::size_t data = std::min(file.data.size(), max_size - 8 - header);
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(std::uint64_t{header} >> (8 * i));
  std::memcpy(bytes + 8, file.header.data(), header);
  std::memcpy(bytes + 8 + header, file.data.data(), data);
  return 8 + header + data;
}

/// A piece of the header: [begin, end).
struct Piece {
  std::size_t begin, end;
};

std::vector<Piece> numbers(const std::string& text) {
  std::vector<Piece> found;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = text.find_first_of("0123456789", i);
    if (begin == text.npos) break;
    i = std::min(text.find_first_not_of("0123456789", begin), text.size());
    found.push_back({begin, i});
  }
  return found;
}

std::vector<Piece> strings(const std::string& text) {
  std::vector<Piece> found;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '"') continue;
    const std::size_t end = text.find('"', i + 1);
    if (end == text.npos) break;
    found.push_back({i + 1, end});
    i = end;
  }
  return found;
}

/// `"name":{...}`, with no brace inside.
std::vector<Piece> entries(const std::string& text) {
  std::vector<Piece> found;
  for (std::size_t i = 1; i < text.size();) {
    const std::size_t begin = text.find('"', i), open = text.find('{', i);
    const std::size_t close = text.find('}', open == text.npos ? i : open);
    if (begin == text.npos || open == text.npos || close == text.npos) break;
    found.push_back({begin, close + 1});
    i = close + 1;
  }
  return found;
}

void replace(std::string& text, Piece piece, const std::string& with) {
  if (piece.begin <= piece.end && piece.end <= text.size()) text.replace(piece.begin, piece.end - piece.begin, with);
}

std::string other_number(Random& random, const std::string& was, std::size_t data) {
  const std::uint64_t value = was.size() < 19 ? std::stoull(was) : 0;
  const std::string choices[] = {"0",
                                 "1",
                                 "8",
                                 "01",
                                 std::to_string(value + 1),
                                 std::to_string(value == 0 ? 0 : value - 1),
                                 std::to_string(value * 2),
                                 std::to_string(value / 2),
                                 std::to_string(value + 4),
                                 std::to_string(data),
                                 std::to_string(data / 4),
                                 "2147483648",
                                 "4294967296",
                                 "1073741824",
                                 "4611686018427387904",
                                 "9223372036854775807",
                                 "9223372036854775808",
                                 "-1",
                                 "1.0",
                                 "1e3"};
  return choices[below(random, std::size(choices))];
}

std::string other_string(Random& random, const std::string& header, const std::vector<Piece>& all) {
  const std::string choices[] = {"F32",     "F64",          "I32",          "U8",      "BF16",    "dtype",
                                 "shape",   "data_offsets", "__metadata__", "",        "\\ud800", "\\ud83d\\ude00",
                                 "\\u0000", "\xed\xa0\x80", "\xc3\xa9",     "trainer", "format",  "model.0.weight",
                                 "a\\\"b",  "\\\\"};
  const std::size_t choice = below(random, std::size(choices) + 4);
  if (choice < std::size(choices)) return choices[choice];
  const Piece piece = all[below(random, all.size())];
  return header.substr(piece.begin, piece.end - piece.begin);
}

/// A valid file of some tensors.
std::vector<std::byte> fresh(Random& random) {
#ifdef FROM_CHECKPOINTS
  return tinytorch::fuzz::sample_checkpoint();
#endif
  tinytorch::io::TensorFile file;
  for (std::size_t i = below(random, 5); i-- > 0;) {
    tinytorch::Shape shape;
    for (std::size_t axes = below(random, 4); axes-- > 0;) shape.push_back(static_cast<std::int64_t>(below(random, 4)));
    file.tensors.emplace_back(std::to_string(i),
                              tinytorch::Tensor::full(shape, 1, static_cast<tinytorch::DType>(below(random, 4))));
  }
  for (std::size_t i = below(random, 3); i-- > 0;) file.metadata.emplace_back(std::to_string(i), "value");
  return tinytorch::io::write_safetensors(file);
}

void mutate(File& file, Random& random) {
  std::string& header = file.header;
  const std::vector<Piece> all_numbers = numbers(header), all_strings = strings(header), all_entries = entries(header);
  switch (below(random, 7)) {
    case 0:
    case 1:
      if (all_numbers.empty()) return;
      {
        const Piece piece = all_numbers[below(random, all_numbers.size())];
        replace(header, piece,
                other_number(random, header.substr(piece.begin, piece.end - piece.begin), file.data.size()));
      }
      return;
    case 2:
      if (all_strings.empty()) return;
      replace(header, all_strings[below(random, all_strings.size())], other_string(random, header, all_strings));
      return;
    case 3:  // an entry twice, or moved
      if (all_entries.empty()) return;
      {
        const Piece piece = all_entries[below(random, all_entries.size())];
        header.insert(1, header.substr(piece.begin, piece.end - piece.begin) + ",");
      }
      return;
    case 4:  // an entry gone
      if (all_entries.empty()) return;
      {
        Piece piece = all_entries[below(random, all_entries.size())];
        if (piece.end < header.size() && header[piece.end] == ',') ++piece.end;
        replace(header, piece, "");
      }
      return;
    case 5:
      file.data.resize(below(random, 2) == 0 ? below(random, file.data.size() + 1)
                                             : file.data.size() + below(random, 16) + 1);
      return;
    default: {
      std::vector<std::uint8_t> text(header.begin(), header.end());
      text.resize(header.size() + 16);
      header.assign(reinterpret_cast<const char*>(text.data()),
                    LLVMFuzzerMutate(text.data(), header.size(), text.size()));
    }
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  Random random(seed + 1);
  if (max_size < 8 || below(random, 8) == 0) return LLVMFuzzerMutate(bytes, size, max_size);
  if (below(random, 32) == 0) {
    const std::vector<std::byte> file = fresh(random);
    if (file.size() > max_size) return LLVMFuzzerMutate(bytes, size, max_size);
    std::memcpy(bytes, file.data(), file.size());
    return file.size();
  }
  File file = cut(bytes, size);
  for (std::size_t i = below(random, 3) + 1; i-- > 0;) mutate(file, random);
  return join(file, bytes, max_size);
}
