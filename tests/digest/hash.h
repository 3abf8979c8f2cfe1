#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "tinytorch/tensor.h"

/// The digest of numbers, the same as in digest.mjs: two 32-bit lanes over 32-bit words. NaN counts as one value,
/// because its sign and payload differ between processors.
namespace tinytorch::digest {

class Hash {
 public:
  void word(std::uint32_t w) {
    a_ = (a_ ^ w) * 16777619u;  // FNV-1a
    b_ = ((b_ << 5 | b_ >> 27) ^ w) * 0x9E3779B1u;
  }
  void number(double x) {
    if (x != x) return word(0x7FC00000u);
    std::uint64_t bits;
    std::memcpy(&bits, &x, 8);
    word(static_cast<std::uint32_t>(bits));
    word(static_cast<std::uint32_t>(bits >> 32));
  }
  void number(float x) {
    if (x != x) return word(0x7FC00000u);
    std::uint32_t bits;
    std::memcpy(&bits, &x, 4);
    word(bits);
  }
  void number(std::int32_t x) { word(static_cast<std::uint32_t>(x)); }
  void number(std::uint8_t x) { word(x); }

  /// Shape and elements.
  void tensor(const Tensor& tensor) {
    word(static_cast<std::uint32_t>(tensor.dtype()));
    for (const std::int64_t size : tensor.shape()) word(static_cast<std::uint32_t>(size));
    const Tensor dense = tensor.contiguous();
    switch (dense.dtype()) {
      case DType::float32: return elements<float>(dense);
      case DType::float64: return elements<double>(dense);
      case DType::int32: return elements<std::int32_t>(dense);
      case DType::uint8: return elements<std::uint8_t>(dense);
    }
  }

  /// 16 hexadecimal digits.
  [[nodiscard]] std::string text() const {
    std::string result;
    for (const std::uint32_t lane : {a_, b_}) {
      for (int shift = 28; shift >= 0; shift -= 4) result += "0123456789abcdef"[lane >> shift & 15];
    }
    return result;
  }

 private:
  template <class T>
  void elements(const Tensor& dense) {
    const T* x = dense.data<T>();
    for (std::int64_t i = 0; i < dense.numel(); ++i) number(x[i]);
  }
  std::uint32_t a_ = 2166136261u, b_ = 0;
};

}  // namespace tinytorch::digest
