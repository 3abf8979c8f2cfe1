#pragma once

// Tensors in every layout, read element by element through their strides, so that a test's expectation does not
// rest on the loops that it judges.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tinytorch/error.h"
#include "tinytorch/tensor.h"

namespace tinytorch::testing {

#define EXPECT_ERROR(statement, expected_code, text)                                    \
  try {                                                                                 \
    (void)(statement);                                                                  \
    ADD_FAILURE() << #statement << " threw nothing";                                    \
  } catch (const ::tinytorch::Error& error) {                                           \
    EXPECT_EQ(error.code(), expected_code) << error.what();                             \
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what(); \
  }

/// The name of a test's parameter: `float32`.
inline std::string dtype_name(const ::testing::TestParamInfo<DType>& info) { return std::string(name_of(info.param)); }

inline double element(const Tensor& t, std::int64_t offset) {
  switch (t.dtype()) {
    case DType::float32: return t.strided_data<float>()[offset];
    case DType::float64: return t.strided_data<double>()[offset];
    case DType::int32: return t.strided_data<std::int32_t>()[offset];
    case DType::uint8: return t.strided_data<std::uint8_t>()[offset];
  }
  return 0;
}

/// Calls f(index) for every position of `shape` in row-major order.
inline void each_index(const Shape& shape, const std::function<void(const Dims&)>& f) {
  for (std::int64_t size : shape)
    if (size == 0) return;
  Dims index;
  index.resize(shape.size());
  for (;;) {
    f(index);
    std::size_t axis = shape.size();
    while (axis > 0 && ++index[axis - 1] == shape[axis - 1]) index[--axis] = 0;
    if (axis == 0) return;
  }
}

/// The element at `index`, counted from the last axis, size 1 repeated.
inline double broadcast_at(const Tensor& t, const Dims& index) {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < t.ndim(); ++i) {
    const std::int64_t at = index[index.size() - t.ndim() + i];
    offset += (t.shape()[i] == 1 ? 0 : at) * t.strides()[i];
  }
  return element(t, offset);
}

inline std::vector<double> values(const Tensor& t) {
  std::vector<double> result;
  each_index(t.shape(), [&](const Dims& index) { result.push_back(broadcast_at(t, index)); });
  return result;
}

enum class View { dense, transposed, sliced, stepped, expanded };
inline constexpr View all_views[] = {View::dense, View::transposed, View::sliced, View::stepped, View::expanded};

/// Random numbers (or their function f) of the given shape; where the shape leaves no room for the view, dense.
inline Tensor make(
    const Shape& shape, DType dtype, View view = View::dense,
    const std::function<double(double)>& f = [](double x) { return x; }) {
  Shape base = shape;
  const std::size_t last = shape.size() - 1;
  if (shape.empty() || (view == View::transposed && shape.size() < 2)) view = View::dense;
  if (view == View::transposed) std::swap(base[last], base[last - 1]);
  if (view == View::sliced) base[last] += 3;
  if (view == View::stepped) base[last] = 2 * base[last] + 1;
  if (view == View::expanded) base[0] = 1;
  Tensor t = Tensor::randn(base, dtype);
  const std::vector<double> plain = values(t);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const double x = f(plain[i]);
    if (dtype == DType::float32) t.mutable_data<float>()[i] = static_cast<float>(x);
    if (dtype == DType::float64) t.mutable_data<double>()[i] = x;
  }
  switch (view) {
    case View::dense: return t;
    case View::transposed: return t.transpose();
    case View::sliced: return t.slice(-1, 2, 2 + shape[last]);
    case View::stepped: return t.slice(-1, 1, base[last], 2);
    case View::expanded: return t.expand(shape);
  }
  return t;
}

inline Tensor tensor(const Shape& shape, const std::vector<float>& data) {
  return Tensor::from(std::span<const float>(data), shape);
}
inline Tensor tensor64(const Shape& shape, const std::vector<double>& data) {
  return Tensor::from(std::span<const double>(data), shape);
}

}  // namespace tinytorch::testing
