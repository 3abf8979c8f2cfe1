#include "tinytorch/profile.h"

#include <chrono>
#include <thread>

#include "tensor_tester.h"
#include "tinytorch/nn.h"

namespace tinytorch::testing {
namespace {

/// Busy for about that long: every clock of ours can see it.
void spend(double ms) {
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() < ms) {
  }
}

const ProfileRow& row(const ProfileReport& report, std::string_view name) {
  for (const ProfileRow& r : report.rows)
    if (r.name == name) return r;
  ADD_FAILURE() << "no row " << name << " in\n" << report.to_string();
  static const ProfileRow none;
  return none;
}

TEST(Profile, NestedScopesShareTheTime) {
  profile_start();
  EXPECT_TRUE(profile_active());
  for (int i = 0; i < 3; ++i) {
    const ProfileScope outer("outer");
    spend(2);
    {
      const ProfileScope inner("inner", 1e6);
      spend(4);
    }
    const ProfileScope second("second");
    spend(1);
  }
  const ProfileReport report = profile_stop();
  EXPECT_FALSE(profile_active());
  ASSERT_EQ(report.rows.size(), 3u);
  const ProfileRow &outer = row(report, "outer"), &inner = row(report, "inner"), &second = row(report, "second");
  EXPECT_EQ(outer.calls, 3);
  EXPECT_EQ(inner.calls, 3);
  EXPECT_EQ(inner.flops, 3e6);
  EXPECT_GE(inner.total_ms, 11.9);
  EXPECT_EQ(inner.total_ms, inner.self_ms);
  // What the outer scope did not do itself, the inner ones did.
  EXPECT_NEAR(outer.self_ms, outer.total_ms - inner.total_ms - second.total_ms, 1e-6);
  EXPECT_GE(outer.total_ms, 20.9);
  EXPECT_LE(outer.total_ms, report.wall_ms);
  double share = 0;
  for (const ProfileRow& r : report.rows) share += r.share;
  EXPECT_LE(share, 1.0);
  EXPECT_GE(share, 0.9);
  EXPECT_EQ(report.rows.front().name, "inner");
  EXPECT_NEAR(inner.gflops(), 3e6 / inner.total_ms * 1e-6, 1e-12);
  EXPECT_NEAR(inner.ms_per_call(), inner.total_ms / 3, 1e-12);
}

TEST(Profile, AScopeInsideItsOwnNameCountsOnce) {
  profile_start();
  {
    const ProfileScope a("same");
    spend(2);
    const ProfileScope b("same");
    spend(2);
  }
  const ProfileReport report = profile_stop();
  EXPECT_EQ(row(report, "same").calls, 2);
  EXPECT_LE(row(report, "same").total_ms, report.wall_ms);
  EXPECT_NEAR(row(report, "same").self_ms, row(report, "same").total_ms, 1e-6);
}

TEST(Profile, StartAndStopInTheMiddleOfAScope) {
  EXPECT_ERROR(profile_stop(), ErrorCode::invalid_argument, "profile_stop: no profile is being taken");
  {
    const ProfileScope before("before");
    profile_start();
    EXPECT_ERROR(profile_start(), ErrorCode::invalid_argument, "profile_start: a profile is already being taken");
  }
  {
    const ProfileScope open("open");
    spend(1);
    const ProfileReport report = profile_stop();
    ASSERT_EQ(report.rows.size(), 1u);
    EXPECT_GE(row(report, "open").total_ms, 0.9);
    profile_start();  // the scope that is still open belongs to the profile before
  }
  EXPECT_TRUE(profile_stop().rows.empty());
}

TEST(Profile, NamesAreCopied) {
  profile_start();
  {
    std::string name = "temporary name that is too long for the small buffer";
    const ProfileScope scope(name);
    name.assign(name.size(), 'x');
  }
  EXPECT_EQ(row(profile_stop(), "temporary name that is too long for the small buffer").calls, 1);
}

TEST(Profile, OtherThreadsAreNotRecorded) {
#if TINYTORCH_THREADS
  profile_start();
  std::thread([] {
    EXPECT_FALSE(profile_active());
    const ProfileScope scope("elsewhere");
  }).join();
  EXPECT_TRUE(profile_stop().rows.empty());
#endif
}

TEST(Profile, TheNaiveNetworkIsItsMatmul) {
  manual_seed(3);
  nn::Sequential model({std::make_shared<nn::Dense>(784, 256), std::make_shared<nn::ReLU>(),
                        std::make_shared<nn::Dense>(256, 128), std::make_shared<nn::ReLU>(),
                        std::make_shared<nn::Dense>(128, 10)});
  model.set_kernel(kernel_id("naive"));
  const Tensor x = Tensor::randn({64, 784});
  profile_start();
  const Tensor y = model.forward(x);
  const ProfileReport report = profile_stop();
  const ProfileRow& matmul = row(report, "matmul.naive");
  EXPECT_EQ(matmul.calls, 3);
  EXPECT_EQ(matmul.flops, 2.0 * 64 * (784 * 256 + 256 * 128 + 128 * 10));
  EXPECT_GT(matmul.share, 0.9) << report.to_string();
  EXPECT_EQ(row(report, "Dense(784, 256)").calls, 1);
  EXPECT_EQ(row(report, "Dense(128, 10)").calls, 1);
  EXPECT_EQ(report.rows.front().name, "matmul.naive");
}

TEST(Profile, PrintsATable) {
  ProfileReport report;
  report.rows.push_back({"matmul.naive", 2, 10, 8, 0.8, 4e9});
  report.rows.push_back({"ReLU", 1, 2, 2, 0.2, 0});
  report.wall_ms = 10;
  const std::string text = report.to_string();
  EXPECT_NE(text.find("matmul.naive         2      10.000       8.000      5.0000   80.0%    400.00"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("wall time 10.000 ms"), std::string::npos);
}

}  // namespace
}  // namespace tinytorch::testing
