#include "reduce.h"

#include <algorithm>

#include "simd/lanes.h"

namespace tinytorch::detail {

namespace {

template <class T>
T sum_run(const T* values, std::size_t count) noexcept {
  using V = simd::Vec<T>;
  constexpr std::size_t parts = 8, step = parts * V::width;  // eight additions in flight hide their latency
  V acc[parts];
  for (V& a : acc) a = V::zero();
  std::size_t i = 0;
  for (; i + step <= count; i += step) {
    for (std::size_t p = 0; p < parts; ++p) acc[p] = acc[p] + V::load(values + i + p * V::width);
  }
  for (std::size_t p = 0; i < count; ++p, i += V::width) {
    const std::size_t rest = std::min<std::size_t>(V::width, count - i);
    acc[p] = acc[p] + simd::load_partial<V>(values + i, rest);
  }
  return simd::sum(((acc[0] + acc[4]) + (acc[2] + acc[6])) + ((acc[1] + acc[5]) + (acc[3] + acc[7])));
}

template <class T>
void sum_columns_run(const T* values, std::size_t rows, std::size_t columns, std::size_t row_stride, T* out,
                     bool accumulate) noexcept {
  using V = simd::Vec<T>;
  constexpr std::size_t group = 4;  // 64 bytes: a cache line is read whole
  std::size_t j = 0;
  for (; j + group * V::width <= columns; j += group * V::width) {
    V acc[group];
    for (V& a : acc) a = V::zero();
    for (std::size_t i = 0; i < rows; ++i) {
      const T* row = values + i * row_stride + j;
      for (std::size_t p = 0; p < group; ++p) acc[p] = acc[p] + V::load(row + p * V::width);
    }
    for (std::size_t p = 0; p < group; ++p) {
      T* to = out + j + p * V::width;
      (accumulate ? V::load(to) + acc[p] : acc[p]).store(to);
    }
  }
  for (; j < columns; j += V::width) {
    const std::size_t rest = std::min<std::size_t>(V::width, columns - j);
    V acc = V::zero();
    for (std::size_t i = 0; i < rows; ++i) {
      const T* from = values + i * row_stride + j;
      acc = acc + (rest == V::width ? V::load(from) : simd::load_partial<V>(from, rest));
    }
    if (accumulate) acc = simd::load_partial<V>(out + j, rest) + acc;
    simd::store_partial(acc, out + j, rest);
  }
}

constexpr std::size_t kRunRows = 64, kPanelColumns = 256;

template <class T>
void sum_panel(const T* values, std::size_t rows, std::size_t columns, std::size_t row_stride, T* out,
               bool accumulate) noexcept {
  if (rows <= kRunRows) return sum_columns_run(values, rows, columns, row_stride, out, accumulate);
  const std::size_t half = (rows / kRunRows + 1) / 2 * kRunRows;
  T lower[kPanelColumns];
  sum_panel(values, half, columns, row_stride, lower, false);
  T upper[kPanelColumns];
  sum_panel(values + half * row_stride, rows - half, columns, row_stride, upper, false);
  for (std::size_t j = 0; j < columns; ++j) {
    const T sum = lower[j] + upper[j];
    out[j] = accumulate ? out[j] + sum : sum;
  }
}

}  // namespace

template <class T>
T sum_row(const T* values, std::size_t count) noexcept {
  constexpr std::size_t run = 1024;
  if (count <= run) return sum_run(values, count);
  const std::size_t half = (count / run + 1) / 2 * run;
  return sum_row(values, half) + sum_row(values + half, count - half);
}

template <class T>
void sum_columns(const T* values, std::size_t rows, std::size_t columns, std::size_t row_stride, T* out,
                 bool accumulate) noexcept {
  for (std::size_t j = 0; j < columns; j += kPanelColumns) {
    sum_panel(values + j, rows, std::min(kPanelColumns, columns - j), row_stride, out + j, accumulate);
  }
}

template <class T>
T max_row(const T* values, std::size_t count) noexcept {
  using V = simd::Vec<T>;
  V best = V::splat(values[0]);
  std::size_t i = 0;
  for (; i + V::width <= count; i += V::width) best = simd::max(best, V::load(values + i));
  for (; i < count; ++i) best = simd::max(best, V::splat(values[i]));
  T lanes[V::width];
  best.store(lanes);
  for (T lane : lanes) {
    if (lane > lanes[0] || lane != lane) lanes[0] = lane;
  }
  return lanes[0];
}

template float sum_row<float>(const float*, std::size_t) noexcept;
template double sum_row<double>(const double*, std::size_t) noexcept;
template float max_row<float>(const float*, std::size_t) noexcept;
template double max_row<double>(const double*, std::size_t) noexcept;
template void sum_columns<float>(const float*, std::size_t, std::size_t, std::size_t, float*, bool) noexcept;
template void sum_columns<double>(const double*, std::size_t, std::size_t, std::size_t, double*, bool) noexcept;

}  // namespace tinytorch::detail
