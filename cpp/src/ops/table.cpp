// The table of operations: the families, each in a file of its own.
#include <array>

#include "ops/row.h"

namespace tinytorch::detail {

std::span<const Family> families() {
  static const std::array all{arithmetic, activations, softmaxes, reductions, products, layers, losses, views};
  return all;
}

}  // namespace tinytorch::detail
