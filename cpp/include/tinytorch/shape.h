#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace tinytorch {

/// Sizes (or strides) of a tensor's axes, kept inline: making a shape allocates nothing.
/// At most `kMaxRank` axes; more is Error(invalid_argument).
class Dims {
 public:
  static constexpr std::size_t kMaxRank = 8;

  Dims() = default;
  Dims(std::initializer_list<std::int64_t> values) : Dims(std::span(values.begin(), values.size())) {}
  explicit Dims(std::span<const std::int64_t> values);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::int64_t& operator[](std::size_t i) noexcept {
    assert(i < size_);
    return values_[i];
  }
  [[nodiscard]] std::int64_t operator[](std::size_t i) const noexcept {
    assert(i < size_);
    return values_[i];
  }
  [[nodiscard]] std::int64_t* begin() noexcept { return values_.data(); }
  [[nodiscard]] std::int64_t* end() noexcept { return values_.data() + size_; }
  [[nodiscard]] const std::int64_t* begin() const noexcept { return values_.data(); }
  [[nodiscard]] const std::int64_t* end() const noexcept { return values_.data() + size_; }
  void push_back(std::int64_t value);
  void resize(std::size_t size, std::int64_t fill = 0);

  friend bool operator==(const Dims& x, const Dims& y) noexcept;

 private:
  std::array<std::int64_t, kMaxRank> values_{};
  std::size_t size_ = 0;
};

using Shape = Dims;
using Strides = Dims;

/// `[2,3]`, as error texts write it.
[[nodiscard]] std::string to_string(const Dims& dims);

/// Product of the sizes; 1 for a scalar. Throws Error(invalid_argument) for a negative size, and Error(overflow) for
/// more than PTRDIFF_MAX / 8 elements (2^28 - 1 in wasm), whatever the element type. If a size is 0, the product of the
/// other sizes must keep this limit, too.
[[nodiscard]] std::int64_t numel(const Shape& shape);

/// Row-major strides, in elements, of a shape that numel() accepts.
[[nodiscard]] Strides contiguous_strides(const Shape& shape);

/// NumPy's rule: align at the right, sizes must be equal or 1. Throws Error(shape) naming `op` and both.
[[nodiscard]] Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op);

}  // namespace tinytorch
