#include "tinytorch/tensor.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "check.h"
#include "copy.h"
#include "dispatch.h"
#include "storage.h"
#include "tinytorch/error.h"
#include "tinytorch/random.h"
#include "views.h"

namespace tinytorch {

namespace {

const Dims no_dims;

template <class T>
void require_dtype(const TensorImpl* impl, std::string_view op) {
  if (impl == nullptr) detail::fail(ErrorCode::invalid_argument, {op, ": the tensor is undefined"});
  if (impl->dtype != dtype_of<T>) {
    detail::fail(ErrorCode::dtype,
                 {op, ": the tensor is ", name_of(impl->dtype), ", asked for as ", name_of(dtype_of<T>)});
  }
}

void require_row_major(const TensorImpl* impl, std::string_view op) {
  if (impl == nullptr || impl->contiguous) return;
  detail::fail(ErrorCode::invalid_argument,
               {op, ": the tensor of shape ", impl->shape, " has strides ", impl->strides,
                " and is not row-major; use contiguous(), or strided_data() and strides()"});
}

}  // namespace

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  const std::int64_t count = tinytorch::numel(shape);
  auto impl = std::make_shared<TensorImpl>();
  impl->storage = std::make_shared<Storage>(shape, dtype, static_cast<std::size_t>(count) * size_of(dtype));
  impl->shape = shape;
  impl->strides = contiguous_strides(shape);
  impl->numel = count;
  impl->dtype = dtype;
  return Tensor(std::move(impl));
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor result = empty(shape, dtype);
  std::fill_n(result.impl_->bytes(), result.impl_->storage->bytes(), std::byte{0});
  return result;
}

Tensor Tensor::ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }

Tensor Tensor::full(const Shape& shape, double value, DType dtype) {
  detail::require_representable(value, dtype, "full");
  Tensor result = empty(shape, dtype);
  result.fill(value);
  return result;
}

Tensor Tensor::scalar(double value, DType dtype) { return full({}, value, dtype); }

Tensor Tensor::eye(std::int64_t n, std::optional<std::int64_t> m, DType dtype) {
  Tensor result = zeros({n, m.value_or(n)}, dtype);
  const std::int64_t columns = result.impl_->shape[1];
  for (std::int64_t i = 0; i < std::min(n, columns); ++i) {
    detail::store_element(result.impl_->bytes(), dtype, i * (columns + 1), 1);
  }
  return result;
}

Tensor Tensor::arange(double start, double stop, double step, DType dtype) {
  const double count = std::ceil((stop - start) / step);
  if (step == 0 || !std::isfinite(start) || !std::isfinite(count)) {
    detail::fail(ErrorCode::invalid_argument, {"arange: no sequence from ", start, " to ", stop, " by ", step});
  }
  // Beyond 2^53 a double does not hold every integer; numel() throws for such a count.
  Tensor result = empty({static_cast<std::int64_t>(std::clamp(count, 0.0, 9007199254740992.0))}, dtype);
  for (std::int64_t i = 0; i < result.numel(); ++i) {
    const double value = start + static_cast<double>(i) * step;
    detail::require_representable(value, dtype, "arange");
    detail::store_element(result.impl_->bytes(), dtype, i, value);
  }
  return result;
}

namespace {

Tensor random(const char* op, const Shape& shape, DType dtype, bool normal) {
  if (!is_floating(dtype)) detail::fail(ErrorCode::dtype, {op, ": needs float32 or float64, not ", name_of(dtype)});
  Tensor result = Tensor::empty(shape, dtype);
  detail::for_floating(dtype, [&]<class T>() {
    const std::span out(result.mutable_data<T>(), static_cast<std::size_t>(result.numel()));
    if (normal) {
      default_generator().fill_normal(out);
    } else {
      default_generator().fill_uniform(out);
    }
  });
  return result;
}

}  // namespace

Tensor Tensor::rand(const Shape& shape, DType dtype) { return random("rand", shape, dtype, false); }
Tensor Tensor::randn(const Shape& shape, DType dtype) { return random("randn", shape, dtype, true); }

template <class T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape) {
  const auto count = static_cast<std::size_t>(tinytorch::numel(shape));
  if (values.size() != count) {
    detail::fail(ErrorCode::shape, {"from: shape ", shape, " needs ", count, " values, there are ", values.size()});
  }
  Tensor result = empty(shape, dtype_of<T>);
  std::copy(values.begin(), values.end(), result.mutable_data<T>());
  return result;
}

const Shape& Tensor::shape() const noexcept { return impl_ ? impl_->shape : no_dims; }
const Strides& Tensor::strides() const noexcept { return impl_ ? impl_->strides : no_dims; }
std::int64_t Tensor::size(std::int64_t dim) const { return shape()[detail::require_dim(dim, shape(), "size")]; }
std::int64_t Tensor::numel() const noexcept { return impl_ ? impl_->numel : 0; }
std::size_t Tensor::ndim() const noexcept { return shape().size(); }
DType Tensor::dtype() const noexcept { return impl_ ? impl_->dtype : DType::float32; }
bool Tensor::is_contiguous() const noexcept { return !impl_ || impl_->contiguous; }
bool Tensor::shares_storage(const Tensor& other) const noexcept {
  return impl_ && other.impl_ && impl_->storage == other.impl_->storage;
}
std::uint64_t Tensor::version() const noexcept { return impl_ ? impl_->storage->version : 0; }

template <class T>
const T* Tensor::strided_data() const {
  require_dtype<T>(impl_.get(), "data");
  return reinterpret_cast<const T*>(impl_->bytes());
}

template <class T>
T* Tensor::mutable_strided_data() {
  require_dtype<T>(impl_.get(), "mutable_data");
  detail::begin_write(*impl_, "mutable_data");
  return reinterpret_cast<T*>(impl_->bytes());
}

template <class T>
const T* Tensor::data() const {
  require_row_major(impl_.get(), "data");
  return strided_data<T>();
}

template <class T>
T* Tensor::mutable_data() {
  require_row_major(impl_.get(), "mutable_data");
  return mutable_strided_data<T>();
}

double Tensor::item() const {
  if (numel() != 1) detail::fail(ErrorCode::shape, {"item: needs one element, the shape is ", shape()});
  return detail::load_element(impl_->bytes(), impl_->dtype, 0);
}

double Tensor::at(std::initializer_list<std::int64_t> index) const {
  detail::require_defined(*this, "at", "a");
  const Dims position(index);
  bool inside = position.size() == ndim();
  std::int64_t offset = 0;
  for (std::size_t i = 0; inside && i < position.size(); ++i) {
    inside = position[i] >= 0 && position[i] < shape()[i];
    if (inside) offset += position[i] * strides()[i];
  }
  if (!inside) {
    detail::fail(ErrorCode::invalid_argument, {"at: index ", position, " is outside of shape ", shape()});
  }
  return detail::load_element(impl_->bytes(), impl_->dtype, offset);
}

template <class T>
void Tensor::copy_to(std::span<T> out) const {
  if (static_cast<std::int64_t>(out.size()) != numel()) {
    detail::fail(ErrorCode::shape,
                 {"copy_to: shape ", shape(), " has ", numel(), " elements, the destination ", out.size()});
  }
  if (out.empty()) return;
  detail::copy_strided({reinterpret_cast<std::byte*>(out.data()), contiguous_strides(shape()), dtype_of<T>},
                       {impl_->bytes(), strides(), dtype()}, shape());
}

void Tensor::copy_from(const Tensor& source) {
  detail::require_defined(*this, "copy_from", "the destination");
  detail::require_defined(source, "copy_from", "the source");
  detail::require_out(*this, shape(), dtype(), "copy_from");
  if (source.impl_->gradient) source.impl_->gradient->before_copy("copy_from");
  Tensor from = detail::expanded(source, shape());
  const bool same_place = detail::may_overlap(*this, from);
  if (same_place && impl_->offset == from.impl_->offset && strides() == from.strides()) return;
  if (same_place) from = detail::copied(from);
  detail::begin_write(*impl_, "copy_from");
  detail::copy_strided({impl_->bytes(), strides(), dtype()}, {from.impl_->bytes(), from.strides(), from.dtype()},
                       shape());
}

void Tensor::fill(double value) {
  detail::require_defined(*this, "fill", "the destination");
  detail::require_representable(value, dtype(), "fill");
  detail::begin_write(*impl_, "fill");
  Strides same_element;
  same_element.resize(ndim());
  double converted = 0;  // the value in the tensor's own type
  detail::store_element(&converted, dtype(), 0, value);
  detail::copy_strided({impl_->bytes(), strides(), dtype()},
                       {reinterpret_cast<std::byte*>(&converted), same_element, dtype()}, shape());
}

namespace detail {

Tensor copied(const Tensor& a) {
  require_defined(a, "clone", "a");
  Tensor result = Tensor::empty(a.shape(), a.dtype());
  copy_strided({result.impl()->bytes(), result.strides(), a.dtype()}, {a.impl()->bytes(), a.strides(), a.dtype()},
               a.shape());
  return result;
}

Tensor row_major(const Tensor& a) { return a.is_contiguous() ? a : copied(a); }

Tensor converted(const Tensor& a, DType target) {
  require_defined(a, "to", "a");
  if (target == a.dtype()) return a;
  Tensor result = Tensor::empty(a.shape(), target);
  copy_strided({result.impl()->bytes(), result.strides(), target}, {a.impl()->bytes(), a.strides(), a.dtype()},
               a.shape());
  return result;
}

}  // namespace detail

#define TINYTORCH_INSTANTIATE(T)                                     \
  template Tensor Tensor::from<T>(std::span<const T>, const Shape&); \
  template const T* Tensor::data<T>() const;                         \
  template T* Tensor::mutable_data<T>();                             \
  template const T* Tensor::strided_data<T>() const;                 \
  template T* Tensor::mutable_strided_data<T>();                     \
  template void Tensor::copy_to<T>(std::span<T>) const;
TINYTORCH_INSTANTIATE(float)
TINYTORCH_INSTANTIATE(double)
TINYTORCH_INSTANTIATE(std::int32_t)
TINYTORCH_INSTANTIATE(std::uint8_t)
#undef TINYTORCH_INSTANTIATE

}  // namespace tinytorch
