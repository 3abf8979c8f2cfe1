#include "copy.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dispatch.h"
#include "strided_loop.h"

namespace tinytorch::detail {

namespace {

struct StridedRow {
  std::byte* data;
  std::int64_t step;  ///< along the row, in elements
};

template <class Word>
void copy_words(const StridedRow& to, const StridedRow& from, std::int64_t count) {
  auto* out = reinterpret_cast<Word*>(to.data);
  const auto* in = reinterpret_cast<const Word*>(from.data);
  for (std::int64_t i = 0; i < count; ++i) out[i * to.step] = in[i * from.step];
}

/// Converts by way of double, which holds the numbers of every type exactly. So there is a loop to read and one to
/// write for each type, not one for each pair of types. An integer keeps its low bits in a narrower one, as in PyTorch.
void convert_row(const StridedRow& to, DType to_type, const StridedRow& from, DType from_type, std::int64_t count) {
  constexpr std::int64_t chunk = 256;
  double values[chunk];
  for (std::int64_t done = 0; done < count; done += chunk) {
    const std::int64_t n = std::min(chunk, count - done);
    load_elements(from.data, from_type, done * from.step, from.step, n, values);
    if (from_type == DType::int32 && to_type == DType::uint8) {
      for (std::int64_t i = 0; i < n; ++i) values[i] = static_cast<std::int32_t>(values[i]) & 255;
    }
    for_dtype(to_type, [&]<class T>() {
      T* out = reinterpret_cast<T*>(to.data) + done * to.step;
      for (std::int64_t i = 0; i < n; ++i) out[i * to.step] = convert<T>(values[i]);
    });
  }
}

void copy_row(const StridedRow& to, DType to_type, const StridedRow& from, DType from_type, std::int64_t count) {
  if (to_type != from_type) return convert_row(to, to_type, from, from_type, count);
  const std::size_t size = size_of(to_type);
  if (to.step == 1 && from.step == 1) {
    std::memcpy(to.data, from.data, static_cast<std::size_t>(count) * size);
  } else if (size == 8) {
    copy_words<std::uint64_t>(to, from, count);
  } else if (size == 4) {
    copy_words<std::uint32_t>(to, from, count);
  } else {
    copy_words<std::uint8_t>(to, from, count);
  }
}

}  // namespace

// If the source is contiguous along another axis than the destination (a transpose), one of the two is walked across
// its rows. Then that axis of the source is taken out of the nest, and the plane of both axes is copied in strips of 16
// columns. A strip reads 16 streams of the source, each in order, so that no cache line is fetched twice.
void copy_strided(const StridedBytes<std::byte>& to, const StridedBytes<const std::byte>& from, const Shape& shape) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return;
  LoopNest nest = make_loop_nest(shape, {&to.strides, &from.strides});
  std::int64_t rows = 1, to_row = 0, from_row = 0, strip = nest.row_length();
  if (nest.row_step(1) != 1) {
    for (std::size_t axis = 0; axis + 1 < nest.axes; ++axis) {
      if (nest.stride[1][axis] != 1) continue;
      rows = std::exchange(nest.size[axis], 1);
      to_row = std::exchange(nest.stride[0][axis], 0);
      from_row = std::exchange(nest.stride[1][axis], 0);
      strip = 16;
      break;
    }
  }
  const auto to_size = static_cast<std::int64_t>(size_of(to.dtype));
  const auto from_size = static_cast<std::int64_t>(size_of(from.dtype));
  const std::int64_t to_step = nest.row_step(0), from_step = nest.row_step(1);
  for_rows(nest, 0, nest.rows(), [&](const Offsets& offset) {
    for (std::int64_t j = 0; j < nest.row_length(); j += strip) {
      const std::int64_t width = std::min(strip, nest.row_length() - j);
      for (std::int64_t i = 0; i < rows; ++i) {
        std::byte* out = to.data + (offset[0] + i * to_row + j * to_step) * to_size;
        const std::byte* in = from.data + (offset[1] + i * from_row + j * from_step) * from_size;
        copy_row({out, to_step}, to.dtype, {const_cast<std::byte*>(in), from_step}, from.dtype, width);
      }
    }
  });
}

void load_elements(const void* data, DType dtype, std::int64_t index, std::int64_t step, std::int64_t count,
                   double* out) {
  for_dtype(dtype, [&]<class T>() {
    const T* in = static_cast<const T*>(data) + index;
    for (std::int64_t i = 0; i < count; ++i) out[i] = static_cast<double>(in[i * step]);
  });
}

double load_element(const void* data, DType dtype, std::int64_t index) noexcept {
  return for_dtype(dtype, [&]<class T>() { return static_cast<double>(static_cast<const T*>(data)[index]); });
}

void store_element(void* data, DType dtype, std::int64_t index, double value) noexcept {
  for_dtype(dtype, [&]<class T>() { static_cast<T*>(data)[index] = convert<T>(value); });
}

}  // namespace tinytorch::detail
