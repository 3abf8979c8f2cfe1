#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "tinytorch/dtype.h"

namespace tinytorch {

/// One rung of the ladder of matrix products, as a user sees it. See docs/kernels.md.
struct KernelInfo {
  std::string_view name;     ///< the word that forces it: `naive`, `reordered`, ...
  std::string_view title;    ///< a few words for a table
  std::string_view summary;  ///< one sentence: the idea
  bool available;            ///< compiled into this build and supported by this processor
};

/// Index into kernels(); `kAutoKernel` lets the policy choose by shape, type and build.
using KernelId = int;
inline constexpr KernelId kAutoKernel = -1;

/// All rungs, slow to fast, those that this build lacks included.
[[nodiscard]] std::span<const KernelInfo> kernels();

/// Makes the rung with fused multiply-add unavailable: the results of a native program then have the same bits as those
/// of the `simd` build in a browser. To be called before kernels() and the first product.
void leave_out_fused() noexcept;

/// The rung with that name (`auto` gives kAutoKernel). Throws Error(unknown_kernel) with the names there
/// are, or Error(kernel_unavailable) where this build or processor lacks it.
[[nodiscard]] KernelId kernel_id(std::string_view name);

/// What follows the product in the same pass over C.
enum class Activation : unsigned char { none, relu };

/// The matrix product on raw memory:
///
///     C[m,n] = act( A[m,k] . B[k,n] + bias[n] )         accumulate = false
///     C[m,n] = act( C + A[m,k] . B[k,n] + bias[n] )     accumulate = true
///
/// Element (i, p) of A is a[i * a_row + p * a_col]; likewise B. Strides are in elements and may be
/// any value, so a transposed operand costs no copy. C is row-major: (i, j) is c[i * c_row + j].
/// m, n, k >= 0; k = 0 gives zeros (plus bias, plus C where accumulated). C is not read unless
/// `accumulate`, and must not overlap A, B or bias. `bias` may be null. NaN and infinity go through as
/// IEEE 754 says. The result has the same bits for any number of threads.
///
/// Accuracy. The rungs from `packed` on, and so `auto`, sum k in blocks: b = ceil(k / K) blocks of kc = ceil(k / b)
/// steps, with K = 512 in float32 and 320 in float64. The first block's sum starts from zero, the bias or C (plus
/// bias), and each later block's sum, which starts from zero, is added to it. Every element is off by at most
///
///     gamma * ( |A| . |B| + |bias| + |C| )      gamma = x u / (1 - x u),  x = kc + b,  u = 2^-24 or 2^-53
///
/// For k = 1,000,000 in float32, gamma is 1.5e-4; the errors of random numbers are far smaller. For the rungs before
/// `packed`, x = k + 2: `eigen` sums in Eigen's own order, and the others have one sum over all of k.
template <class T>
struct MatmulArgs {
  std::size_t m = 0, n = 0, k = 0;
  const T* a = nullptr;
  std::ptrdiff_t a_row = 0, a_col = 1;
  const T* b = nullptr;
  std::ptrdiff_t b_row = 0, b_col = 1;
  T* c = nullptr;
  std::ptrdiff_t c_row = 0;
  const T* bias = nullptr;
  Activation activation = Activation::none;
  bool accumulate = false;
};

/// Runs the product with one rung, `kAutoKernel` by default. Throws Error(kernel_unavailable) for a rung
/// this build lacks, Error(out_of_memory) where the packing buffers cannot be had. float and double.
template <class T>
void matmul(const MatmulArgs<T>& args, KernelId kernel = kAutoKernel);

/// The ceiling: GFLOP/s of one thread in a loop of independent multiply-adds on registers only, with the arithmetic
/// of that rung, or of this build's best one for `kAutoKernel` and rungs that have no loop of their own (those
/// before `packed`, `eigen` and `threaded`). Runs for about `milliseconds`, in eight parts, and returns the best part's
/// figure. Throws Error(dtype) unless float32 or float64, Error(kernel_unavailable) as matmul() does.
[[nodiscard]] double peak_gflops(DType dtype, KernelId kernel = kAutoKernel, double milliseconds = 40);

/// How matmul() would compute that product, in words: which rung, tile, blocks, parts, copies and bytes, and why. The
/// pointers are not read and may be null. Throws as matmul() does.
template <class T>
[[nodiscard]] std::string explain(const MatmulArgs<T>& args, KernelId kernel = kAutoKernel);

/// The register tile of the packed rungs.
struct Tile {
  int rows = 0;  ///< 0: each rung's own
  bool packs_a =
      false;  ///< A is copied into tiles for all products but the smallest; else only for those of many columns
};
/// Forces another tile than the rungs' own, for processors that are faster with it; `set_tile({})` gives the usual ones
/// back. A rung without tiles of that many rows keeps its own. The bits of results are the same for any tile. Throws
/// Error(invalid_argument) where the best rung of one thread has none. Not to be called while an operation runs.
void set_tile(Tile tile);
[[nodiscard]] Tile forced_tile() noexcept;

extern template void matmul<float>(const MatmulArgs<float>&, KernelId);
extern template void matmul<double>(const MatmulArgs<double>&, KernelId);
extern template std::string explain<float>(const MatmulArgs<float>&, KernelId);
extern template std::string explain<double>(const MatmulArgs<double>&, KernelId);

}  // namespace tinytorch
