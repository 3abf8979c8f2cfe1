// Optimisers, clipping and schedules against plain arithmetic in float64, on generated runs.
#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "autograd_tester.h"
#include "train_tester.h"

namespace tinytorch::testing {
namespace {

using optim::Adam;
using optim::AdamOptions;
using optim::AdamW;
using optim::SGD;
using optim::SGDOptions;

/// One element as PyTorch's documentation writes it down. `t` counts the updates of its parameter.
struct Reference {
  double p = 0, m = 0, v = 0;
  int t = 0;
  void sgd(double lr, const SGDOptions& o, double g) {
    ++t;
    g += o.weight_decay * p;
    if (o.momentum != 0) {
      m = t == 1 ? g : o.momentum * m + (1 - o.dampening) * g;
      g = o.nesterov ? g + o.momentum * m : m;
    }
    p -= lr * g;
  }
  void adam(double lr, const AdamOptions& o, bool decoupled, double g) {
    ++t;
    if (decoupled) p -= lr * o.weight_decay * p;
    if (!decoupled) g += o.weight_decay * p;
    m = o.beta1 * m + (1 - o.beta1) * g;
    v = o.beta2 * v + (1 - o.beta2) * g * g;
    p -= lr * (m / (1 - std::pow(o.beta1, t))) / (std::sqrt(v / (1 - std::pow(o.beta2, t))) + o.eps);
  }
};

TEST(Optimizer, EachParameterCountsItsOwnUpdates) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Generator random(seed);
    const auto pick = [&](std::initializer_list<double> of) { return of.begin()[random.below(of.size())]; };
    const double lr = pick({0.5, 0.1, 0.003});
    SGDOptions sgd{.momentum = pick({0, 0.5, 0.9}), .dampening = pick({0, 0.3, 1}), .weight_decay = pick({0, 0.1})};
    sgd.nesterov = sgd.momentum > 0 && sgd.dampening == 0 && random.below(2) == 0;
    const AdamOptions adam{.beta1 = pick({0, 0.5, 0.9}),
                           .beta2 = pick({0, 0.9, 0.999}),
                           .eps = pick({1e-8, 0.1}),
                           .weight_decay = pick({0, 0.2})};
    const std::uint64_t kind = random.below(3);
    const std::size_t count = 1 + random.below(4);
    std::vector<Tensor> parameters;
    std::vector<std::vector<Reference>> expected;
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<double> start(1 + random.below(9));
      for (double& x : start) x = random.uniform() * 4 - 2;
      parameters.push_back(leaf(start));
      expected.emplace_back();
      for (const double x : start) expected.back().push_back({.p = x});
    }
    std::unique_ptr<optim::Optimizer> optimizer;
    if (kind == 0) optimizer = std::make_unique<SGD>(parameters, lr, sgd);
    if (kind == 1) optimizer = std::make_unique<Adam>(parameters, lr, adam);
    if (kind == 2) optimizer = std::make_unique<AdamW>(parameters, lr, adam);
    for (int step = 0; step < 12; ++step) {
      optimizer->zero_grad();
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t fate = random.below(4);  // without a gradient, frozen, or (twice as often) with one
        set_requires_grad(parameters[i], fate != 1);
        if (fate < 2) continue;
        std::vector<double> gradient(expected[i].size());
        for (std::size_t k = 0; k < gradient.size(); ++k) {
          gradient[k] = random.uniform() * 2 - 1;
          if (kind == 0) expected[i][k].sgd(lr, sgd, gradient[k]);
          if (kind != 0) expected[i][k].adam(lr, adam, kind == 2, gradient[k]);
        }
        set_grad(parameters[i], tensor64({static_cast<std::int64_t>(gradient.size())}, gradient));
      }
      optimizer->step();
      EXPECT_EQ(optimizer->steps(), step + 1);
      for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(optimizer->state()[0].second.at({static_cast<std::int64_t>(i)}), expected[i][0].t);
        for (std::size_t k = 0; k < expected[i].size(); ++k) {
          // A dozen roundings a step on numbers below 4 + 12 lr / eps.
          const double want = expected[i][k].p;
          ASSERT_NEAR(parameters[i].at({static_cast<std::int64_t>(k)}), want, 1e-12 * (1 + std::abs(want)))
              << "kind " << kind << ", step " << step << ", parameter " << i;
        }
      }
    }
  }
}

TEST(Optimizer, FrozenParametersStayAndTheSameOneTwiceIsRefused) {
  Tensor a = leaf({1, 2}), frozen = tensor64({2}, {3, 4});
  Adam optimizer({frozen, a}, 0.1);
  set_grad(a, Tensor::ones({2}, DType::float64));
  optimizer.step();
  optimizer.zero_grad();
  EXPECT_FALSE(grad(a).defined());
  EXPECT_EQ(values(frozen), (std::vector<double>{3, 4}));
  EXPECT_NE(values(a), (std::vector<double>{1, 2}));
  EXPECT_ERROR(SGD({a, frozen, a}, 0.1), ErrorCode::invalid_argument,
               "parameter 2, of shape [2], is in the list twice");
  EXPECT_ERROR(SGD({}, 0.1), ErrorCode::invalid_argument, "there are no parameters");
  EXPECT_ERROR(SGD({ops::mul(a, a)}, 0.1), ErrorCode::autograd, "is not a dense leaf");
  EXPECT_ERROR(SGD({Tensor::zeros({2}, DType::int32)}, 0.1), ErrorCode::dtype, "int32");
}

TEST(Optimizer, OptionsFollowPyTorchsRules) {
  const double nan = NAN, infinity = INFINITY;
  const std::vector<Tensor> p{leaf({1})};
  const auto refused = [&](const std::function<void()>& make, const char* text) {
    EXPECT_ERROR((make(), 0), ErrorCode::invalid_argument, text);
  };
  for (const double wrong : {-1.0, -1e-300, nan, infinity}) {
    refused([&] { SGD(p, wrong); }, "learning rate");
    refused([&] { Adam(p, wrong); }, "learning rate");
    refused([&] { SGD(p, 0.1, {.momentum = wrong}); }, "SGD: momentum");
    refused([&] { SGD(p, 0.1, {.weight_decay = wrong}); }, "SGD: weight_decay");
    refused([&] { Adam(p, 0.1, {.eps = wrong}); }, "Adam: eps");
    refused([&] { AdamW(p, 0.1, {.weight_decay = wrong}); }, "AdamW: weight_decay");
    SGD fine(p, 0.1);
    refused([&] { fine.set_learning_rate(wrong); }, "learning rate");
    EXPECT_EQ(fine.learning_rate(), 0.1);
  }
  for (const double wrong : {-0.1, 1.0, 1.5, nan, infinity}) {
    refused([&] { Adam(p, 0.1, {.beta1 = wrong}); }, "Adam: beta1");
    refused([&] { AdamW(p, 0.1, {.beta2 = wrong}); }, "AdamW: beta2");
  }
  refused([&] { SGD(p, 0.1, {.momentum = 0.5, .dampening = nan}); }, "SGD: dampening");
  refused([&] { SGD(p, 0.1, {.nesterov = true}); }, "SGD: nesterov");
  refused([&] { SGD(p, 0.1, {.momentum = 0.9, .dampening = 0.1, .nesterov = true}); }, "SGD: nesterov");
  SGD(p, 0, {.momentum = 0, .dampening = -1});
  Adam(p, 0, {.beta1 = 0, .beta2 = 0, .eps = 0});
}

TEST(Clipping, ScalesOnceWhateverIsListed) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Generator random(seed);
    std::vector<Tensor> own, listed;
    double squares = 0;
    for (std::uint64_t i = 0; i < 1 + random.below(5); ++i) {
      Tensor p = Tensor::zeros({static_cast<std::int64_t>(1 + random.below(700))}, DType::float64);
      set_requires_grad(p);
      own.push_back(p);
      for (std::uint64_t k = 0; k < 1 + random.below(3); ++k) listed.push_back(p);
      if (random.below(5) == 0) continue;  // without a gradient
      set_grad(p, Tensor::randn(p.shape(), DType::float64));
      for (const double g : values(grad(p))) squares += g * g;
    }
    std::vector<std::vector<double>> before;
    for (const Tensor& p : own) before.push_back(grad(p).defined() ? values(grad(p)) : std::vector<double>());
    const double norm = std::sqrt(squares), limit = random.uniform() * 2 * norm;
    EXPECT_NEAR(optim::clip_grad_norm(listed, limit), norm, 1e-13 * norm);
    const double scale = norm > limit ? limit / (norm + 1e-6) : 1;
    for (std::size_t i = 0; i < own.size(); ++i) {
      const Tensor g = grad(own[i]);
      ASSERT_EQ(g.defined(), !before[i].empty());
      for (std::size_t k = 0; k < before[i].size(); ++k) {
        ASSERT_NEAR(g.at({static_cast<std::int64_t>(k)}), before[i][k] * scale, 1e-13 * std::abs(before[i][k]));
      }
    }
  }
  EXPECT_ERROR(optim::clip_grad_norm({}, -1), ErrorCode::invalid_argument, "max_norm must be >= 0, got -1");
  EXPECT_ERROR(optim::clip_grad_norm({}, NAN), ErrorCode::invalid_argument, "max_norm");
  EXPECT_EQ(optim::clip_grad_norm({}, INFINITY), 0);
}

TEST(Schedules, FollowTheirFormulasAtOnce) {
  Generator random(7);
  const double pi = std::acos(-1.0);
  for (int i = 0; i < 500; ++i) {
    const double initial = random.uniform(), lowest = random.uniform(), factor = random.uniform() * 1.2;
    const auto t = static_cast<std::int64_t>(random.below(60)),
               length = static_cast<std::int64_t>(1 + random.below(40));
    EXPECT_NEAR(optim::step_schedule(initial, factor, t, length),
                initial * std::pow(factor, static_cast<double>(t / length)), 1e-9);
    const double turn = pi * static_cast<double>(std::min(t, length)) / static_cast<double>(length);
    EXPECT_NEAR(optim::cosine_schedule(initial, lowest, t, length),
                lowest + (initial - lowest) * (1 + std::cos(turn)) / 2, 1e-14);
  }
  constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(optim::step_schedule(0.1, 0.5, far, 1), 0);
  EXPECT_EQ(optim::step_schedule(0.1, 1, far, 1), 0.1);
  EXPECT_EQ(optim::step_schedule(0, 2, far, 1), 0);
  EXPECT_EQ(optim::cosine_schedule(0.1, 0.01, far, 5), 0.01);
  for (const std::int64_t wrong : {std::int64_t{0}, std::int64_t{-1}, -far}) {
    EXPECT_ERROR(optim::step_schedule(0.1, 0.5, 3, wrong), ErrorCode::invalid_argument, "step_schedule: every");
    EXPECT_ERROR(optim::cosine_schedule(0.1, 0, 3, wrong), ErrorCode::invalid_argument, "cosine_schedule: length");
  }
  EXPECT_ERROR(optim::step_schedule(0.1, 0.5, -1, 3), ErrorCode::invalid_argument, "step_schedule: t");
  EXPECT_ERROR(optim::step_schedule(0.1, -0.5, 1, 3), ErrorCode::invalid_argument, "step_schedule: factor");
  EXPECT_ERROR(optim::step_schedule(NAN, 0.5, 1, 3), ErrorCode::invalid_argument, "step_schedule: initial");
  EXPECT_ERROR(optim::cosine_schedule(0.1, INFINITY, 1, 3), ErrorCode::invalid_argument, "cosine_schedule: lowest");
}

TEST(Optimizer, GradientsThatEndLeaveNoSubnormalNumbers) {
  const auto none_is_subnormal = [](const optim::Optimizer& optimizer) {
    for (const auto& [name, tensor] : optimizer.state()) {
      for (double v : values(tensor)) {
        EXPECT_TRUE(v == 0 || std::abs(v) >= static_cast<double>(std::numeric_limits<float>::min()))
            << name << ' ' << v;
      }
    }
  };
  for (const bool adam : {false, true}) {
    Tensor p = Tensor::ones({7});
    set_requires_grad(p);
    std::unique_ptr<optim::Optimizer> optimizer;
    if (adam) {
      optimizer = std::make_unique<optim::Adam>(std::vector{p}, 0.01, optim::AdamOptions{.beta2 = 0.9});
    } else {
      optimizer = std::make_unique<optim::SGD>(std::vector{p}, 0.01, optim::SGDOptions{.momentum = 0.9});
    }
    set_grad(p, Tensor::ones({7}));
    optimizer->step();
    set_grad(p, Tensor::zeros({7}));
    for (int i = 0; i < 1000; ++i) {
      optimizer->step();
      none_is_subnormal(*optimizer);
    }
    for (const auto& [name, tensor] : optimizer->state()) {
      if (name == "step") continue;
      EXPECT_EQ(values(tensor), std::vector<double>(7, 0.0)) << name;
    }
    // A NaN is not swept away.
    set_grad(p, Tensor::full({7}, NAN));
    optimizer->step();
    EXPECT_TRUE(std::isnan(values(p)[0]));
    for (const auto& [name, tensor] : optimizer->state()) {
      if (name == "step") continue;
      EXPECT_TRUE(std::isnan(values(tensor)[6])) << name;
    }
  }
}

}  // namespace
}  // namespace tinytorch::testing
