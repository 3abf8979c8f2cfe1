// The fuzzers' corpora and every input that once found a fault, through the same checks in each build.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "gtest/gtest.h"
#include "readers/readers.h"

namespace tinytorch::testing {
namespace {

using Check = void (*)(fuzz::Input);

std::vector<std::byte> content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

void replay(const std::string& reader, Check check) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TINYTORCH_CORPUS "/" + reader)) {
    ++files;
    const std::vector<std::byte> input = content(entry.path());
    EXPECT_LT(input.size(), 5000u) << entry.path();
    EXPECT_NO_THROW(check(input)) << entry.path();
  }
  EXPECT_GE(files, 5) << "of " << reader;
}

TEST(Corpus, Safetensors) { replay("safetensors", fuzz::check_safetensors); }
TEST(Corpus, Idx) { replay("idx", fuzz::check_idx); }
TEST(Corpus, Checkpoint) { replay("checkpoint", fuzz::check_checkpoint); }

// The corpus grows old when the format of checkpoints changes; these follow it.
TEST(Corpus, CheckpointsCutAndChanged) {
  const std::vector<std::byte> sample = fuzz::sample_checkpoint();
  EXPECT_NO_THROW(fuzz::check_checkpoint(sample));
  for (std::size_t size = 0; size < sample.size(); size += 97) {
    EXPECT_NO_THROW(fuzz::check_checkpoint(std::span(sample).first(size))) << size;
  }
  for (std::size_t i = 0; i < sample.size(); i += 7) {
    std::vector<std::byte> changed = sample;
    changed[i] ^= std::byte{0x55};
    EXPECT_NO_THROW(fuzz::check_checkpoint(changed)) << i;
  }
}

TEST(Corpus, Json) { replay("json", fuzz::check_json); }

}  // namespace
}  // namespace tinytorch::testing
