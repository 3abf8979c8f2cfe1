#pragma once

// The kernels' view of a product: MatmulArgs of the public header, plus what the front hands down.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tinytorch/matmul.h"

namespace tinytorch::detail {

/// What a kernel is given. The front (matmul.cpp) has seen to it that
/// - m, n, k >= 1 and no pointer that is needed is null;
/// - a dimension of size 1 has the stride of a dense operand, so that `a_col == 1` and `b_col == 1` say what
///   they seem to say (a 1 x k row or a k x 1 column passes for contiguous whichever way it was cut);
/// - bias is null and activation is none for a rung whose row does not say `fuses_epilogue`.
/// Kernels neither allocate nor throw (eigen.cpp apart, which is Eigen's own code), and keep to
/// C's m x n elements: the rest of each row of c_row elements is not theirs.
template <class T>
struct KernelArgs : MatmulArgs<T> {
  /// Scratch of at least as many elements as the row's `workspace_size` asked for, aligned to 64 bytes; the content
  /// is whatever the last product left. Null where nothing was asked for. Its size goes with it, so that each rung can
  /// assert that it is not given less than it needs. A caller of matmul() below may bring its own (tests do).
  T* workspace = nullptr;
  std::size_t workspace_elements = 0;
  /// B in the rung's panels (pack_b below), where the caller keeps it; null: pack as you go. B itself is there too.
  const T* packed_b = nullptr;
  /// All of A, packed for a product with these m and k (pack_a of registry.h); null: pack as you go.
  const T* packed_a = nullptr;
};

/// A rung's main register tile: its height, and whether A is copied into tiles even where that need not be.
struct TileChoice {
  std::uint16_t rows = 0;
  bool packs_a = false;
  friend bool operator==(const TileChoice&, const TileChoice&) = default;
};
/// What there is to choose from, and the place that says what is chosen.
struct TileChoices {
  std::atomic<TileChoice>* chosen = nullptr;  ///< null: there is no choice
  std::uint16_t least = 0, most = 0;          ///< rows; all between them are possible
  std::array<TileChoice, 3> candidates{};     ///< worth timing: the usual one first
  std::size_t columns = 0;
};

/// What a product of that shape packs on its way, for threads that would rather share it.
struct Packing {
  std::size_t a_size = 0, a_blocks = 0;  ///< elements of packed_a, and how many parts can be packed by themselves
  bool packs_b = false;                  ///< else B is read where it stands
  bool keeping_b_pays = false;           ///< products like this are faster from panels of B that are kept
};

/// matmul() of the public header for a caller that keeps B in panels. The arguments are its to change: a small product
/// is over in the time of ten such copies.
template <class T>
void matmul(KernelArgs<T>& args, KernelId kernel);

/// Elements of scratch that matmul() needs for this product; 0 where it needs none.
template <class T>
[[nodiscard]] std::size_t workspace_size(const KernelArgs<T>& args, KernelId kernel);

/// The rung that runs such a product: the one that is asked for, or the policy's choice.
template <class T>
[[nodiscard]] KernelId resolve_kernel(const MatmulArgs<T>& args, KernelId kernel);

/// Elements of B's panels for that rung; 0 where keeping them makes no such product faster, or the rung reads none.
template <class T>
[[nodiscard]] std::size_t packed_b_size(const MatmulArgs<T>& args, KernelId rung);
/// Writes them. Of the arguments only k, n and B count.
template <class T>
void pack_b(const MatmulArgs<T>& args, KernelId rung, T* out);

}  // namespace tinytorch::detail
