#include "matmul/policy.h"

#include "matmul/registry.h"

namespace tinytorch::detail {

template <class T>
KernelId choose_kernel(const MatmulArgs<T>&) noexcept {
  // The table runs slow to fast: take its last rung that is available.
  const auto rows = kernel_rows();
  auto id = static_cast<KernelId>(rows.size()) - 1;
  while (rows[static_cast<std::size_t>(id)].missing()) --id;
  return id;
}

template KernelId choose_kernel<float>(const MatmulArgs<float>&) noexcept;
template KernelId choose_kernel<double>(const MatmulArgs<double>&) noexcept;

}  // namespace tinytorch::detail
