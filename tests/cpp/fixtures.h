#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tinytorch/io.h"

namespace tinytorch::testing {

/// A file of tests/fixtures.
inline std::vector<std::byte> fixture(const std::string& name) {
  const std::string path = std::string(TINYTORCH_FIXTURES "/") + name;
  std::vector<std::byte> bytes;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) {
    ADD_FAILURE() << "cannot open " << path;
    return bytes;
  }
  std::byte chunk[4096];
  while (const std::size_t n = std::fread(chunk, 1, sizeof chunk, file)) bytes.insert(bytes.end(), chunk, chunk + n);
  std::fclose(file);
  return bytes;
}

inline const Tensor& find(const io::TensorFile& file, const std::string& name) {
  for (const auto& [key, tensor] : file.tensors)
    if (key == name) return tensor;
  ADD_FAILURE() << "no tensor " << name;
  static const Tensor none = Tensor::zeros({0});
  return none;
}

inline bool contains(const io::TensorFile& file, const std::string& name) {
  for (const auto& [key, tensor] : file.tensors)
    if (key == name) return true;
  return false;
}

}  // namespace tinytorch::testing
