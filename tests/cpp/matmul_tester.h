#pragma once

// One product with one kernel, checked from all sides: its values, the memory around C, and that the kernel which
// was asked for is the one that ran.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "matmul/registry.h"
#include "reference.h"
#include "tinytorch/dtype.h"
#include "tinytorch/matmul.h"

namespace tinytorch::testing {

/// A small generator of our own, so that the tests' data are the same everywhere.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {  // splitmix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-52 - 1; }  ///< [-1, 1)
  int small_integer() { return static_cast<int>(next() % 9) - 4; }              ///< -4 ... 4

 private:
  std::uint64_t state_;
};

/// How an operand lies in memory.
enum class Layout { rows, columns, padded_rows, strided, reversed, repeated_row };

inline const char* name_of(Layout layout) {
  static constexpr const char* names[] = {"rows", "columns", "padded_rows", "strided", "reversed", "repeated_row"};
  return names[static_cast<int>(layout)];
}

enum class Data { integers, reals };

/// A rows x cols operand in a buffer of exactly the elements it may touch, so that AddressSanitizer sees a read
/// beside it; `shift` elements in front make its address less aligned.
template <class T>
class Operand {
 public:
  Operand(std::size_t rows, std::size_t cols, Layout layout, std::size_t shift = 0) {
    const auto r = static_cast<std::ptrdiff_t>(rows);
    const auto c = static_cast<std::ptrdiff_t>(cols);
    switch (layout) {
      case Layout::rows:
        row = c;
        col = 1;
        break;
      case Layout::columns:
        row = 1;
        col = r;
        break;
      case Layout::padded_rows:
        row = c + 3;
        col = 1;
        break;
      case Layout::strided:
        row = 2 * c + 1;
        col = 2;
        break;
      case Layout::reversed:
        row = -c;
        col = -1;
        break;
      case Layout::repeated_row:
        row = 0;
        col = 1;
        break;
    }
    if (rows == 0 || cols == 0) return;
    const std::ptrdiff_t reach = (r - 1) * row + (c - 1) * col;
    start_ = shift + static_cast<std::size_t>(reach < 0 ? -reach : 0);
    buffer_.resize(shift + static_cast<std::size_t>(reach < 0 ? -reach : reach) + 1);
  }

  void fill(Numbers& numbers, Data data) {
    for (T& x : buffer_) x = static_cast<T>(data == Data::integers ? numbers.small_integer() : numbers.uniform());
  }
  T& at(std::size_t i, std::size_t j) {
    return buffer_[start_ + static_cast<std::size_t>(static_cast<std::ptrdiff_t>(i) * row +
                                                     static_cast<std::ptrdiff_t>(j) * col)];
  }
  [[nodiscard]] const T* data() const { return buffer_.data() + start_; }

  std::ptrdiff_t row = 0, col = 1;

 private:
  std::vector<T> buffer_;
  std::size_t start_ = 0;
};

/// C with cells around it that nobody may write.
template <class T>
class Guarded {
 public:
  Guarded(std::size_t rows, std::size_t cols, std::size_t padding)
      : rows_(rows), cols_(cols), row_(cols + padding), cells_(2 * margin + rows * row_, guard) {}

  [[nodiscard]] T* data() { return cells_.data() + margin; }
  [[nodiscard]] std::ptrdiff_t row() const { return static_cast<std::ptrdiff_t>(row_); }
  T& at(std::size_t i, std::size_t j) { return cells_[margin + i * row_ + j]; }

  /// The content, dense.
  std::vector<T> values() {
    std::vector<T> result;
    for (std::size_t i = 0; i < rows_; ++i) result.insert(result.end(), &at(i, 0), &at(i, 0) + cols_);
    return result;
  }
  [[nodiscard]] bool untouched_around() const {
    for (std::size_t at = 0; at < cells_.size(); ++at) {
      const bool inside = at >= margin && at < margin + rows_ * row_ && (at - margin) % row_ < cols_;
      if (!inside && cells_[at] != guard) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t margin = 17;
  static constexpr T guard = T(-777.25);
  std::size_t rows_, cols_, row_;
  std::vector<T> cells_;
};

struct MatmulCase {
  std::size_t m, n, k;
  Layout a = Layout::rows, b = Layout::rows;
  std::size_t shift = 0;    ///< elements by which A, B and bias are off a fresh allocation's alignment
  std::size_t padding = 0;  ///< unused elements at the end of C's rows
  bool accumulate = false, bias = false, relu = false;
};

inline std::ostream& operator<<(std::ostream& out, const MatmulCase& c) {
  out << c.m << "x" << c.k << "x" << c.n << " a:" << name_of(c.a) << " b:" << name_of(c.b) << " shift:" << c.shift
      << " padding:" << c.padding;
  return out << (c.accumulate ? " accumulate" : "") << (c.bias ? " bias" : "") << (c.relu ? " relu" : "");
}

/// A case with its operands filled in, ready to be run by any kernel.
template <class T>
class MatmulProblem {
 public:
  MatmulProblem(const MatmulCase& which, Data data, std::uint64_t seed = 1)
      : a(which.m, which.k, which.a, which.shift),
        b(which.k, which.n, which.b, which.shift),
        bias(1, which.n, Layout::rows, which.shift),
        which_(which),
        c_before_(which.m * which.n) {
    Numbers numbers(seed);
    a.fill(numbers, data);
    b.fill(numbers, data);
    bias.fill(numbers, data);
    for (T& x : c_before_) x = static_cast<T>(data == Data::integers ? numbers.small_integer() : numbers.uniform());
  }

  [[nodiscard]] MatmulArgs<T> args() const {
    return {.m = which_.m,
            .n = which_.n,
            .k = which_.k,
            .a = a.data(),
            .a_row = a.row,
            .a_col = a.col,
            .b = b.data(),
            .b_row = b.row,
            .b_col = b.col,
            .c = nullptr,
            .c_row = 0,
            .bias = which_.bias ? bias.data() : nullptr,
            .activation = which_.relu ? Activation::relu : Activation::none,
            .accumulate = which_.accumulate};
  }

  [[nodiscard]] Reference reference() const { return reference_matmul(args(), c_before_); }

  /// C as the kernel leaves it. C starts as NaN where it must not be read.
  std::vector<T> run(KernelId kernel) {
    Guarded<T> c(which_.m, which_.n, which_.padding);
    for (std::size_t i = 0; i < which_.m; ++i) {
      for (std::size_t j = 0; j < which_.n; ++j) {
        c.at(i, j) = which_.accumulate ? c_before_[i * which_.n + j] : std::numeric_limits<T>::quiet_NaN();
      }
    }
    MatmulArgs<T> product = args();
    product.c = c.data();
    product.c_row = c.row();
    const bool runs = kernel != kAutoKernel && which_.m > 0 && which_.n > 0 && which_.k > 0;
    const std::uint64_t calls = runs ? detail::kernel_calls(kernel) : 0;
    matmul(product, kernel);
    if (runs) {
      EXPECT_EQ(detail::kernel_calls(kernel), calls + 1) << "another kernel ran than the one asked for";
    }
    EXPECT_TRUE(c.untouched_around()) << "memory around C was written";
    return c.values();
  }

  Operand<T> a, b, bias;

 private:
  MatmulCase which_;
  std::vector<T> c_before_;
};

/// Each element inside the computed bound; NaN and infinity where, and only where, the reference has them.
template <class T>
::testing::AssertionResult matches(const std::vector<T>& c, const Reference& expected, std::size_t n, double bound) {
  for (std::size_t at = 0; at < c.size(); ++at) {
    const double value = c[at];
    const double wanted = expected.value[at];
    const bool good = std::isnan(wanted)
                          ? std::isnan(value)
                          : value == wanted || std::abs(value - wanted) <= bound * expected.magnitude[at];
    if (good) continue;
    return ::testing::AssertionFailure() << "c[" << at / n << "," << at % n << "] is " << value << ", expected "
                                         << wanted << " within " << bound * expected.magnitude[at];
  }
  return ::testing::AssertionSuccess();
}

template <class T>
bool same_bits(const std::vector<T>& x, const std::vector<T>& y) {
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0;
}

/// Integers small enough for every sum to be exact, then random reals inside the bound.
template <class T>
void check_case(const MatmulCase& which, KernelId kernel) {
  SCOPED_TRACE(which);
  MatmulProblem<T> integers(which, Data::integers);
  EXPECT_TRUE(matches<T>(integers.run(kernel), integers.reference(), which.n, 0));
  MatmulProblem<T> reals(which, Data::reals);
  EXPECT_TRUE(matches<T>(reals.run(kernel), reals.reference(), which.n, error_bound<T>(which.k)));
}

/// The rungs that this build and processor can run, and `auto`.
inline std::vector<KernelId> runnable_kernels() {
  std::vector<KernelId> ids{kAutoKernel};
  for (std::size_t i = 0; i < kernels().size(); ++i) {
    if (kernels()[i].available) ids.push_back(static_cast<KernelId>(i));
  }
  return ids;
}

inline std::string kernel_name(KernelId id) {
  return id == kAutoKernel ? "auto" : std::string(kernels()[static_cast<std::size_t>(id)].name);
}

/// `simd_float32`: how a test of a rung and a type is called.
inline std::string kernel_and_type(const ::testing::TestParamInfo<std::tuple<KernelId, DType>>& info) {
  return kernel_name(std::get<0>(info.param)) + "_" + std::string(name_of(std::get<1>(info.param)));
}

}  // namespace tinytorch::testing
