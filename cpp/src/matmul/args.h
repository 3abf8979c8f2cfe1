#pragma once

// The kernels' view of a product: MatmulArgs of the public header, plus what the front hands down.
#include <cstddef>

#include "tinytorch/matmul.h"

namespace tinytorch::detail {

/// What a kernel is given. The front (matmul.cpp) ensures that
/// - m, n, k >= 1 and no pointer that is needed is null;
/// - a dimension of size 1 has the stride of a dense operand, so that `a_col == 1` and `b_col == 1` say what
///   they seem to say (a 1 x k row or a k x 1 column passes for contiguous whichever way it was cut);
/// - bias is null and activation is none for a rung whose row does not say `fuses_epilogue`.
/// Kernels neither allocate nor throw (eigen.cpp apart, which is Eigen's own code), and keep to
/// C's m x n elements: the rest of each row of c_row elements is not theirs.
template <class T>
struct KernelArgs : MatmulArgs<T> {
  /// Scratch of at least as many elements as the plan says, aligned to 64 bytes; the content is whatever the last
  /// product left. Null where nothing is needed. Its size goes with it, so that each rung can assert that it is not
  /// given less than it needs. A caller of matmul() below may bring its own (tests do).
  T* workspace = nullptr;
  std::size_t workspace_elements = 0;
  /// B in the rung's panels (pack_b below), where the caller keeps it; null: pack as you go. B itself is there too.
  const T* packed_b = nullptr;
  /// All of A, packed for a product with these m and k (pack_a of kernels.h); null: pack as you go.
  const T* packed_a = nullptr;
};

struct Batch;
struct Plan;

/// matmul() of the public header for a caller that keeps B in panels, or has several products of one shape. May modify
/// `args`: copying them would cost a tenth of a small product.
template <class T>
void matmul(KernelArgs<T>& args, KernelId kernel, const Batch* batch = nullptr);

/// How it would be done. Every size is at least 1.
template <class T>
[[nodiscard]] Plan plan_of(const KernelArgs<T>& args, KernelId kernel, const Batch* batch = nullptr);

/// Gives a dimension of size 1, which is never stepped along, the stride of a dense operand, so that whoever asks "are
/// the rows contiguous?" gets the useful answer.
template <class T>
void settle_strides(MatmulArgs<T>& args) {
  if (args.k == 1) args.a_col = 1;
  if (args.m == 1) args.a_row = args.a_col == 1 ? static_cast<std::ptrdiff_t>(args.k) : 1;
  if (args.n == 1) args.b_col = 1;
  if (args.k == 1) args.b_row = args.b_col == 1 ? static_cast<std::ptrdiff_t>(args.n) : 1;
  if (args.m == 1) args.c_row = static_cast<std::ptrdiff_t>(args.n);
}

/// Elements of B's panels for that rung; 0 where keeping them makes no such product faster, or the rung reads none.
template <class T>
[[nodiscard]] std::size_t packed_b_size(const MatmulArgs<T>& args, KernelId rung);
/// Writes them. Of the arguments only k, n and B count.
template <class T>
void pack_b(const MatmulArgs<T>& args, KernelId rung, T* out);

}  // namespace tinytorch::detail
