// B in panels that the caller keeps: the same bits as without, for every rung that reads them.
#include <vector>

#include "matmul/registry.h"
#include "matmul_tester.h"
#include "tinytorch/threads.h"

namespace tinytorch::testing {
namespace {

/// The rungs that read panels in this build.
template <class T>
std::vector<KernelId> packing_kernels() {
  std::vector<KernelId> ids;
  for (std::size_t i = 0; i < detail::kernel_rows().size(); ++i) {
    const detail::KernelRow& row = detail::kernel_rows()[i];
    const KernelId single = detail::single_of(static_cast<KernelId>(i));
    const auto& functions = detail::kernel_rows()[static_cast<std::size_t>(single)].functions<T>();
    if (!row.missing() && functions.pack_b) ids.push_back(static_cast<KernelId>(i));
  }
  return ids;
}

template <class T>
std::vector<T> pack(const MatmulArgs<T>& args, KernelId rung) {
  // As many as any rung can want; what is not written is not to be read.
  std::vector<T> panels(args.k * (args.n + 16) + 64, std::numeric_limits<T>::quiet_NaN());
  detail::pack_b<T>(args, rung, panels.data());
  return panels;
}

template <class T>
std::vector<T> multiply(const MatmulProblem<T>& problem, KernelId rung, const T* panels, bool accumulate) {
  detail::KernelArgs<T> args{problem.args()};
  std::vector<T> c(args.m * args.n);
  for (std::size_t i = 0; i < c.size(); ++i) c[i] = static_cast<T>(i % 7) - 3;
  args.c = c.data();
  args.c_row = static_cast<std::ptrdiff_t>(args.n);
  args.accumulate = accumulate;
  args.packed_b = panels;
  detail::matmul(args, rung);
  return c;
}

template <class T>
void check_all() {
  const std::size_t columns[] = {1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 15, 16, 17, 24, 31, 33, 100, 250, 1030};
  for (const KernelId rung : packing_kernels<T>()) {
    for (const std::size_t n : columns) {
      for (const std::size_t k : {1, 2, 3, 64, 601, 1100}) {
        for (const std::size_t m : {1, 2, 4, 7, 73, 110}) {
          if (n * k * m > 2'000'000) continue;
          const Layout layout = m % 2 ? Layout::padded_rows : n % 2 ? Layout::columns : Layout::rows;
          const MatmulCase which{.m = m, .n = n, .k = k, .b = layout, .bias = m != 4, .relu = n % 2 == 0};
          SCOPED_TRACE(which);
          const MatmulProblem<T> problem(which, Data::reals);
          const std::vector<T> panels = pack(problem.args(), rung);
          const bool accumulate = k == 64;
          EXPECT_TRUE(multiply<T>(problem, rung, panels.data(), accumulate) ==
                      multiply<T>(problem, rung, nullptr, accumulate))
              << kernel_name(rung);
        }
      }
    }
  }
}

TEST(KeptPanels, GiveTheSameBits) {
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    check_all<float>();
    check_all<double>();
  }
  set_num_threads(1);
}

// The size is exact: the sanitizer sees a write beyond it.
template <class T>
void check_sizes() {
  for (const KernelId rung : packing_kernels<T>()) {
    for (std::size_t n = 1; n < 40; ++n) {
      const MatmulProblem<T> problem({.m = 200, .n = n, .k = 2000}, Data::reals);
      const std::size_t size = detail::packed_b_size<T>(problem.args(), rung);
      if (size == 0) continue;
      std::vector<T> panels(size);
      detail::pack_b<T>(problem.args(), rung, panels.data());
      EXPECT_TRUE(multiply<T>(problem, rung, panels.data(), false) == multiply<T>(problem, rung, nullptr, false)) << n;
    }
  }
}

TEST(KeptPanels, FitTheSizeThatIsSaid) {
  check_sizes<float>();
  check_sizes<double>();
}

TEST(KeptPanels, PayWhereMeasured) {
  const auto pays = [](std::size_t m, std::size_t k, std::size_t n) {
    MatmulArgs<float> args;
    args.m = m;
    args.n = n;
    args.k = k;
    args.b_row = static_cast<std::ptrdiff_t>(n);
    return detail::packed_b_size<float>(args, detail::best_kernel()) > 0;
  };
  if (packing_kernels<float>().empty()) GTEST_SKIP() << "this build has no rung that packs vectors";
  EXPECT_TRUE(pays(64, 128, 30)) << "a column count that is no multiple of the vector";
  EXPECT_FALSE(pays(64, 128, 10)) << "a narrow B is read in place";
  EXPECT_TRUE(pays(16, 1024, 1024)) << "a critical stride";
  EXPECT_TRUE(pays(128, 784, 256)) << "B is packed for every product";
  EXPECT_FALSE(pays(48, 784, 256)) << "B is read in place: 12 tiles of any height";
  EXPECT_FALSE(pays(256, 64, 64)) << "a small B";
  EXPECT_FALSE(pays(1, 1024, 1024)) << "one row streams B";
  EXPECT_FALSE(pays(0, 784, 10));
}

}  // namespace
}  // namespace tinytorch::testing
