#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "tinytorch/tensor.h"

namespace tinytorch {

/// One buffer from the pool, shared by every tensor that views it.
class Storage {
 public:
  /// Throws Error(out_of_memory) with the shape, the type and the bytes.
  Storage(const Shape& shape, DType dtype, std::size_t bytes);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  std::uint64_t version = 0;  ///< raised by every write into an existing tensor

 private:
  std::byte* data_;
  std::size_t bytes_;
};

/// What autograd attaches to a tensor. A tensor that requires no gradient has none.
struct GradientState {
  GradientState() = default;
  GradientState(const GradientState&) = delete;
  GradientState& operator=(const GradientState&) = delete;
  virtual ~GradientState() = default;
  /// Throws Error(autograd) naming `op` where writing into the tensor would make its recorded gradient wrong.
  virtual void before_write(std::string_view op) const = 0;
  /// Throws Error(autograd) naming `op` where copying it into another tensor would lose its gradient.
  virtual void before_copy(std::string_view op) const = 0;
};

struct TensorImpl {
  std::shared_ptr<Storage> storage;
  std::int64_t offset = 0;  ///< of element (0, 0, ...), in elements
  Shape shape;
  Strides strides;
  std::int64_t numel = 0;
  DType dtype = DType::float32;
  bool contiguous = true;  ///< row-major without gaps: `strides` are contiguous_strides(shape), axes of size 1 included
  std::unique_ptr<GradientState> gradient;

  [[nodiscard]] std::byte* bytes() const noexcept {
    return storage->data() + offset * static_cast<std::int64_t>(size_of(dtype));
  }
};

namespace detail {

/// Call this before every write into an existing tensor. It throws if the write is not allowed, and counts it.
inline void begin_write(const TensorImpl& t, std::string_view op) {
  if (t.gradient) t.gradient->before_write(op);
  ++t.storage->version;
}

/// A tensor over `source`'s storage. The strides of axes of size 1 are ignored: they become those of a dense tensor.
[[nodiscard]] Tensor make_view(const Tensor& source, std::int64_t offset, const Shape& shape, const Strides& strides);

}  // namespace detail

}  // namespace tinytorch
