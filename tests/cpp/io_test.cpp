#include <cstring>

#include "fixtures.h"
#include "tensor_tester.h"
#include "tinytorch/data.h"
#include "tinytorch/io.h"
#include "tinytorch/ops.h"

namespace tinytorch::testing {
namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

/// A file with that header and so many bytes of data.
std::vector<std::byte> file(const std::string& header, std::size_t data = 0) {
  std::string text(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) text[i] = static_cast<char>(std::uint64_t{header.size()} >> (8 * i));
  return bytes_of(text + header + std::string(data, '\1'));
}

#define EXPECT_MALFORMED(bytes, text) EXPECT_ERROR(io::read_safetensors(bytes), ErrorCode::io, text)

const std::string two_floats = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

TEST(Safetensors, RoundTrip) {
  io::TensorFile out;
  out.metadata = {{"format", "pt"}, {"note", "a \"quoted\" \\ line\nand \u00e9"}};
  out.tensors = {{"0.weight", Tensor::randn({3, 4})},
                 {"double", Tensor::randn({2}, DType::float64)},
                 {"ints", Tensor::arange(0, 5, 1, DType::int32)},
                 {"bytes", Tensor::full({3}, 200, DType::uint8)},
                 {"a view", Tensor::randn({3, 4}).transpose()},
                 {"scalar", Tensor::scalar(7)},
                 {"empty", Tensor::zeros({0, 5})},
                 {"\u00fc \x01\"", Tensor::scalar(1)}};
  const std::vector<std::byte> bytes = io::write_safetensors(out);
  const io::TensorFile in = io::read_safetensors(bytes);
  EXPECT_EQ(in.metadata, out.metadata);
  ASSERT_EQ(in.tensors.size(), out.tensors.size());
  for (std::size_t i = 0; i < in.tensors.size(); ++i) {
    EXPECT_EQ(in.tensors[i].first, out.tensors[i].first);
    EXPECT_EQ(in.tensors[i].second.dtype(), out.tensors[i].second.dtype());
    EXPECT_EQ(in.tensors[i].second.shape(), out.tensors[i].second.shape());
    EXPECT_EQ(values(in.tensors[i].second), values(out.tensors[i].second));
  }
  EXPECT_EQ(io::write_safetensors(in), bytes);
  EXPECT_EQ(io::read_safetensors(io::write_safetensors({})).tensors.size(), 0u);
}

TEST(Safetensors, ReadsWhatOthersWrite) {
  // White space, escapes, another order of keys and of data.
  const std::string header =
      "{ \"b\\u00e9\\ud83d\\ude00\" : {\"data_offsets\":[4, 8],\"dtype\":\"F32\",\"shape\":[]},\n\t\"a\":{"
      "\"shape\":[1],\"dtype\":\"I32\",\"data_offsets\":[0,4]}}   ";
  const io::TensorFile in = io::read_safetensors(file(header, 8));
  ASSERT_EQ(in.tensors.size(), 2u);
  EXPECT_EQ(in.tensors[0].first, "b\u00e9\U0001F600");
  EXPECT_EQ(in.tensors[1].second.item(), 0x01010101);
  EXPECT_EQ(io::read_safetensors(file("{}")).tensors.size(), 0u);
  EXPECT_EQ(io::read_safetensors(file(R"({"__metadata__":{}})")).tensors.size(), 0u);
}

TEST(Safetensors, MalformedFilesNameWhatIsWrong) {
  EXPECT_MALFORMED(bytes_of("1234567"), "7 bytes are too few for the header's length");
  EXPECT_MALFORMED(bytes_of(std::string("\x10\0\0\0\0\0\0\0{}", 10)), "the header has 16 bytes, the file only 2");
  EXPECT_MALFORMED(bytes_of(std::string("\xff\xff\xff\xff\0\0\0\0{}", 10)),
                   "a header of 4294967295 bytes, more than 100000000");
  EXPECT_MALFORMED(bytes_of(std::string(8, '\xff') + "{}"), "more than 100000000");
  EXPECT_MALFORMED(file(""), "does not start with '{'");
  EXPECT_MALFORMED(file(" {}"), "does not start with '{'");
  EXPECT_MALFORMED(file("{\"\xff\":1}"), "not UTF-8");
  EXPECT_MALFORMED(file("{\"\xc0\xaf\":1}"), "not UTF-8");
  EXPECT_MALFORMED(file("{\"\xed\xa0\x80\":1}"), "not UTF-8");
  EXPECT_MALFORMED(file("{} x"), "header, byte 3: text behind the end");
  EXPECT_MALFORMED(file("{"), "'\"' is missing");
  EXPECT_MALFORMED(file("{\"a"), "a string does not end");
  EXPECT_MALFORMED(file("{\"\\x\":1}"), "an unknown escape");
  EXPECT_MALFORMED(file("{\"\\ud800\":1}"), "half a surrogate pair");
  EXPECT_MALFORMED(file("{\"\\u12\":1}"), "four hexadecimal digits");
  EXPECT_MALFORMED(file("{\"a\n\":1}"), "a control character in a string");
  EXPECT_MALFORMED(file(R"({"a":1})"), "'{' is missing");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},})", 8), "'\"' is missing");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", 4),
                   "tensor 'a': type F16 is not one of F32, F64, I32, U8");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","shape":[2]}})", 8), "tensor 'a': needs dtype, shape and data_offsets");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","dtype":"F32"}})", 8), "tensor 'a': 'dtype' is there twice");
  EXPECT_MALFORMED(file(R"({"a":{"colour":"F32"}})", 8), "tensor 'a': unknown key 'colour'");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8), "a whole number from 0 on");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}})", 8), "a number starts with 0");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8), "',' is missing");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}})", 8),
                   "too large");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4),
                   "more than 8 axes");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}})", 8), "']' is missing");
  EXPECT_MALFORMED(file(two_floats, 7), "tensor 'a': its offsets [0,8] leave the 7 bytes of data");
  EXPECT_MALFORMED(file(two_floats, 9), "the tensors end at byte 8, the data at 9");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8), "its offsets [8,0] leave");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8),
                   "tensor 'a': shape [3] of F32 does not fit its 8 bytes");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})", 8),
                   "does not fit its 8 bytes");
  EXPECT_MALFORMED(file(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12),
                   "tensor 'a': a gap before its data, from byte 0 to 4");
  EXPECT_MALFORMED(
      file(
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
          12),
      "tensor 'b': its data, from byte 4, overlap another tensor's");
  EXPECT_MALFORMED(
      file(
          R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
          8),
      "tensor 'a': is there twice");
  EXPECT_MALFORMED(file(R"({"__metadata__":{"k":"v","k":"w"}})"), "metadata 'k' is there twice");
  EXPECT_MALFORMED(file(R"({"__metadata__":{"k":1}})"), "'\"' is missing");
  EXPECT_MALFORMED(file(R"({"__metadata__":{},"__metadata__":{}})"), "__metadata__ is there twice");
}

TEST(Safetensors, EveryCutIsAnErrorAndNoneACrash) {
  io::TensorFile out;
  out.metadata = {{"k", "v"}};
  out.tensors = {{"a", Tensor::randn({2})}, {"b", Tensor::randn({3})}};
  const std::vector<std::byte> whole = io::write_safetensors(out);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW((void)io::read_safetensors(std::span(whole).first(size)), Error) << size;
  }
  for (std::size_t i = 0; i < whole.size() - 20; ++i) {
    for (int value : {0, 34, 44, 58, 91, 93, 123, 125, 255}) {
      std::vector<std::byte> changed = whole;
      changed[i] = static_cast<std::byte>(value);
      try {
        (void)io::read_safetensors(changed);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::io) << error.what();
      }
    }
  }
}

TEST(Safetensors, WritingErrors) {
  const Tensor t = Tensor::zeros({1});
  EXPECT_ERROR(io::write_safetensors({{{"a", t}, {"a", t}}, {}}), ErrorCode::invalid_argument,
               "the name 'a' is there twice");
  EXPECT_ERROR(io::write_safetensors({{{"\xff", t}}, {}}), ErrorCode::invalid_argument, "not UTF-8");
  EXPECT_ERROR(io::write_safetensors({{{"a", Tensor()}}, {}}), ErrorCode::invalid_argument, "tensor 'a' is undefined");
}

TEST(StateDict, RoundTripAndOrientation) {
  nn::Sequential model({std::make_shared<nn::Dense>(4, 3), std::make_shared<nn::ReLU>(),
                        std::make_shared<nn::Dense>(3, 2), std::make_shared<nn::LayerNorm>(2)});
  const io::TensorFile dict = io::state_dict(model);
  EXPECT_EQ(find(dict, "0.weight").shape(), (Shape{3, 4}));
  EXPECT_EQ(find(dict, "3.weight").shape(), Shape{2});
  nn::Sequential other({std::make_shared<nn::Dense>(4, 3), std::make_shared<nn::ReLU>(),
                        std::make_shared<nn::Dense>(3, 2), std::make_shared<nn::LayerNorm>(2)});
  io::load_state_dict(other, io::read_safetensors(io::write_safetensors(dict)));
  const Tensor x = Tensor::randn({5, 4});
  EXPECT_EQ(values(other.forward(x)), values(model.forward(x)));
}

TEST(StateDict, NothingIsHalfLoaded) {
  nn::Sequential model({std::make_shared<nn::Dense>(4, 3), std::make_shared<nn::Dense>(3, 2)});
  const auto before = io::write_safetensors(io::state_dict(model));
  const auto try_with = [&](auto change, const char* text) {
    io::TensorFile dict = io::state_dict(model);
    for (auto& [name, tensor] : dict.tensors) tensor = ops::add(tensor, Tensor::scalar(1));
    change(dict.tensors);
    EXPECT_ERROR(io::load_state_dict(model, dict), ErrorCode::io, text);
    EXPECT_EQ(io::write_safetensors(io::state_dict(model)), before);
  };
  try_with([](auto& t) { t.pop_back(); }, "load_state_dict: the file has no tensor '1.bias'");
  try_with([](auto& t) { t.emplace_back("2.bias", Tensor::zeros({1})); }, "the model has no parameter '2.bias'");
  try_with([](auto& t) { t[2].second = Tensor::zeros({3, 2}); }, "'1.weight' is [3,2] in the file, needs [2,3]");
  try_with([](auto& t) { t[3].second = Tensor::zeros({3}); }, "'1.bias' is [3] in the file, needs [2]");
  try_with([](auto& t) { t[3].second = Tensor::zeros({2}, DType::int32); }, "'1.bias' is int32, not floating");
}

std::vector<std::byte> idx(std::vector<int> head, std::size_t data) {
  std::string text;
  for (int b : head) text += static_cast<char>(b);
  return bytes_of(text + std::string(data, '\7'));
}

TEST(Idx, ReadsAndRejects) {
  const Tensor t = data::read_idx(idx({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3}, 6));
  EXPECT_EQ(t.dtype(), DType::uint8);
  EXPECT_EQ(t.shape(), (Shape{2, 3}));
  EXPECT_EQ(values(t), std::vector<double>(6, 7));
  EXPECT_EQ(data::read_idx(idx({0, 0, 8, 1, 0, 0, 0, 0}, 0)).numel(), 0);
  EXPECT_ERROR(data::read_idx(idx({0, 0, 8}, 0)), ErrorCode::io, "idx: 3 bytes are too few for a header");
  EXPECT_ERROR(data::read_idx(idx({31, 139, 8, 1}, 9)), ErrorCode::io, "idx: not an IDX file");
  EXPECT_ERROR(data::read_idx(idx({0, 0, 13, 1, 0, 0, 0, 1}, 4)), ErrorCode::io, "idx: element type 13, only 8");
  EXPECT_ERROR(data::read_idx(idx({0, 0, 8, 0}, 1)), ErrorCode::io, "idx: 0 axes");
  EXPECT_ERROR(data::read_idx(idx({0, 0, 8, 9}, 40)), ErrorCode::io, "idx: 9 axes");
  EXPECT_ERROR(data::read_idx(idx({0, 0, 8, 3, 0, 0, 0, 1}, 0)), ErrorCode::io,
               "idx: a header of 3 axes has 16 bytes, the file 8");
  EXPECT_ERROR(data::read_idx(idx({0, 0, 8, 1, 0, 0, 0, 5}, 4)), ErrorCode::io,
               "idx: shape [5] does not fit the 4 bytes");
  EXPECT_ERROR(data::read_idx(idx({0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, 4)),
               ErrorCode::io, "idx: shape [4294967295,4294967295,4294967295] does not fit");
}

}  // namespace
}  // namespace tinytorch::testing
