// [[1, 2], [3, 4]] . [[1, 2], [3, 4]]
#include <cstdio>

#include "tinytorch/tinytorch.h"

int main() {
  using namespace tinytorch;
  const Tensor x = Tensor::arange(1, 5).reshape({2, 2}), y = ops::matmul(x, x);
  for (int i = 0; i < 4; ++i) std::printf("%g%c", static_cast<double>(y.data<float>()[i]), i < 3 ? ' ' : '\n');
}
