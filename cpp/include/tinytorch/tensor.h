#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "tinytorch/dtype.h"
#include "tinytorch/shape.h"

namespace tinytorch {

class Storage;
struct TensorImpl;

/// An N-dimensional array: a view, by strides, of storage that other tensors may share. A new tensor is row-major.
/// Copying a Tensor copies a handle, as in PyTorch: both name the same tensor. Not safe to use from two threads at
/// once. At most PTRDIFF_MAX / 8 elements (2^28 - 1 in wasm), whatever the dtype; else Error(overflow). If a size is 0,
/// the product of the other sizes must keep this limit, too.
///
/// Numbers for an integer tensor (full, fill, scalar, arange) must be whole and within the dtype's range, else
/// Error(dtype). Converting a tensor (to, copy_from) never fails. From floating to integer, numbers are rounded towards
/// zero, those out of range become the nearest limit, NaN becomes 0. From int32 to uint8, the low 8 bits are taken.
///
/// Views, clone() and to() are recorded as operations are (ops.h, autograd.h). Writing into a tensor (fill, copy_from,
/// mutable_data, `out` of an operation) is not recorded. It throws Error(autograd) if the tensor is a recorded result
/// and recording is on.
class Tensor {
 public:
  Tensor() = default;  ///< undefined: no shape, no data

  /// Uninitialised. Throws Error(overflow) or Error(out_of_memory) with the shape in the text.
  [[nodiscard]] static Tensor empty(const Shape& shape, DType dtype = DType::float32);
  [[nodiscard]] static Tensor zeros(const Shape& shape, DType dtype = DType::float32);
  [[nodiscard]] static Tensor ones(const Shape& shape, DType dtype = DType::float32);
  [[nodiscard]] static Tensor full(const Shape& shape, double value, DType dtype = DType::float32);
  /// n x m, ones on the diagonal.
  [[nodiscard]] static Tensor eye(std::int64_t n, std::optional<std::int64_t> m = {}, DType dtype = DType::float32);
  /// start, start + step, ... below stop (above, for a negative step). Error(invalid_argument) for step 0.
  [[nodiscard]] static Tensor arange(double start, double stop, double step = 1, DType dtype = DType::float32);
  /// Uniform in [0, 1) and standard normal, from the generator that manual_seed() sets (random.h).
  [[nodiscard]] static Tensor rand(const Shape& shape, DType dtype = DType::float32);
  [[nodiscard]] static Tensor randn(const Shape& shape, DType dtype = DType::float32);
  /// A copy of `values`, one for each element of the shape. T is float, double, int32_t or uint8_t.
  template <class T>
  [[nodiscard]] static Tensor from(std::span<const T> values, const Shape& shape);
  [[nodiscard]] static Tensor scalar(double value, DType dtype = DType::float32);

  [[nodiscard]] bool defined() const noexcept { return impl_ != nullptr; }
  [[nodiscard]] const Shape& shape() const noexcept;
  [[nodiscard]] const Strides& strides() const noexcept;  ///< in elements
  [[nodiscard]] std::int64_t size(std::int64_t dim) const;
  [[nodiscard]] std::int64_t numel() const noexcept;
  [[nodiscard]] std::size_t ndim() const noexcept;
  [[nodiscard]] DType dtype() const noexcept;
  [[nodiscard]] bool is_contiguous() const noexcept;
  [[nodiscard]] bool shares_storage(const Tensor& other) const noexcept;
  /// The number of writes to the storage. Code that keeps something derived from the elements (packed weights) sees
  /// from it whether that is out of date. Every operation that writes into an existing tensor raises it.
  [[nodiscard]] std::uint64_t version() const noexcept;

  /// Pointer to numel() elements in row-major order. Throws Error(dtype) where T is not the dtype's type, and
  /// Error(invalid_argument) where the tensor is not row-major: use contiguous() or strided_data().
  /// mutable_data() counts as one write. Call it anew for the next one, or layers go on using an older packed copy.
  template <class T>
  [[nodiscard]] const T* data() const;
  template <class T>
  [[nodiscard]] T* mutable_data();
  /// The same for code that steps by strides(): pointer to element (0, 0, ...) of any tensor.
  template <class T>
  [[nodiscard]] const T* strided_data() const;
  template <class T>
  [[nodiscard]] T* mutable_strided_data();
  [[nodiscard]] double item() const;  ///< the only element; Error(shape) unless there is just one
  [[nodiscard]] double at(std::initializer_list<std::int64_t> index) const;  ///< bounds-checked; for tests and printing
  /// All elements in row-major order, converted to double / copied as T.
  template <class T>
  void copy_to(std::span<T> out) const;

  // Views, for any dtype. They share the storage and copy nothing; only reshape copies where no strides fit.
  [[nodiscard]] Tensor reshape(const Shape& shape) const;  ///< one size may be -1
  [[nodiscard]] Tensor transpose(std::int64_t dim0 = -2, std::int64_t dim1 = -1) const;
  /// Elements start, start + step, ... below stop of one axis; negative places count from the end.
  [[nodiscard]] Tensor slice(std::int64_t dim, std::int64_t start, std::int64_t stop, std::int64_t step = 1) const;
  [[nodiscard]] Tensor expand(const Shape& shape) const;  ///< broadcast view, stride 0
  [[nodiscard]] Tensor contiguous() const;                ///< itself if it is contiguous, else a copy
  [[nodiscard]] Tensor clone() const;                     ///< always a copy, contiguous
  /// Itself if it has that dtype, else a converted copy. Between floating dtypes the gradient is converted back; a copy
  /// in an integer dtype has no gradient.
  [[nodiscard]] Tensor to(DType dtype) const;

  /// Copies `source`, broadcast and converted, into this tensor's elements. Throws Error(autograd) where recording is
  /// on and `source` requires a gradient, which the copy would lose.
  void copy_from(const Tensor& source);
  void fill(double value);

  [[nodiscard]] const std::shared_ptr<TensorImpl>& impl() const noexcept { return impl_; }
  explicit Tensor(std::shared_ptr<TensorImpl> impl) noexcept : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<TensorImpl> impl_;
};

/// Live tensors' storage and what the buffer pool keeps for reuse, in bytes.
struct MemoryStats {
  std::int64_t storages = 0;
  std::int64_t live_bytes = 0;
  std::int64_t peak_bytes = 0;
  std::int64_t pooled_bytes = 0;
};
[[nodiscard]] MemoryStats memory_stats() noexcept;
void reset_peak_memory() noexcept;
/// Gives the pool's buffers back to the allocator.
void release_pooled_memory() noexcept;

}  // namespace tinytorch
