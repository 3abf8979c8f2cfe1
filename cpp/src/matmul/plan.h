#pragma once

// How a product is computed: decided once, from shape, strides, type, rung and threads, before anything runs. The code
// that runs a product takes a plan and the pointers. It computes no sizes and chooses nothing, so it cannot disagree
// with the code that asked for memory.
//
//     Plan                    one product, or a batch of one shape
//       Stretch               columns of C that are computed at a time: all of them, unless B is very large
//         SinglePlan          how one thread does it
//         DividedPlan         how several threads do it: parts, each with the SinglePlan of its size
#include <array>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "matmul/args.h"

namespace tinytorch::detail {

/// How many elements a copy of rows x cols has. SIZE_MAX if that overflows, which is more than any memory has: an
/// operand with strides 0 may have any size.
[[nodiscard]] constexpr std::size_t elements_of(std::size_t rows, std::size_t cols) noexcept {
  std::size_t count = 0;
  return __builtin_mul_overflow(rows, cols, &count) ? SIZE_MAX : count;
}

/// A piece of scratch, in elements from its start.
struct Region {
  std::size_t at = 0, size = 0;
};

/// The ways in which one thread computes a product.
enum class Way : unsigned char {
  loops,   ///< the rung's own loops: naive, reordered, blocked, eigen
  small,   ///< whole tiles; both operands are read in place (packed/small_product.h)
  rows,    ///< up to three rows of C, one after the other (packed/row_product.h)
  narrow,  ///< a B of two to three vectors' width (packed/narrow_product.h)
  blocks,  ///< the five loops of BLIS (packed/macrokernel.h)
};

/// Where an operand is read from.
enum class From : unsigned char {
  place,  ///< where it is
  copy,   ///< from a copy that the product makes in its scratch
  given,  ///< from a copy of all of it that was made before: KernelArgs::packed_a, packed_b
};

/// Which operands a product is given as packed copies.
struct Given {
  bool a = false, b = false;
};

/// How one thread computes a product. Members that its way does not use are 0.
struct SinglePlan {
  Way way = Way::loops;
  From a = From::place, b = From::place;
  bool reuses_b = false;                 ///< the first block of rows copies panels of B for all the others
  std::uint16_t tile_rows = 0;           ///< MR
  std::uint16_t tile_columns = 0;        ///< NR
  std::uint32_t mc = 0, kc = 0, nc = 0;  ///< blocks of m, k, n (packed/block_sizes.h)
  Region a_copy, b_copy, sums;           ///< in the thread's scratch
  std::size_t a_block = 0;               ///< from one block of rows to the next in a given A
  std::size_t scratch = 0;               ///< elements in all
};

/// How C is divided among threads: into parts of whole units that are as equal as possible. The last unit may be cut.
struct Division {
  bool by_rows = false;
  bool large = false;  ///< worth waking a sleeping worker for
  std::size_t threads = 1, length = 0, parts = 1, unit = 1, units = 0;

  /// Where part number `index` begins: at unit floor(index * units / parts). This puts longer parts between shorter
  /// ones, because the threads start from both ends.
  [[nodiscard]] std::size_t edge(std::size_t index) const {
    const std::size_t each = units / parts, longer = units % parts;
    const std::uint64_t before = std::uint64_t{index} * longer / parts;  // longer parts before this one
    const std::size_t at = (index * each + static_cast<std::size_t>(before)) * unit;
    return at < length ? at : length;
  }
};

/// How several threads compute a product. In the workspace, in elements:
///
///     | thread 0 | gap | thread 1 | gap | ... | shared: all of A or B, packed |
///
/// A gap follows each thread's region, so that AddressSanitizer finds accesses that go too far (kernels/threaded.cpp).
struct DividedPlan : Division {
  /// Parts have two lengths; the last part may be shorter still.
  struct Part {
    std::size_t length = 0;
    SinglePlan plan;
  };
  std::array<Part, 3> lengths{};
  std::size_t region = 0;         ///< scratch of one thread
  std::size_t stride = 0;         ///< from one thread's region to the next
  Region shared;                  ///< the operand that all parts read, packed once by all threads together; or none
  std::size_t shared_pieces = 0;  ///< the pieces it is packed in: columns of B or blocks of A
  std::size_t shared_grain = 0;   ///< pieces that a thread packs at a time
  std::size_t scratch = 0;        ///< elements in all

  [[nodiscard]] const SinglePlan& of(std::size_t length_of_part) const {
    for (const Part& part : lengths) {
      if (part.length == length_of_part) return part.plan;
    }
    assert(!"a part has another length than those that were planned");
    return lengths[0].plan;
  }
  /// The plan of a part that reads the shared operand; all such plans agree in its layout. Null if no part reads it.
  [[nodiscard]] const SinglePlan* reader() const {
    for (const Part& part : lengths) {
      if (part.plan.way == Way::blocks) return &part.plan;
    }
    return nullptr;
  }
};

/// Columns of C that are computed at a time.
struct Stretch {
  SinglePlan alone;
  std::optional<DividedPlan> divided;  ///< used if a worker is awake or worth waking
  std::size_t scratch = 0;
};

/// Products of one shape, one for each index of an array with these sizes. The strides, in elements, lead along each
/// axis from one product's operand to the next one's.
struct Batch {
  static constexpr std::size_t kMaxAxes = 6;
  std::size_t axes = 0;
  std::array<std::size_t, kMaxAxes> sizes{};
  std::array<std::ptrdiff_t, kMaxAxes> a{}, b{}, c{};

  [[nodiscard]] std::size_t count() const {
    std::size_t product = 1;
    for (std::size_t i = 0; i < axes; ++i) product *= sizes[i];
    return product;
  }
};

struct BatchPlan {
  Batch batch;
  std::size_t count = 0;
  bool across = false;     ///< each thread computes whole products, one after the other; else each product is divided
  bool large = false;      ///< worth waking a sleeping worker for
  std::size_t grain = 1;   ///< products that a thread takes at a time
  std::size_t stride = 0;  ///< from one thread's scratch to the next
};

struct Plan {
  KernelId rung = 0;    ///< the row of the table
  KernelId single = 0;  ///< the rung whose loops run: the same, or for `threaded` the best one of one thread
  std::size_t m = 0, n = 0, k = 0;
  std::size_t element_bytes = 0;
  int threads = 1;
  bool epilogue_apart = false;  ///< bias and activation in a second pass over C
  std::size_t columns = 0;      ///< of C that are computed at a time
  Stretch first;
  std::optional<Stretch> last;  ///< only if the last stretch is shorter than the others
  std::optional<BatchPlan> batch;
  std::size_t scratch = 0;  ///< elements in all

  /// Multiply-adds of one product.
  [[nodiscard]] double work() const { return static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k); }
  /// In words: which rung, tile, blocks, parts, copies and bytes, and why.
  [[nodiscard]] std::string to_string() const;
};

/// The plan for a product with m, n, k >= 1 and settled strides (args.h). The pointers are not read. `kernel` is an
/// available rung or kAutoKernel.
template <class T>
[[nodiscard]] Plan make_plan(const MatmulArgs<T>& args, KernelId kernel, Given given = {},
                             const Batch* batch = nullptr);

/// The tile that set_tile() of the public header forces. 0 rows: each rung uses its own.
struct TileChoice {
  std::uint16_t rows = 0;
  bool packs_a = false;
};
inline std::atomic<TileChoice> forced_tile{};

}  // namespace tinytorch::detail
