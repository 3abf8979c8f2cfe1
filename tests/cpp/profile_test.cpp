#include "tinytorch/profile.h"

#include <thread>

#include "fake_clock.h"
#include "tensor_tester.h"
#include "tinytorch/nn.h"

namespace tinytorch::testing {
namespace {

const ProfileRow& row(const ProfileReport& report, std::string_view name) {
  for (const ProfileRow& r : report.rows)
    if (r.name == name) return r;
  ADD_FAILURE() << "no row " << name << " in\n" << report.to_string();
  static const ProfileRow none;
  return none;
}

TEST(Profile, NestedScopesShareTheTime) {
  FakeClock clock;
  profile_start();
  EXPECT_TRUE(profile_active());
  for (int i = 0; i < 3; ++i) {
    clock.advance(3);
    const ProfileScope outer("outer");
    clock.advance(2);
    {
      const ProfileScope inner("inner", 1e6);
      clock.advance(4);
    }
    const ProfileScope second("second");
    clock.advance(1);
  }
  const ProfileReport report = profile_stop();
  EXPECT_FALSE(profile_active());
  EXPECT_EQ(report.wall_ms, 30);
  ASSERT_EQ(report.rows.size(), 3u);
  const ProfileRow &outer = row(report, "outer"), &inner = row(report, "inner"), &second = row(report, "second");
  EXPECT_EQ(outer.calls, 3);
  EXPECT_EQ(inner.calls, 3);
  EXPECT_EQ(second.calls, 3);
  EXPECT_EQ(inner.flops, 3e6);
  EXPECT_EQ(outer.flops, 0);
  // What the outer scope did not do itself, the inner ones did.
  EXPECT_EQ(outer.total_ms, 21);
  EXPECT_EQ(outer.self_ms, 6);
  EXPECT_EQ(inner.total_ms, 12);
  EXPECT_EQ(inner.self_ms, 12);
  EXPECT_EQ(second.total_ms, 3);
  EXPECT_EQ(second.self_ms, 3);
  EXPECT_EQ(outer.share, 6.0 / 30);
  EXPECT_EQ(inner.share, 12.0 / 30);
  EXPECT_EQ(second.share, 3.0 / 30);
  EXPECT_EQ(inner.gflops(), 3e6 / 12 * 1e-6);
  EXPECT_EQ(outer.gflops(), 0);
  EXPECT_EQ(inner.ms_per_call(), 4);
  EXPECT_EQ(ProfileRow{}.ms_per_call(), 0);
  // By self time, largest first.
  EXPECT_EQ(report.rows[0].name, "inner");
  EXPECT_EQ(report.rows[1].name, "outer");
  EXPECT_EQ(report.rows[2].name, "second");
}

TEST(Profile, AScopeInsideItsOwnNameCountsOnce) {
  FakeClock clock;
  profile_start();
  {
    const ProfileScope a("same");
    clock.advance(2);
    const ProfileScope b("same");
    clock.advance(5);
  }
  const ProfileReport report = profile_stop();
  EXPECT_EQ(row(report, "same").calls, 2);
  EXPECT_EQ(row(report, "same").total_ms, 7);
  EXPECT_EQ(row(report, "same").self_ms, 7);
}

TEST(Profile, StartAndStopInTheMiddleOfAScope) {
  FakeClock clock;
  EXPECT_ERROR(profile_stop(), ErrorCode::invalid_argument, "profile_stop: no profile is being taken");
  {
    const ProfileScope before("before");
    profile_start();
    EXPECT_ERROR(profile_start(), ErrorCode::invalid_argument, "profile_start: a profile is already being taken");
    clock.advance(1);
  }
  {
    const ProfileScope open("open");
    clock.advance(2);
    const ProfileReport report = profile_stop();
    ASSERT_EQ(report.rows.size(), 1u);
    EXPECT_EQ(row(report, "open").total_ms, 2);
    EXPECT_EQ(report.wall_ms, 3);
    profile_start();  // the scope that is still open belongs to the profile before
  }
  const ProfileReport report = profile_stop();
  EXPECT_TRUE(report.rows.empty());
  EXPECT_EQ(report.wall_ms, 0);
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

TEST(Profile, ANetworkIsItsLayersAndTheirProducts) {
  FakeClock clock(1);  // each reading of the clock is a millisecond after the one before
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
  EXPECT_EQ(matmul.total_ms, 3);
  EXPECT_EQ(row(report, "matmul.epilogue").calls, 3);
  for (const char* dense : {"Dense(784, 256)", "Dense(256, 128)", "Dense(128, 10)"}) {
    EXPECT_EQ(row(report, dense).calls, 1) << dense;
    // It reads the clock when it begins and ends; in between its product does so, and what adds the bias.
    EXPECT_EQ(row(report, dense).total_ms, 5) << dense;
    EXPECT_EQ(row(report, dense).self_ms, 3) << dense;
  }
  double share = 0, self = 0;
  for (const ProfileRow& each : report.rows) {
    share += each.share;
    self += each.self_ms;
  }
  EXPECT_LT(self, report.wall_ms);
  EXPECT_DOUBLE_EQ(share, self / report.wall_ms);
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
