#pragma once

// A tensor written for clarity, not speed, and no part of the library: a base array of numbers and, for each element in
// row-major order, its place in that array. A view has a base of another tensor and places of its own, so what shares
// memory is plain to see. tests/reference/tensor.ts is the same in TypeScript.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "tinytorch/dtype.h"

namespace tinytorch::reference {

/// What the reference does not do, and the library must refuse with an Error.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Sizes = std::vector<std::int64_t>;
using Numbers = std::vector<double>;

/// Numbers that tensors share. `errors` says how far the library's number may be from each; 0 where both are equal.
struct Base {
  DType dtype;
  Numbers values, errors;
  std::uint64_t version = 0;  ///< counts writes, so that a saved value that was overwritten is noticed
};

struct Array;
struct Node;
using Ref = std::shared_ptr<Array>;

/// What a leaf that requires a gradient has.
struct Leaf {
  Ref grad;
};

struct Array {
  std::shared_ptr<Base> base;
  std::vector<std::size_t> places;
  Sizes shape;
  std::shared_ptr<Leaf> leaf{};
  std::shared_ptr<Node> node{};  ///< the recorded operation that made it

  [[nodiscard]] DType dtype() const { return base->dtype; }
  [[nodiscard]] std::size_t size() const { return places.size(); }
  [[nodiscard]] bool requires_grad() const { return leaf || node; }
  /// Row-major without gaps.
  [[nodiscard]] bool is_dense() const {
    for (std::size_t i = 0; i < size(); ++i) {
      if (places[i] != places[0] + i) return false;
    }
    return true;
  }
  /// Whether an element is in several places, as in an expanded view.
  [[nodiscard]] bool repeats() const { return std::set<std::size_t>(places.begin(), places.end()).size() < size(); }
  [[nodiscard]] Numbers gather(const Numbers& from) const {
    Numbers result;
    result.reserve(places.size());
    for (const std::size_t place : places) result.push_back(from[place]);
    return result;
  }
  [[nodiscard]] Numbers values() const { return gather(base->values); }
  [[nodiscard]] Numbers errors() const { return gather(base->errors); }
  void write(const Numbers& values, const Numbers& errors = {}) {
    for (std::size_t i = 0; i < size(); ++i) {
      base->values[places[i]] = values[i];
      base->errors[places[i]] = errors.empty() ? 0 : errors[i];
    }
    ++base->version;
  }
};

inline std::size_t size_of(const Sizes& shape) {
  return static_cast<std::size_t>(
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<std::int64_t>()));
}

/// Every index of a shape, in row-major order.
inline std::vector<Sizes> indices(const Sizes& shape) {
  std::vector<Sizes> result;
  for (std::size_t i = 0; i < size_of(shape); ++i) {
    Sizes index(shape.size());
    auto rest = static_cast<std::int64_t>(i);
    for (std::size_t axis = shape.size(); axis-- > 0; rest /= shape[axis]) index[axis] = rest % shape[axis];
    result.push_back(index);
  }
  return result;
}

/// The place of an index in row-major order. Missing leading axes are dropped, an axis of size 1 is repeated.
inline std::size_t flat(const Sizes& shape, const Sizes& index) {
  const std::size_t lead = index.size() - shape.size();
  std::int64_t place = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    place = place * shape[axis] + (shape[axis] == 1 ? 0 : index[lead + axis]);
  }
  return static_cast<std::size_t>(place);
}

/// The largest finite number.
inline double largest_of(DType dtype) {
  return dtype == DType::float64 ? std::numeric_limits<double>::max() : std::numeric_limits<float>::max();
}
/// The distance from 1 to the next number.
inline double epsilon(DType dtype) { return dtype == DType::float64 ? 0x1p-52 : 0x1p-23; }

/// Absolute differences below this come from numbers too small for the dtype's full precision.
inline double tiny(DType dtype) { return dtype == DType::float64 ? 1e-300 : 1e-35; }

/// The nearest number of the dtype; into integers towards zero, at most the largest, NaN becomes 0.
inline double round_to(double value, DType dtype) {
  if (dtype == DType::float64) return value;
  if (dtype == DType::float32) {
    // What rounds beyond the largest float is infinite; the conversion itself would leave that open.
    if (std::abs(value) >= 0x1.ffffffp127) return std::copysign(std::numeric_limits<double>::infinity(), value);
    return static_cast<double>(static_cast<float>(value));
  }
  if (std::isnan(value)) return 0;
  const bool is_int = dtype == DType::int32;
  return std::trunc(std::clamp(value, is_int ? -2147483648.0 : 0.0, is_int ? 2147483647.0 : 255.0)) + 0.0;
}

/// A new dense tensor; the values are rounded to the dtype.
inline Ref make(const Numbers& values, const Sizes& shape, DType dtype) {
  auto base = std::make_shared<Base>(Base{dtype, values, Numbers(values.size())});
  for (double& value : base->values) value = round_to(value, dtype);
  std::vector<std::size_t> places(values.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  return std::make_shared<Array>(Array{base, places, shape});
}
inline Ref full(const Sizes& shape, double value, DType dtype) {
  return make(Numbers(size_of(shape), value), shape, dtype);
}
inline Ref detach(const Ref& a) { return std::make_shared<Array>(Array{a->base, a->places, a->shape}); }

// ---- Views: which element of the original is where ----

inline Ref view(const Ref& a, const Sizes& shape, const std::function<Sizes(const Sizes&)>& source) {
  if (shape.size() > 8) throw Refused("more than 8 axes");
  std::vector<std::size_t> places;
  for (const Sizes& index : indices(shape)) places.push_back(a->places[flat(a->shape, source(index))]);
  return std::make_shared<Array>(Array{a->base, places, shape});
}

inline std::size_t axis_of(std::int64_t dim, const Sizes& shape) {
  const auto ndim = static_cast<std::int64_t>(shape.size());
  const std::int64_t axis = dim < 0 ? dim + ndim : dim;
  if (axis < 0 || axis >= ndim) throw Refused("no such axis");
  return static_cast<std::size_t>(axis);
}

inline Ref transpose(const Ref& a, std::int64_t dim0, std::int64_t dim1) {
  const std::size_t i = axis_of(dim0, a->shape), j = axis_of(dim1, a->shape);
  const auto exchange = [=](Sizes list) {
    std::swap(list[i], list[j]);
    return list;
  };
  return view(a, exchange(a->shape), exchange);
}

inline Ref slice(const Ref& a, std::int64_t dim, std::int64_t start, std::int64_t stop, std::int64_t step) {
  const std::size_t axis = axis_of(dim, a->shape);
  if (step < 1) throw Refused("slice: step");
  const std::int64_t size = a->shape[axis];
  const auto place = [=](std::int64_t index) {
    return std::clamp<std::int64_t>(index < 0 ? index + size : index, 0, size);
  };
  const std::int64_t first = place(start), length = std::max<std::int64_t>(place(stop) - first, 0);
  Sizes shape = a->shape;
  shape[axis] = (length + step - 1) / step;
  return view(a, shape, [=](Sizes index) {
    index[axis] = first + index[axis] * step;
    return index;
  });
}

inline Ref expand(const Ref& a, const Sizes& shape) {
  bool fits = shape.size() >= a->shape.size();
  for (std::size_t i = 0; fits && i < a->shape.size(); ++i) {
    fits = a->shape[i] == 1 || a->shape[i] == shape[shape.size() - a->shape.size() + i];
  }
  if (!fits) throw Refused("expand");
  return view(a, shape, [](const Sizes& index) { return index; });
}

/// A view wherever an origin plus strides times the index, axis by axis, can express it; else a copy.
inline Ref reshape(const Ref& a, Sizes shape) {
  std::int64_t known = 1, unknown = 0;
  for (const std::int64_t size : shape) (size == -1 ? unknown : known) *= size == -1 ? 1 : size;
  unknown = std::count(shape.begin(), shape.end(), -1);
  const auto count = static_cast<std::int64_t>(a->size());
  if (unknown > 1 || (unknown == 1 && (known == 0 || count % known != 0))) throw Refused("reshape");
  std::replace(shape.begin(), shape.end(), std::int64_t{-1}, known == 0 ? 0 : count / known);
  if (shape.size() > 8 || static_cast<std::int64_t>(size_of(shape)) != count) throw Refused("reshape");
  const Ref result = std::make_shared<Array>(Array{a->base, a->places, shape});
  if (count == 0) return result;
  Sizes strides;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    Sizes second(shape.size());
    second[axis] = shape[axis] > 1 ? 1 : 0;
    strides.push_back(static_cast<std::int64_t>(a->places[flat(shape, second)]) -
                      static_cast<std::int64_t>(a->places[0]));
  }
  const std::vector<Sizes> every = indices(shape);
  for (std::size_t i = 0; i < every.size(); ++i) {
    const std::int64_t place =
        std::inner_product(strides.begin(), strides.end(), every[i].begin(), static_cast<std::int64_t>(a->places[0]));
    if (place != static_cast<std::int64_t>(a->places[i])) return make(a->values(), shape, a->dtype());
  }
  return result;
}

/// A number of one dtype in another: from int32 into uint8 the low 8 bits, else as round_to().
inline double convert(double value, DType from, DType to) {
  if (from != DType::int32 || to != DType::uint8) return round_to(value, to);
  return static_cast<double>(static_cast<std::int64_t>(value) & 255);
}
inline Ref convert(const Ref& a, DType dtype) {
  Numbers values = a->values();
  for (double& value : values) value = convert(value, a->dtype(), dtype);
  return make(values, a->shape, dtype);
}

/// Whether the stretches of memory from first to last element meet, though perhaps no elements do.
inline bool may_overlap(const Ref& a, const Ref& b) {
  if (a->base != b->base || a->places.empty() || b->places.empty()) return false;
  const auto [a_low, a_high] = std::minmax_element(a->places.begin(), a->places.end());
  const auto [b_low, b_high] = std::minmax_element(b->places.begin(), b->places.end());
  return *a_low <= *b_high && *b_low <= *a_high;
}

/// Copies `from`, broadcast and converted, also where the two share memory.
inline void copy_from(const Ref& to, const Ref& from) {
  if (to->repeats()) throw Refused("copy_from: elements share memory");
  Numbers values = expand(from, to->shape)->values();
  for (double& value : values) value = convert(value, from->dtype(), to->dtype());
  to->write(values);
}
inline void fill(const Ref& to, double value) { to->write(Numbers(to->size(), round_to(value, to->dtype()))); }

/// NumPy's rule: aligned at the right, sizes are equal or 1.
inline Sizes broadcast(const Sizes& a, const Sizes& b) {
  Sizes result(std::max(a.size(), b.size()), 1);
  for (const Sizes* shape : {&a, &b}) {
    for (std::size_t i = 0; i < shape->size(); ++i) {
      std::int64_t& size = result[result.size() - shape->size() + i];
      if (size != 1 && (*shape)[i] != 1 && size != (*shape)[i]) throw Refused("shapes do not broadcast");
      if (size == 1) size = (*shape)[i];
    }
  }
  return result;
}

}  // namespace tinytorch::reference
