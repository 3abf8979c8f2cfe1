#include <algorithm>
#include <limits>
#include <string>

#include "check.h"
#include "storage.h"
#include "views.h"

namespace tinytorch {

namespace detail {

namespace {

/// Gives every axis that is never stepped along (size 1, or a tensor without elements) the stride of a dense tensor.
/// Then "row-major" and "has contiguous_strides()" mean the same. Returns whether the tensor is row-major.
bool settle_strides(const Shape& shape, std::int64_t numel, Strides& strides) {
  const Strides dense = contiguous_strides(shape);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1 || numel == 0) strides[i] = dense[i];
  }
  return strides == dense;
}

}  // namespace

Tensor make_view(const Tensor& source, std::int64_t offset, const Shape& shape, const Strides& strides) {
  auto impl = std::make_shared<TensorImpl>();
  impl->storage = source.impl()->storage;
  impl->offset = offset;
  impl->shape = shape;
  impl->strides = strides;
  impl->numel = numel(shape);
  impl->dtype = source.dtype();
  impl->contiguous = settle_strides(shape, impl->numel, impl->strides);
  return Tensor(std::move(impl));
}

namespace {

/// Finds strides that show `from`'s elements in `to`'s shape without a copy; false if there are none. Both shapes
/// have the same number of elements, at least one. Axes are matched in groups of equal size; within a group of
/// `from` the axes must follow one another without gaps.
bool view_strides(const Shape& from, const Strides& from_strides, const Shape& to, Strides& result) {
  result.resize(to.size(), 1);
  std::size_t j = to.size();
  std::size_t i = from.size();
  while (i > 0) {
    if (from[i - 1] == 1) {
      --i;
      continue;
    }
    const std::int64_t step = from_strides[i - 1];
    std::int64_t group = from[--i];
    while (i > 0 && (from[i - 1] == 1 || from_strides[i - 1] == step * group)) group *= from[--i];
    std::int64_t covered = 1;
    while (j > 0 && covered < group) {
      --j;
      result[j] = step * covered;
      covered *= to[j];
    }
    if (covered != group) return false;
  }
  return true;
}

}  // namespace

Tensor reshaped(const Tensor& a, Shape target) {
  require_defined(a, "reshape", "a");
  const Shape asked = target;
  std::int64_t known = 1;
  std::int64_t* unknown = nullptr;
  bool fits = true;
  for (std::int64_t& size : target) {
    if (size == -1 && unknown == nullptr) {
      unknown = &size;
    } else {
      fits = fits && size >= 0 && (size == 0 || known <= std::numeric_limits<std::int64_t>::max() / size);
      if (fits) known *= size;
    }
  }
  if (fits && unknown != nullptr) {
    fits = known != 0 && a.numel() % known == 0;
    if (fits) *unknown = a.numel() / known;
  } else {
    fits = fits && known == a.numel();
  }
  if (!fits) {
    fail(ErrorCode::shape, {"reshape: ", a.shape(), " has ", a.numel(), " elements and cannot become ", asked});
  }
  // If there are no elements, sizes of any product have passed so far. Strides are such products, so numel() must throw
  // for sizes that are too large.
  (void)numel(target);
  if (a.impl()->contiguous) return make_view(a, a.impl()->offset, target, contiguous_strides(target));
  Strides strides_of_view;
  if (view_strides(a.shape(), a.strides(), target, strides_of_view)) {
    return make_view(a, a.impl()->offset, target, strides_of_view);
  }
  return reshaped(copied(a), target);
}

Tensor transposed(const Tensor& a, std::int64_t dim0, std::int64_t dim1) {
  require_defined(a, "transpose", "a");
  const std::size_t i = require_dim(dim0, a.shape(), "transpose");
  const std::size_t j = require_dim(dim1, a.shape(), "transpose");
  Shape new_shape = a.shape();
  Strides new_strides = a.strides();
  std::swap(new_shape[i], new_shape[j]);
  std::swap(new_strides[i], new_strides[j]);
  return make_view(a, a.impl()->offset, new_shape, new_strides);
}

Tensor sliced(const Tensor& a, std::int64_t dim, std::int64_t start, std::int64_t stop, std::int64_t step) {
  require_defined(a, "slice", "a");
  const std::size_t axis = require_dim(dim, a.shape(), "slice");
  if (step < 1) fail(ErrorCode::invalid_argument, {"slice: step ", step, " is not positive"});
  const std::int64_t size = a.shape()[axis];
  const auto place = [size](std::int64_t index) {
    return std::clamp<std::int64_t>(index < 0 ? index + size : index, 0, size);
  };
  start = place(start);
  stop = place(stop);
  Shape new_shape = a.shape();
  Strides new_strides = a.strides();
  const std::int64_t length = std::max<std::int64_t>(stop - start, 0);
  new_shape[axis] = length / step + (length % step != 0);
  // With one element or none the stride is not used. It is left as it is, because a huge step could overflow it.
  if (new_shape[axis] > 1) new_strides[axis] *= step;
  return make_view(a, a.impl()->offset + (new_shape[axis] > 0 ? start * a.strides()[axis] : 0), new_shape, new_strides);
}

Tensor expanded(const Tensor& a, const Shape& target) {
  require_defined(a, "expand", "a");
  if (target == a.shape()) return a;
  bool fits = target.size() >= a.ndim();
  Strides new_strides;
  new_strides.resize(target.size());
  const std::size_t shift = fits ? target.size() - a.ndim() : 0;
  for (std::size_t i = 0; fits && i < a.ndim(); ++i) {
    fits = a.shape()[i] == target[shift + i] || a.shape()[i] == 1;
    new_strides[shift + i] = a.shape()[i] == target[shift + i] ? a.strides()[i] : 0;
  }
  if (!fits) {
    fail(ErrorCode::shape, {"expand: ", a.shape(), " does not broadcast to ", target});
  }
  return make_view(a, a.impl()->offset, target, new_strides);
}

}  // namespace detail

}  // namespace tinytorch
