// Reordered reads all of B once for every row of A, and loads and stores a number of C for every multiplication. Here
// B is taken in blocks, on two levels:
//
//            nc
//          +----+        A block of kc x nc stays in the cache while all rows of A pass by: it is read from memory
//          |----|        once instead of m times. A product whose B fits into the cache anyway is one block.
//       kc |----| 4
//          |    |        Four rows of B at a time are added into a row of C, which is loaded and stored once instead
//          +----+        of four times. This makes the difference: the cache blocks alone gain nothing where the
//                        processor fetches ahead well enough.
#include <algorithm>
#include <type_traits>

#include "matmul/kernels.h"

namespace tinytorch::detail {
namespace {

/// `b_col` is a constant where B's rows are contiguous (see reordered.cpp).
template <class T, class Step>
void multiply_block(const KernelArgs<T>& args, Step b_col, std::ptrdiff_t p0, std::ptrdiff_t p1, std::ptrdiff_t j0,
                    std::ptrdiff_t j1) {
  const std::ptrdiff_t a_col = args.a_col, b_row = args.b_row;
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(args.m); ++i) {
    T* c = args.c + i * args.c_row;
    if (p0 == 0 && !args.accumulate) {
      for (std::ptrdiff_t j = j0; j < j1; ++j) c[j] = 0;
    }
    const T* a = args.a + i * args.a_row + p0 * a_col;
    std::ptrdiff_t p = p0;
    for (; p + 4 <= p1; p += 4, a += 4 * a_col) {
      const T a0 = a[0], a1 = a[a_col], a2 = a[2 * a_col], a3 = a[3 * a_col];
      const T *b0 = args.b + p * b_row, *b1 = b0 + b_row, *b2 = b1 + b_row, *b3 = b2 + b_row;
      for (std::ptrdiff_t j = j0; j < j1; ++j) {
        T sum = c[j];
        sum += a0 * b0[j * b_col];
        sum += a1 * b1[j * b_col];
        sum += a2 * b2[j * b_col];
        sum += a3 * b3[j * b_col];
        c[j] = sum;
      }
    }
    for (; p < p1; ++p, a += a_col) {
      const T* b = args.b + p * b_row;
      for (std::ptrdiff_t j = j0; j < j1; ++j) c[j] += *a * b[j * b_col];
    }
  }
}

template <class T, class Step>
void multiply(const KernelArgs<T>& args, Step b_col) {
  const auto n = static_cast<std::ptrdiff_t>(args.n);
  const auto k = static_cast<std::ptrdiff_t>(args.k);
  // Half a second-level cache of 512 KB or more. Blocks with long rows are best, by little (docs/benchmarks.md,
  // "Choices").
  constexpr std::ptrdiff_t fits_in_cache = (256 << 10) / sizeof(T);
  constexpr std::ptrdiff_t nc = 256;
  constexpr std::ptrdiff_t kc = fits_in_cache / nc;
  if (n <= fits_in_cache / k) {
    multiply_block(args, b_col, 0, k, 0, n);
    return;
  }
  for (std::ptrdiff_t j = 0; j < n; j += nc) {
    for (std::ptrdiff_t p = 0; p < k; p += kc) {
      multiply_block(args, b_col, p, std::min(p + kc, k), j, std::min(j + nc, n));
    }
  }
}

template <class T>
void matmul_blocked(const SinglePlan&, const KernelArgs<T>& args) {
  if (args.b_col == 1) {
    multiply(args, std::integral_constant<std::ptrdiff_t, 1>{});
  } else {
    multiply(args, args.b_col);
  }
}

}  // namespace

extern constinit const RungFunctions blocked_rung{{matmul_blocked<float>}, {matmul_blocked<double>}};

}  // namespace tinytorch::detail
