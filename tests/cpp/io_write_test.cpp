// What the safetensors writer refuses, how it lays out the data, and that many names take no quadratic time.
#include <cstring>
#include <random>
#include <set>

#include "fixtures.h"
#include "io/json.h"
#include "tensor/storage.h"
#include "tensor_tester.h"
#include "tinytorch/io.h"

namespace tinytorch::testing {
namespace {

struct Random {
  explicit Random(unsigned seed) : engine(seed) {}
  unsigned operator()() { return static_cast<unsigned>(engine()); }
  std::mt19937 engine;
};
constexpr DType types[] = {DType::float32, DType::float64, DType::int32, DType::uint8};

Shape some_shape(Random& random) {
  Shape shape;
  for (unsigned axes = random() % 4; axes-- > 0;) shape.push_back(random() % 4);
  return shape;
}

#define EXPECT_REFUSED(file, text) EXPECT_ERROR(io::write_safetensors(file), ErrorCode::invalid_argument, text)

TEST(SafetensorsWriter, RefusesWhatTheReaderRefuses) {
  const Tensor t = Tensor::zeros({1});
  EXPECT_REFUSED((io::TensorFile{{{"__metadata__", t}}, {}}), "the name '__metadata__' is the format's own");
  EXPECT_REFUSED((io::TensorFile{{{"a", t}, {"b", t}, {"a", t}}, {}}), "the name 'a' is there twice");
  EXPECT_REFUSED((io::TensorFile{{{"", t}, {"", t}}, {}}), "the name '' is there twice");
  EXPECT_REFUSED((io::TensorFile{{}, {{"k", "1"}, {"k", "1"}}}), "the metadata 'k' stand twice");
  EXPECT_REFUSED((io::TensorFile{{}, {{"\xff", "1"}}}), "a key of the metadata is not UTF-8");
  EXPECT_REFUSED((io::TensorFile{{}, {{"k", "\xed\xa0\x80"}}}), "the metadata 'k' are not UTF-8");
  EXPECT_REFUSED((io::TensorFile{{{"\xc0\x80", t}}, {}}), "a tensor's name is not UTF-8");
  EXPECT_REFUSED((io::TensorFile{{{"a", Tensor()}}, {}}), "tensor 'a' is undefined");
  // A name of its own for metadata is free as a key.
  EXPECT_EQ(io::read_safetensors(io::write_safetensors({{}, {{"__metadata__", "x"}}})).metadata[0].second, "x");
}

TEST(SafetensorsWriter, RefusesAHeaderOverTheFormatsLimit) {
  const std::string half(50'000'000, 'x');
  EXPECT_REFUSED((io::TensorFile{{}, {{"k", half}, {half, ""}}}), "more than 100000000 bytes");
}

TEST(SafetensorsWriter, DataThatDoNotFitTheAddressSpaceAreAnError) {
  const Tensor one = Tensor::zeros({1}, DType::float64);
  const std::int64_t most = std::numeric_limits<std::ptrdiff_t>::max() / 8;
  io::TensorFile file;
  for (int i = 0; i < 3; ++i) file.tensors.emplace_back(std::to_string(i), one.expand({most}));
  EXPECT_ERROR(io::write_safetensors(file), ErrorCode::overflow, "safetensors: the data do not fit");
}

/// "data_offsets":[begin,end] of each tensor, in the header's order.
std::vector<std::pair<std::size_t, std::size_t>> offsets(const std::string& header) {
  std::vector<std::pair<std::size_t, std::size_t>> found;
  const std::string key = "\"data_offsets\":[";
  for (std::size_t at = header.find(key); at != header.npos; at = header.find(key, at)) {
    at += key.size();
    const std::size_t comma = header.find(',', at);
    found.emplace_back(std::stoull(header.substr(at)), std::stoull(header.substr(comma + 1)));
  }
  return found;
}

TEST(SafetensorsWriter, EveryTensorIsAlignedWithoutGapsAndKeepsItsPlaceInTheHeader) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    io::TensorFile file;
    for (unsigned i = random() % 12; i-- > 0;) {
      file.tensors.emplace_back("t" + std::to_string(i), Tensor::full(some_shape(random), i, types[random() % 4]));
    }
    for (unsigned i = random() % 3; i-- > 0;) file.metadata.emplace_back("k" + std::to_string(i), "v");
    const std::vector<std::byte> bytes = io::write_safetensors(file);
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    const std::string header(reinterpret_cast<const char*>(bytes.data()) + 8, static_cast<std::size_t>(length));
    EXPECT_EQ((8 + length) % 8, 0u);
    EXPECT_EQ(header[0], '{');
    EXPECT_EQ(header.find_last_not_of(' '), header.rfind('}'));

    auto pieces = offsets(header);
    ASSERT_EQ(pieces.size(), file.tensors.size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const Tensor& tensor = file.tensors[i].second;
      EXPECT_EQ(pieces[i].first % size_of(tensor.dtype()), 0u) << i;
      EXPECT_EQ(pieces[i].second - pieces[i].first, static_cast<std::size_t>(tensor.numel()) * size_of(tensor.dtype()));
      EXPECT_EQ(std::memcmp(bytes.data() + 8 + length + pieces[i].first, tensor.impl()->bytes(),
                            pieces[i].second - pieces[i].first),
                0);
    }
    std::sort(pieces.begin(), pieces.end());
    std::size_t at = 0;
    for (const auto& [begin, end] : pieces) {
      EXPECT_EQ(begin, at);
      at = end;
    }
    EXPECT_EQ(8 + length + at, bytes.size());
    const io::TensorFile read = io::read_safetensors(bytes);
    for (std::size_t i = 0; i < pieces.size(); ++i) EXPECT_EQ(read.tensors[i].first, file.tensors[i].first);
    EXPECT_EQ(io::write_safetensors(read), bytes);
  }
}

/// Any bytes, mostly of the kinds that JSON and UTF-8 care about.
std::string some_text(Random& random) {
  static const std::string pieces[] = {
      "a",    "\"",       "\\",           "\n",           std::string(1, '\0'), "\x1f", "\x7f",         "/", "\xc3",
      "\xa9", "\xc3\xa9", "\xe2\x82\xac", "\xed\xa0\x80", "\xf0\x9f\x98\x80",   "\xff", "__metadata__", "{", "}",
      ":",    "\\u0041"};
  std::string text;
  for (unsigned i = random() % 4; i-- > 0;) text += pieces[random() % std::size(pieces)];
  return text;
}

TEST(SafetensorsWriter, WhatItWritesIsReadToTheSame) {
  const Tensor t = Tensor::scalar(1);
  int written = 0, refused = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    io::TensorFile file;
    std::set<std::string> names, keys;
    bool valid = true;
    for (unsigned i = random() % 4; i-- > 0;) {
      const std::string name = some_text(random);
      valid = valid && io::is_utf8(name) && name != "__metadata__" && names.insert(name).second;
      file.tensors.emplace_back(name, t);
    }
    for (unsigned i = random() % 4; i-- > 0;) {
      const std::string key = some_text(random), value = some_text(random);
      valid = valid && io::is_utf8(key) && io::is_utf8(value) && keys.insert(key).second;
      file.metadata.emplace_back(key, value);
    }
    if (!valid) {
      ++refused;
      EXPECT_REFUSED(file, "safetensors: ");
      continue;
    }
    ++written;
    const io::TensorFile read = io::read_safetensors(io::write_safetensors(file));
    EXPECT_EQ(read.metadata, file.metadata);
    ASSERT_EQ(read.tensors.size(), file.tensors.size());
    for (std::size_t i = 0; i < read.tensors.size(); ++i) EXPECT_EQ(read.tensors[i].first, file.tensors[i].first);
  }
  EXPECT_GT(written, 300);
  EXPECT_GT(refused, 300);
}

// With a search of the whole list for each entry, these would take minutes: the runner's limit finds that.
TEST(Safetensors, ManyNames) {
  io::TensorFile file;
  const Tensor t = Tensor::scalar(1);
  for (int i = 0; i < 100'000; ++i) {
    const std::string number = std::to_string(i * 7919LL % 100'000);
    if (i % 4 == 0) file.tensors.emplace_back("layer." + number, t);
    file.metadata.emplace_back("key " + number, number);
  }
  const std::vector<std::byte> bytes = io::write_safetensors(file);
  const io::TensorFile read = io::read_safetensors(bytes);
  EXPECT_EQ(read.tensors.size(), 25'000u);
  EXPECT_EQ(read.tensors.back().first, file.tensors.back().first);
  EXPECT_EQ(read.metadata, file.metadata);
  file.metadata.back() = file.metadata.front();
  EXPECT_REFUSED(file, "stand twice");
  file.metadata.clear();
  file.tensors.back().first = file.tensors.front().first;
  EXPECT_REFUSED(file, "is there twice");
}

TEST(StateDict, ManyParameters) {
  struct Wide : nn::Module {
    std::vector<std::pair<std::string, Tensor>> named;
    Tensor forward(const Tensor& x) override { return x; }
    [[nodiscard]] std::string_view name() const override { return "Wide"; }
    [[nodiscard]] std::vector<std::pair<std::string, Tensor>> named_parameters() const override { return named; }
  } model;
  io::TensorFile file;
  constexpr int count = 50'000;
  for (int i = 0; i < count; ++i) {
    model.named.emplace_back(std::to_string(i) + ".bias", Tensor::zeros({1}));
    file.tensors.emplace_back(std::to_string(count - 1 - i) + ".bias", Tensor::full({1}, count - 1 - i));
  }
  io::load_state_dict(model, file);
  for (int i = 0; i < count; i += 997) EXPECT_EQ(model.named[static_cast<std::size_t>(i)].second.item(), i);
  file.tensors[5].first = file.tensors[7].first;
  EXPECT_ERROR(io::load_state_dict(model, file), ErrorCode::io, "twice");
}

TEST(Safetensors, SizesBesideAZeroMustFitToo) {
  for (const char* shape : {"[0,4611686018427387904,4]", "[4611686018427387904,4,0]", "[4294967296,0,4294967296]"}) {
    const std::string header = std::string(R"({"a":{"dtype":"F64","shape":)") + shape + R"(,"data_offsets":[0,0]}})";
    std::vector<std::byte> bytes(8 + header.size());
    bytes[0] = static_cast<std::byte>(header.size());
    std::memcpy(bytes.data() + 8, header.data(), header.size());
    EXPECT_ERROR(io::read_safetensors(bytes), ErrorCode::io, "does not fit its 0 bytes");
  }
}

TEST(Json, Numbers) {
  const auto read = [](const std::string& text) { return io::JsonReader(text).unsigned_integer(); };
  EXPECT_EQ(read("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  for (const char* text : {"9223372036854775808", "18446744073709551616", "99999999999999999999999", "-1", "+1", "",
                           "a", "00", "01", ".5"}) {
    EXPECT_THROW((void)read(text), Error) << text;
  }
}

}  // namespace
}  // namespace tinytorch::testing
