#pragma once

// One random product: its shape, how its operands lie in memory, and the ways in which it is computed.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tinytorch::fuzz {

/// Counter-based random numbers: number i of stream s is a function of (s, i), so that any case can be made alone.
class Stream {
 public:
  Stream(std::uint64_t seed, std::uint64_t number) : key_(mix(mix(seed) + number)) {}
  std::uint64_t next() { return mix(key_ + 0x9e3779b97f4a7c15 * ++counter_); }
  /// 0 ... size - 1
  std::int64_t below(std::int64_t size) { return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(size)); }
  bool one_in(std::int64_t size) { return below(size) == 0; }

  static std::uint64_t mix(std::uint64_t z) {  // splitmix64's
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t key_, counter_ = 0;
};

/// How an operand lies in memory.
enum Layout : std::int64_t {
  rows,              ///< row after row
  columns,           ///< column after column
  strided,           ///< a step of 2 or more in both directions
  rows_reversed,     ///< the last row first
  columns_reversed,  ///< the last column first
  both_reversed,
  one_row,     ///< a row stride of 0
  one_column,  ///< a column stride of 0
  one_number,  ///< both
  diagonals,   ///< both strides 1
  critical,    ///< rows that start a multiple of 4096 bytes apart
  layouts
};

/// All that there is to say about a product. Every field is a number, so that a case can be printed and read back.
struct Case {
  std::int64_t float64 = 0, m = 1, n = 1, k = 1;
  std::int64_t a = rows, b = rows;                                     ///< Layout
  std::int64_t a_gap = 0, b_gap = 0;                                   ///< elements between rows (or columns)
  std::int64_t c_gap = 0;                                              ///< elements of each row of C that are not C's
  std::int64_t a_shift = 0, b_shift = 0, c_shift = 0, bias_shift = 0;  ///< elements off alignment
  std::int64_t odd_ones = 0;                                           ///< axes of size 1 get strides of no meaning
  std::int64_t accumulate = 0, bias = 0, relu = 0;
  std::int64_t integers = 1;  ///< small whole numbers, whose sums are exact
  std::int64_t data = 1;      ///< the seed of the numbers
  std::int64_t division = 0;  ///< how small a part `threaded` makes: see limits_of() in ways.h

  // One way to compute it, where `one_way`; else all ways are tried.
  std::int64_t one_way = 0;
  std::int64_t kernel = -1;            ///< of the registry
  std::int64_t tile = 0, packs_a = 0;  ///< rows of the tile; 0: the usual tile
  std::int64_t threads = 1;
  std::int64_t panels = 0;   ///< B is packed before
  std::int64_t scratch = 0;  ///< the test's own scratch, with guards; else the library's

  [[nodiscard]] double work() const { return static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k); }
};

/// `m=48,n=1001,...`: what differs from the defaults, as `--case=` reads it.
[[nodiscard]] std::string to_text(const Case& which);
/// The same into `out`, with a zero behind it and without memory of its own: for a program that is about to end.
inline constexpr std::size_t kMostText = 1024;
void write_text(const Case& which, char (&out)[kMostText]) noexcept;
/// Throws std::invalid_argument.
[[nodiscard]] Case from_text(std::string_view text);

/// Case number `number` of a seed, of at most `max_work` multiply-adds.
[[nodiscard]] Case random_case(std::uint64_t seed, std::uint64_t number, double max_work);

/// The smallest case that still fails, of those that are reached by making one thing simpler at a time.
template <class Fails>
[[nodiscard]] Case shrink(Case which, Fails fails);

}  // namespace tinytorch::fuzz

#include "shrink.h"
