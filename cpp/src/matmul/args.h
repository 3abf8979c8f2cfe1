#pragma once

// The kernels' view of a product: MatmulArgs of the public header, plus what the front hands down.
#include <cstddef>

#include "tinytorch/matmul.h"

namespace tinytorch::detail {

/// What a kernel is given. The front (matmul.cpp) ensures that
/// - m, n, k >= 1 and no pointer that is needed is null;
/// - a dimension of size 1 has the stride of a dense operand, so that `a_col == 1` and `b_col == 1` mean "contiguous"
///   also for a 1 x k row or a k x 1 column of another matrix (settle_strides below);
/// - bias is null and activation is none for a rung whose row does not say `fuses_epilogue`;
/// - bias is null where the product is added to C.
/// Kernels neither allocate nor throw, except eigen.cpp, which runs Eigen's own code. They write only C's m x n
/// elements, not the rest of each row of c_row elements.
template <class T>
struct KernelArgs : MatmulArgs<T> {
  /// Scratch of at least as many elements as the plan says, aligned to 64 bytes; the content is whatever the last
  /// product left. Null if the plan needs none. Each rung asserts that the size is enough. A caller of matmul() below
  /// may bring its own scratch (tests do).
  T* workspace = nullptr;
  std::size_t workspace_elements = 0;
  /// B in the rung's panels (pack_b below), if the caller keeps them; null: the kernel packs what it needs. `b` is set
  /// in both cases.
  const T* packed_b = nullptr;
  /// All of A, packed for a product with these m and k (pack_a of kernels.h); null: as for B.
  const T* packed_a = nullptr;
};

struct Batch;
struct Plan;

/// matmul() of the public header for a caller that keeps B in panels, or has several products of one shape. May modify
/// `args`: copying them would cost a tenth of a small product.
template <class T>
void matmul(KernelArgs<T>& args, KernelId kernel, const Batch* batch = nullptr);

/// The plan by which matmul() would compute that product. Every size is at least 1.
template <class T>
[[nodiscard]] Plan plan_of(const KernelArgs<T>& args, KernelId kernel, const Batch* batch = nullptr);

/// Gives a dimension of size 1 the stride of a dense operand, so that the test "are the rows contiguous?" is true for
/// it. The stride of such a dimension is never used otherwise.
template <class T>
void settle_strides(MatmulArgs<T>& args) {
  if (args.k == 1) args.a_col = 1;
  if (args.m == 1) args.a_row = args.a_col == 1 ? static_cast<std::ptrdiff_t>(args.k) : 1;
  if (args.n == 1) args.b_col = 1;
  if (args.k == 1) args.b_row = args.b_col == 1 ? static_cast<std::ptrdiff_t>(args.n) : 1;
  if (args.m == 1) args.c_row = static_cast<std::ptrdiff_t>(args.n);
}

/// Elements of B's panels for that rung. 0 if such products are not faster with kept panels, or the rung reads none.
template <class T>
[[nodiscard]] std::size_t packed_b_size(const MatmulArgs<T>& args, KernelId rung);
/// Writes B's panels to `out`. Of the arguments, only k, n and B are used.
template <class T>
void pack_b(const MatmulArgs<T>& args, KernelId rung, T* out);

}  // namespace tinytorch::detail
