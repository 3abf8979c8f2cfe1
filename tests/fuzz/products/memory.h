#pragma once

// Memory with guards: what a product may read, may write, and nothing else.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "case.h"

namespace tinytorch::fuzz {

inline constexpr std::size_t kMargin = 64;  ///< elements on each side

/// A NaN that says who wrote it. One that gets into a sum spoils it.
template <class T>
T marked_nan(std::uint32_t mark) {
  T value{};
  if constexpr (sizeof(T) == 4) {
    const std::uint32_t bits = 0x7fc00000 | mark;
    std::memcpy(&value, &bits, sizeof value);
  } else {
    const std::uint64_t bits = 0x7ff8000000000000 | mark;
    std::memcpy(&value, &bits, sizeof value);
  }
  return value;
}
inline constexpr std::uint32_t kOutside = 0x5a5a5, kUnset = 0x1234, kScratch = 0x3c3c3;

template <class T>
bool same_bits(const std::vector<T>& x, const std::vector<T>& y) {
  return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0);
}

/// Whether all of them are that NaN, bit by bit.
template <class T>
bool all_marked(const T* first, std::size_t count, std::uint32_t mark) {
  const T guard = marked_nan<T>(mark);
  for (std::size_t i = 0; i < count; ++i) {
    if (std::memcmp(first + i, &guard, sizeof guard) != 0) return false;
  }
  return true;
}

/// A rows x cols operand; all around its elements are NaN.
template <class T>
class Operand {
 public:
  void make(std::int64_t rows_, std::int64_t cols_, std::int64_t layout, std::int64_t gap, std::int64_t shift,
            bool integers, bool odd_ones, Stream random) {
    const std::int64_t line = 4096 / static_cast<std::int64_t>(sizeof(T));
    row = cols_ + gap;
    col = 1;
    switch (layout) {
      case columns: row = 1, col = rows_ + gap; break;
      case strided: col = 2 + gap % 3, row = col * cols_ + gap; break;
      case rows_reversed: row = -row; break;
      case columns_reversed: col = -1; break;
      case both_reversed: row = -row, col = -1; break;
      case one_row: row = 0; break;
      case one_column: col = 0, row = 1 + gap; break;
      case one_number: row = col = 0; break;
      case diagonals: row = col = 1; break;
      case critical: row = (cols_ + line - 1) / line * line; break;
      default: break;
    }
    const std::int64_t down = rows_ > 0 ? (rows_ - 1) * row : 0, right = cols_ > 0 ? (cols_ - 1) * col : 0;
    const std::int64_t low = std::min<std::int64_t>(down, 0) + std::min<std::int64_t>(right, 0);
    const std::int64_t high = std::max<std::int64_t>(down, 0) + std::max<std::int64_t>(right, 0);
    start_ = static_cast<std::int64_t>(kMargin) + shift - low;
    memory_.assign(2 * kMargin + static_cast<std::size_t>(shift + high - low + 1), marked_nan<T>(kOutside));
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < cols_; ++j) {
        const std::uint64_t bits = random.next();
        at(i, j) = integers ? static_cast<T>(static_cast<int>(bits % 9) - 4)
                            : static_cast<T>(static_cast<double>(bits >> 11) * 0x1p-52 - 1);
      }
    }
    before_ = memory_;
    // An axis of size 1 is never stepped along: any stride must do.
    if (odd_ones && rows_ == 1) row = random.below(200001) - 100000;
    if (odd_ones && cols_ == 1) col = random.below(200001) - 100000;
  }

  /// Read before the strides of axes of size 1 became odd ones, and after: such an axis has only index 0.
  [[nodiscard]] T& at(std::int64_t i, std::int64_t j) {
    return memory_[static_cast<std::size_t>(start_ + i * row + j * col)];
  }
  [[nodiscard]] const T* data() const { return memory_.data() + start_; }
  [[nodiscard]] bool untouched() const { return same_bits(memory_, before_); }

  std::int64_t row = 0, col = 1;

 private:
  std::vector<T> memory_, before_;
  std::int64_t start_ = 0;
};

/// The values that C should have, and the sums of all absolute values behind each, to which errors are relative.
struct Expected {
  std::vector<double> value, magnitude;
};

/// sum += a * b as if in twice double's precision (Ogita, Rump and Oishi, "Accurate sum and dot product", 2005).
inline void add_exactly(double a, double b, double& sum, double& rest) {
  const auto split = [](double x, double& high, double& low) {
    const double scaled = x * 134217729.0;
    high = scaled - (scaled - x);
    low = x - high;
  };
  double ah = 0, al = 0, bh = 0, bl = 0;
  split(a, ah, al);
  split(b, bh, bl);
  const double product = a * b, error = al * bl - (((product - ah * bh) - al * bh) - ah * bl);
  const double before = sum;
  sum = before + product;
  const double part = sum - before;
  rest += ((before - (sum - part)) + (product - part)) + error;
}

}  // namespace tinytorch::fuzz
