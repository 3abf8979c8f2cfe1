#include "check.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "matmul/args.h"
#include "matmul/division.h"
#include "matmul/registry.h"
#include "memory.h"
#include "tinytorch/threads.h"
#include "ways.h"

namespace tinytorch::fuzz {
namespace {

using detail::KernelArgs;

Case current;

/// Rungs with the same letter give the same bits: those that round each product, and those that fuse. Scalar and vector
/// rungs sum in one order.
KernelId family_of(KernelId rung) {
  rung = detail::single_of(rung);
  return rung == detail::find_kernel("simd") ? detail::find_kernel("packed") : rung;
}

template <class T>
class Checker {
 public:
  explicit Checker(const Case& which) : which_(which) {
    const bool integers = which.integers, odd = which.odd_ones;
    const auto seed = static_cast<std::uint64_t>(which.data);
    a_.make(which.m, which.k, which.a, which.a_gap, which.a_shift, integers, odd, Stream(seed, 1));
    b_.make(which.k, which.n, which.b, which.b_gap, which.b_shift, integers, odd, Stream(seed, 2));
    bias_.make(1, which.n, rows, 0, which.bias_shift, integers, false, Stream(seed, 3));
    before_.make(which.m, which.n, rows, 0, 0, integers, false, Stream(seed, 4));
    const auto m = static_cast<std::size_t>(which.m), n = static_cast<std::size_t>(which.n);
    c_row_ = n + static_cast<std::size_t>(which.c_gap);
    c_start_ = kMargin + static_cast<std::size_t>(which.c_shift);
    fresh_.assign(c_start_ + m * c_row_ + kMargin, marked_nan<T>(kOutside));
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        fresh_[c_start_ + i * c_row_ + j] = which.accumulate
                                                ? before_.at(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j))
                                                : marked_nan<T>(kUnset);
      }
    }
  }

  std::optional<Failure> run(std::uint64_t& products) {
    for (const Case& way : ways_of<T>(which_)) {
      current = way;
      std::string what = run_way(way);
      ++products;
      if (what.empty() && !(a_.untouched() && b_.untouched() && bias_.untouched())) what = "an operand was written";
      if (!what.empty()) return Failure{way, what};
    }
    return {};
  }

 private:
  [[nodiscard]] KernelArgs<T> args() {
    KernelArgs<T> args;
    args.m = static_cast<std::size_t>(which_.m);
    args.n = static_cast<std::size_t>(which_.n);
    args.k = static_cast<std::size_t>(which_.k);
    args.a = a_.data();
    args.a_row = static_cast<std::ptrdiff_t>(a_.row);
    args.a_col = static_cast<std::ptrdiff_t>(a_.col);
    args.b = b_.data();
    args.b_row = static_cast<std::ptrdiff_t>(b_.row);
    args.b_col = static_cast<std::ptrdiff_t>(b_.col);
    args.c = c_.data() + c_start_;
    args.c_row = which_.odd_ones && which_.m == 1 ? -77777 : static_cast<std::ptrdiff_t>(c_row_);
    args.bias = which_.bias ? bias_.data() : nullptr;
    args.activation = which_.relu ? Activation::relu : Activation::none;
    args.accumulate = which_.accumulate;
    return args;
  }

  /// What is wrong with it; empty if nothing.
  std::string run_way(const Case& way) {
    const SetWay set(way);
    c_ = fresh_;
    KernelArgs<T> product = args();
    const auto kernel = static_cast<KernelId>(way.kernel);
    const KernelId rung = kernel == kAutoKernel ? detail::best_kernel() : kernel;
    if (way.panels) product.packed_b = panels(product, rung);
    if (way.scratch) {
      if (std::string what = run_in_own_scratch(product, kernel, way.division != 0); !what.empty()) return what;
    } else if (way.panels) {
      detail::matmul(product, kernel);
    } else {
      matmul<T>(product, kernel);
    }
    if (way.panels && !all_marked(panels_.data() + panels_.size() - kMargin, kMargin, kOutside)) {
      return "memory behind the panels of B was written";
    }
    std::vector<T>& expected = expected_[static_cast<std::size_t>(family_of(rung))];
    if (expected.empty()) {
      if (std::string what = check_values(rung); !what.empty()) return what;
      expected = c_;
    }
    return same_bits(c_, expected) ? "" : difference(expected);
  }

  /// B in the rung's panels. Kept for the ways that follow: no tile and no number of threads changes them.
  const T* panels(const KernelArgs<T>& product, KernelId rung) {
    if (panels_.empty() || panels_rung_ != rung) {
      const auto& functions = single_row(rung).template functions<T>();
      panels_.assign(functions.packed_b_size(product.k, product.n) + kMargin, marked_nan<T>(kOutside));
      detail::pack_b<T>(product, rung, panels_.data());
      panels_rung_ = rung;
    }
    return panels_.data();
  }

  std::string run_in_own_scratch(KernelArgs<T>& product, KernelId kernel, bool divides_surely) {
    const bool empty = product.m == 0 || product.n == 0 || product.k == 0;
    const detail::Plan plan = empty ? detail::Plan{} : detail::plan_of(product, kernel);
    const std::size_t size = plan.scratch;
    constexpr std::size_t line = 64 / sizeof(T);
    scratch_.assign(size + 2 * kMargin + line, marked_nan<T>(kScratch));
    const auto address = reinterpret_cast<std::uintptr_t>(scratch_.data() + kMargin);
    T* const mine = scratch_.data() + kMargin + (64 - address % 64) % 64 / sizeof(T);
    product.workspace = mine;
    product.workspace_elements = size;
    detail::matmul(product, kernel);
    if (product.workspace != mine) return "the rung wants other scratch than it asked for";
    const std::size_t in_front = static_cast<std::size_t>(mine - scratch_.data());
    if (!all_marked(scratch_.data(), in_front, kScratch)) return "memory in front of the scratch was written";
    if (!all_marked(mine + size, scratch_.size() - in_front - size, kScratch)) {
      return "memory behind the scratch was written";
    }
    return plan.first.divided && !plan.last && plan.columns == plan.n && divides_surely
               ? check_gaps(*plan.first.divided, mine)
               : "";
  }

  /// Between the threads' regions; where columns are multiplied in one piece, for the next piece has other regions.
  static std::string check_gaps(const detail::DividedPlan& plan, const T* scratch) {
    if (plan.region == 0) return "";
    for (std::size_t i = 0; i < plan.threads; ++i) {
      const T* const end = scratch + i * plan.stride + plan.region;
      if (!all_marked(end, plan.stride - plan.region, kScratch)) {
        return "memory behind the scratch of thread " + std::to_string(i) + " was written";
      }
    }
    return "";
  }

  std::string check_values(KernelId rung) {
    if (reference_.value.empty()) make_reference();
    const double bound = which_.integers ? 0 : error_bound<T>(rung, static_cast<std::size_t>(which_.k));
    for (std::size_t i = 0, at = 0; i < static_cast<std::size_t>(which_.m); ++i) {
      for (std::size_t j = 0; j < static_cast<std::size_t>(which_.n); ++j, ++at) {
        const double value = c_[c_start_ + i * c_row_ + j], wanted = reference_.value[at];
        if (std::abs(value - wanted) <= bound * reference_.magnitude[at]) continue;  // false for NaN
        char text[200];
        std::snprintf(text, sizeof text, "c[%zu,%zu] is %.17g, expected %.17g within %.3g", i, j, value, wanted,
                      bound * reference_.magnitude[at]);
        return text;
      }
    }
    return outside_written() ? "memory round C was written" : "";
  }

  [[nodiscard]] bool outside_written() const {
    const std::size_t m = static_cast<std::size_t>(which_.m), n = static_cast<std::size_t>(which_.n);
    if (!all_marked(c_.data(), c_start_, kOutside)) return true;
    for (std::size_t i = 0; i < m; ++i) {
      if (!all_marked(c_.data() + c_start_ + i * c_row_ + n, c_row_ - n, kOutside)) return true;
    }
    return !all_marked(c_.data() + c_start_ + m * c_row_, kMargin, kOutside);
  }

  /// Where c_ is not as the first way of its family dense_b it.
  [[nodiscard]] std::string difference(const std::vector<T>& expected) const {
    if (outside_written()) return "memory round C was written";
    std::size_t count = 0, first = 0;
    for (std::size_t at = c_.size(); at-- > 0;) {
      if (std::memcmp(&c_[at], &expected[at], sizeof(T)) == 0) continue;
      ++count;
      first = at;
    }
    const std::size_t place = first - c_start_;
    char text[200];
    std::snprintf(text, sizeof text,
                  "%zu elements have other bits than those of the usual way; c[%zu,%zu] is %.17g, not %.17g", count,
                  place / c_row_, place % c_row_, static_cast<double>(c_[first]), static_cast<double>(expected[first]));
    return text;
  }

  void make_reference() {
    const std::int64_t m = which_.m, n = which_.n, k = which_.k;
    const auto width = static_cast<std::size_t>(n);
    std::vector<double> dense_b(static_cast<std::size_t>(k) * width);
    std::size_t at = 0;
    for (std::int64_t p = 0; p < k; ++p) {
      for (std::int64_t j = 0; j < n; ++j) dense_b[at++] = static_cast<double>(b_.at(p, j));
    }
    reference_ = {};
    std::vector<double> sum(width), rest(width), size(width);
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        const double start = which_.accumulate ? static_cast<double>(before_.at(i, j)) : 0;
        const double bias = which_.bias ? static_cast<double>(bias_.at(0, j)) : 0;
        const auto to = static_cast<std::size_t>(j);
        sum[to] = start;
        rest[to] = 0;
        // `rest` holds small numbers alone: what is added to a large one there would be lost.
        add_exactly(1, bias, sum[to], rest[to]);
        size[to] = std::abs(start) + std::abs(bias);
      }
      for (std::int64_t p = 0; p < k; ++p) {
        const double a = static_cast<double>(a_.at(i, p));
        const double* const b = dense_b.data() + static_cast<std::size_t>(p) * width;
        if (sizeof(T) == 4 || which_.integers) {
          for (std::size_t j = 0; j < width; ++j) sum[j] += a * b[j];
        } else {
          for (std::size_t j = 0; j < width; ++j) add_exactly(a, b[j], sum[j], rest[j]);
        }
        if (which_.integers) continue;  // these are compared exactly
        for (std::size_t j = 0; j < width; ++j) size[j] += std::abs(a * b[j]);
      }
      for (std::size_t j = 0; j < width; ++j) {
        const double value = sum[j] + rest[j];
        reference_.value.push_back(which_.relu && value < 0 ? 0 : value);
        reference_.magnitude.push_back(size[j]);
      }
    }
  }

  Case which_;
  Operand<T> a_, b_, bias_, before_;
  std::size_t c_row_ = 0, c_start_ = 0;
  std::vector<T> fresh_, c_, scratch_, panels_;
  KernelId panels_rung_ = -1;
  std::array<std::vector<T>, 16> expected_;  ///< by family
  Expected reference_;
};

}  // namespace

std::optional<Failure> check(const Case& which, std::uint64_t& products) {
  return which.float64 ? Checker<double>(which).run(products) : Checker<float>(which).run(products);
}

const Case& running() noexcept { return current; }

}  // namespace tinytorch::fuzz
