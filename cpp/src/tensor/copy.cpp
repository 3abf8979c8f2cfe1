#include "copy.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dispatch.h"
#include "strided_loop.h"

namespace tinytorch::detail {

namespace {

template <class To, class From>
void copy_row(To* to, std::int64_t to_step, const From* from, std::int64_t from_step, std::int64_t count) {
  if constexpr (std::is_same_v<To, From>) {
    if (to_step == 1 && from_step == 1) {
      std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(To));
      return;
    }
  }
  for (std::int64_t i = 0; i < count; ++i) to[i * to_step] = convert<To>(from[i * from_step]);
}

/// Where the source is contiguous along another axis than the destination (a transpose), one of the two is walked
/// across its rows. That axis becomes the second to last, and the plane is copied in strips of 16 columns: 16
/// streams of the source, read in order, so that no cache line is fetched twice.
template <class To, class From>
void copy_plane(To* to, const From* from, const LoopNest& nest, std::int64_t rows, std::int64_t to_row,
                std::int64_t from_row) {
  constexpr std::int64_t strip = 16;
  const std::int64_t columns = nest.row_length();
  for (std::int64_t j = 0; j < columns; j += strip) {
    const std::int64_t width = std::min(strip, columns - j);
    for (std::int64_t i = 0; i < rows; ++i) {
      copy_row(to + i * to_row + j * nest.row_step(0), nest.row_step(0), from + i * from_row + j * nest.row_step(1),
               nest.row_step(1), width);
    }
  }
}

template <class To, class From>
void copy_all(To* to, const From* from, LoopNest nest) {
  std::int64_t rows = 1, to_row = 0, from_row = 0;
  if (nest.axes > 1 && nest.row_step(1) != 1) {
    for (std::size_t axis = 0; axis + 1 < nest.axes; ++axis) {
      if (nest.stride[1][axis] != 1) continue;
      rows = std::exchange(nest.size[axis], 1);
      to_row = std::exchange(nest.stride[0][axis], 0);
      from_row = std::exchange(nest.stride[1][axis], 0);
      break;
    }
  }
  for_rows(nest, 0, nest.rows(), [&](const Offsets& offset) {
    if (rows == 1) {
      copy_row(to + offset[0], nest.row_step(0), from + offset[1], nest.row_step(1), nest.row_length());
    } else {
      copy_plane(to + offset[0], from + offset[1], nest, rows, to_row, from_row);
    }
  });
}

}  // namespace

void copy_strided(const StridedBytes<std::byte>& to, const StridedBytes<const std::byte>& from, const Shape& shape) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return;
  const LoopNest nest = make_loop_nest(shape, {&to.strides, &from.strides});
  for_dtype(to.dtype, [&]<class To>() {
    for_dtype(from.dtype, [&]<class From>() {
      copy_all(reinterpret_cast<To*>(to.data), reinterpret_cast<const From*>(from.data), nest);
    });
  });
}

}  // namespace tinytorch::detail
