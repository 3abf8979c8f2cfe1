#pragma once

#include "tinytorch/matmul.h"

namespace tinytorch::bench {

/// The same product by OpenBLAS, on num_threads() threads. Operands must be dense, plain or transposed; no epilogue.
void openblas_matmul(const MatmulArgs<float>& args);
void openblas_matmul(const MatmulArgs<double>& args);

}  // namespace tinytorch::bench
