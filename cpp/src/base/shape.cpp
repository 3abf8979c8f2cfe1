#include "tinytorch/shape.h"

#include <algorithm>
#include <limits>

#include "base/fail.h"

namespace tinytorch {

namespace {

constexpr std::size_t kMaxRank = Dims::kMaxRank;

[[noreturn]] void throw_rank(std::size_t rank) {
  detail::fail(ErrorCode::invalid_argument, {"shape: ", rank, " axes, at most ", kMaxRank, " are possible"});
}

}  // namespace

Dims::Dims(std::span<const std::int64_t> values) : size_(values.size()) {
  if (size_ > kMaxRank) throw_rank(size_);
  std::copy(values.begin(), values.end(), values_.begin());
}

void Dims::push_back(std::int64_t value) {
  if (size_ == kMaxRank) throw_rank(size_ + 1);
  values_[size_++] = value;
}

void Dims::resize(std::size_t size, std::int64_t fill) {
  if (size > kMaxRank) throw_rank(size);
  for (std::size_t i = size_; i < size; ++i) values_[i] = fill;
  size_ = size;
}

bool operator==(const Dims& x, const Dims& y) noexcept { return std::equal(x.begin(), x.end(), y.begin(), y.end()); }

std::string to_string(const Dims& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(dims[i]);
  }
  return text + "]";
}

std::int64_t numel(const Shape& shape) {
  // Byte offsets are signed, hence ptrdiff_t: 2 GiB in wasm32.
  constexpr std::int64_t limit = std::numeric_limits<std::ptrdiff_t>::max() / 8;
  std::int64_t count = 1;
  bool empty = false, too_large = false;
  for (std::int64_t size : shape) {
    if (size < 0) detail::fail(ErrorCode::invalid_argument, {"shape ", shape, ": sizes must not be negative"});
    if (size == 0) {
      empty = true;
    } else if (count > limit / size) {
      too_large = true;
    } else {
      count *= size;
    }
  }
  // Also if a size is 0: the strides are products of the other sizes.
  if (too_large) detail::fail(ErrorCode::overflow, {"shape ", shape, ": too large for the address space"});
  return empty ? 0 : count;
}

Strides contiguous_strides(const Shape& shape) {
  Strides strides;
  strides.resize(shape.size());
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<std::int64_t>(shape[i], 1);
  }
  return strides;
}

Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op) {
  Shape result;
  result.resize(std::max(a.size(), b.size()));
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) {
      detail::fail(ErrorCode::shape, {op, ": shapes do not broadcast: a is ", a, ", b is ", b});
    }
    result[result.size() - 1 - i] = x == 1 ? y : x;
  }
  return result;
}

}  // namespace tinytorch
