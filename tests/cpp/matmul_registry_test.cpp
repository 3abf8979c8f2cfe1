#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fake_clock.h"
#include "matmul/packed/peak_loop.h"
#include "matmul/policy.h"
#include "matmul/registry.h"
#include "matmul_tester.h"
#include "tinytorch/error.h"
#include "tinytorch/profile.h"

namespace tinytorch::testing {
namespace {

/// The Error that `action` throws; fails the test where it throws none.
template <class Action>
Error error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return {ErrorCode::invalid_argument, ""};
}

/// Whether this processor has a fused multiply-add; every 64-bit ARM has.
bool processor_fuses() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("fma") != 0;
#else
  return true;
#endif
}

MatmulArgs<float> two_by_two(float* memory) {
  return {.m = 2, .n = 2, .k = 2, .a = memory, .a_row = 2, .b = memory + 4, .b_row = 2, .c = memory + 8, .c_row = 2};
}

TEST(Registry, TableIsComplete) {
  std::set<std::string_view> names;
  for (const KernelInfo& kernel : kernels()) {
    EXPECT_TRUE(names.insert(kernel.name).second) << kernel.name << " is there twice";
    EXPECT_FALSE(kernel.title.empty());
    EXPECT_EQ(kernel.summary.back(), '.');
  }
  EXPECT_EQ(kernels().front().name, "naive");
  EXPECT_EQ(kernels().back().name, "threaded");
}

TEST(Registry, TheScalarRungsAreInEveryBuild) {
  for (KernelId id = 0; id <= detail::find_kernel("packed"); ++id) {
    const KernelInfo& kernel = kernels()[static_cast<std::size_t>(id)];
    EXPECT_TRUE(kernel.available) << kernel.name;
  }
}

// The other tests ask the registry which rungs to run: one that it wrongly left out would not be tested.
TEST(Registry, TheFasterRungsAreWhereTheirInstructionsAre) {
  const std::string_view isa = TINYTORCH_TEST_ISA;  // of a wasm build; "native" elsewhere
  const auto available = [](std::string_view rung) {
    return kernels()[static_cast<std::size_t>(detail::find_kernel(rung))].available;
  };
  EXPECT_EQ(available("simd"), isa != "scalar");
  EXPECT_EQ(available("threaded"), TINYTORCH_TEST_THREADS != 0);
  if (isa == "native") {
    EXPECT_EQ(available("relaxed"), processor_fuses());
  } else {
    EXPECT_EQ(available("relaxed"), isa == "relaxed");
  }
}

TEST(Registry, NamesGiveTheirNumber) {
  EXPECT_EQ(kernel_id("auto"), kAutoKernel);
  for (std::size_t i = 0; i < kernels().size(); ++i) {
    if (!kernels()[i].available) continue;
    EXPECT_EQ(kernel_id(kernels()[i].name), static_cast<KernelId>(i));
  }
}

TEST(Registry, UnknownNameListsTheKnownOnes) {
  const Error error = error_of([] { (void)kernel_id("fastest"); });
  EXPECT_EQ(error.code(), ErrorCode::unknown_kernel);
  std::string known = "auto";
  for (const KernelInfo& kernel : kernels()) known += ", " + std::string(kernel.name);
  EXPECT_EQ(error.what(), "matmul: no kernel is called 'fastest'; there are " + known);
}

TEST(Registry, UnknownNumberIsAnError) {
  float memory[12] = {};
  for (const KernelId id : {-2, static_cast<KernelId>(kernels().size()), 1000}) {
    const Error error = error_of([&] { matmul(two_by_two(memory), id); });
    EXPECT_EQ(error.code(), ErrorCode::unknown_kernel);
    EXPECT_NE(std::string(error.what()).find(std::to_string(id)), std::string::npos) << error.what();
  }
}

TEST(Registry, UnavailableKernelSaysWhy) {
  float memory[12] = {};
  for (std::size_t i = 0; i < kernels().size(); ++i) {
    if (kernels()[i].available) continue;
    for (const Error& error : {error_of([&] { (void)kernel_id(kernels()[i].name); }),
                               error_of([&] { matmul(two_by_two(memory), static_cast<KernelId>(i)); })}) {
      EXPECT_EQ(error.code(), ErrorCode::kernel_unavailable);
      const std::string start = "matmul: kernel '" + std::string(kernels()[i].name) + "' is not available: this ";
      EXPECT_EQ(std::string(error.what()).substr(0, start.size()), start);
    }
  }
}

TEST(Registry, ProfileNamesTheKernelAndCountsItsWork) {
  for (const KernelId id : runnable_kernels()) {
    if (id == kAutoKernel) continue;
    MatmulProblem<float> problem({.m = 3, .n = 5, .k = 7, .bias = true}, Data::integers);
    profile_start();
    (void)problem.run(id);
    const ProfileReport report = profile_stop();
    const std::string wanted = "matmul." + kernel_name(id);
    int found = 0;
    for (const ProfileRow& row : report.rows) {
      if (row.name != wanted) continue;
      ++found;
      EXPECT_EQ(row.calls, 1);
      EXPECT_EQ(row.flops, 2.0 * 3 * 5 * 7);
    }
    EXPECT_EQ(found, 1) << wanted;
  }
}

TEST(Peak, IsWorkOverTimeForEveryAvailableRungAndTellsWhatItDoesNotTake) {
  // The loop does as much between two readings of the clock, whatever the rung; by this clock, in that many ms.
  FakeClock clock(0.25);
  const double once = peak_gflops(DType::float32, kAutoKernel, 2);
  clock.set_step(0.125);
  for (const KernelInfo& kernel : kernels()) {
    if (!kernel.available) continue;
    EXPECT_EQ(peak_gflops(DType::float32, kernel_id(kernel.name), 2), 2 * once) << kernel.name;
    EXPECT_EQ(peak_gflops(DType::float64, kernel_id(kernel.name), 2), 2 * once) << kernel.name;
  }
  EXPECT_EQ(once, 2.0 * 12'000 * 4 * detail::kPeakChains / 0.25e6);
  EXPECT_EQ(error_of([] { (void)peak_gflops(DType::int32); }).code(), ErrorCode::dtype);
  EXPECT_EQ(error_of([] { (void)peak_gflops(DType::float32, 99); }).code(), ErrorCode::unknown_kernel);
}

TEST(Policy, ChoosesAnAvailableRungForEveryShape) {
  for (std::size_t m : {1, 7, 64, 1000}) {
    for (std::size_t n : {1, 10, 256}) {
      for (std::size_t k : {1, 100, 784}) {
        const KernelId chosen = detail::choose_kernel(static_cast<double>(m * n * k));
        EXPECT_TRUE(kernels()[static_cast<std::size_t>(chosen)].available);
      }
    }
  }
}

/// A rung as the front runs it, with as much scratch as it asks for and cells behind it that nobody may write.
template <class T>
void check_workspace(const detail::KernelFunctions<T>& rung, const MatmulCase& which) {
  if (!rung.plan) return;
  constexpr T guard = T(-777.25);
  MatmulProblem<T> problem(which, Data::integers);
  std::vector<T> c(which.m * which.n, T(1));
  detail::KernelArgs<T> args{problem.args()};
  args.c = c.data();
  args.c_row = static_cast<std::ptrdiff_t>(which.n);
  detail::SinglePlan plan;
  rung.plan(args, {}, plan);
  const std::size_t size = plan.scratch;
  std::vector<T> scratch(size + 64 / sizeof(T) + 4096, guard);
  void* place = scratch.data();
  std::size_t room = scratch.size() * sizeof(T);
  args.workspace = static_cast<T*>(std::align(64, size * sizeof(T), place, room));
  args.workspace_elements = size;
  rung.run(plan, args);
  const T* const end = scratch.data() + scratch.size();
  EXPECT_TRUE(std::all_of<const T*>(args.workspace + size, end, [](T x) { return x == guard; })) << which;
}

TEST(Workspace, RungsKeepToWhatTheyAskFor) {
  for (const KernelId id : runnable_kernels()) {
    if (id == kAutoKernel) continue;
    SCOPED_TRACE(kernel_name(id));
    const detail::KernelRow& row = detail::kernel_rows()[static_cast<std::size_t>(id)];
    for (const std::size_t m : {2, 5, 7, 61, 130}) {
      for (const std::size_t n : {2, 7, 8, 10, 12, 20, 100, 515, 1030}) {
        for (const std::size_t k : {3, 64, 600}) {
          for (const Layout a : {Layout::rows, Layout::columns}) {
            for (const Layout b : {Layout::rows, Layout::columns}) {
              check_workspace<float>(row.functions<float>(), {.m = m, .n = n, .k = k, .a = a, .b = b});
              check_workspace<double>(row.functions<double>(), {.m = m, .n = n, .k = k, .a = a, .b = b});
            }
          }
        }
      }
    }
  }
}

// An operand with stride 0 may claim a size that no memory holds; Eigen's rung would copy it.
TEST(Workspace, LackOfMemoryIsAnErrorAndTheLibraryWorksOn) {
  const KernelId eigen = detail::find_kernel("eigen");
  float memory[18] = {1, 2, 3};
  // The last two have more elements than a number can count.
  for (const auto& [n, k] :
       {std::pair<std::size_t, std::size_t>{1, SIZE_MAX / 16}, {16, SIZE_MAX / 16 + 1}, {7, SIZE_MAX / 2}}) {
    const MatmulArgs<float> args{.m = 1,
                                 .n = n,
                                 .k = k,
                                 .a = memory,
                                 .a_row = 0,
                                 .a_col = 0,
                                 .b = memory + 1,
                                 .b_row = 0,
                                 .b_col = 0,
                                 .c = memory + 2,
                                 .c_row = 16};
    const Error error = error_of([&] { matmul(args, eigen); });
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    EXPECT_NE(std::string(error.what()).find("[1," + std::to_string(k) + "]"), std::string::npos) << error.what();
  }
  check_case<float>({.m = 9, .n = 8, .k = 7, .a = Layout::strided, .b = Layout::strided}, eigen);
}

}  // namespace
}  // namespace tinytorch::testing
