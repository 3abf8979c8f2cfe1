// What is left after something went wrong, and what must not go wrong silently.
#include <functional>

#include "autograd_tester.h"
#include "failing_allocation.h"
#include "tinytorch/nn.h"

namespace tinytorch::testing {
namespace {

using namespace ops;  // NOLINT

Tensor random_leaf(const Shape& shape) {
  Tensor t = Tensor::randn(shape, DType::float64);
  set_requires_grad(t);
  return t;
}

/// Every kind of backward function: sums into leaves, products that add into a gradient, slices that share one.
struct Program {
  Tensor x = random_leaf({4, 6}), w = random_leaf({6, 5}), b = random_leaf({5}), scale = random_leaf({5});
  Tensor labels = Tensor::arange(0, 4, 1, DType::int32), fixed = Tensor::rand({4, 5}, DType::float64);
  std::vector<Tensor> leaves{x, w, b, scale};

  [[nodiscard]] Tensor loss() const {
    const Tensor h = linear(x, w, b, {.activation = Activation::relu});
    const Tensor normal = layer_norm(add(h, matmul(gelu(x), w)), scale, b);
    const Tensor parts = add(normal.slice(1, 0, 4), mul(normal, scale).slice(1, 1, 5));
    const Tensor powers = ops::pow(sigmoid(parts), Tensor::scalar(1.5, DType::float64));
    const Tensor least = maximum(powers, x.slice(1, 0, 4).reshape({4, 4}).transpose());
    const Tensor single = least.to(DType::float32).to(DType::float64);
    Tensor total = cross_entropy(add(normal, scale.reshape({1, 5}).expand({4, 5})), labels);
    total = add(total, sum(softmax(single, 0)));
    total = add(total, add(ops::max(single), sum(ops::max(single, {0}))));
    total = add(total, binary_cross_entropy(sigmoid(normal), fixed));
    return add(total, mse_loss(h, fixed));
  }
  [[nodiscard]] std::vector<std::vector<double>> gradients() const {
    std::vector<std::vector<double>> all;
    for (const Tensor& t : leaves) all.push_back(grad(t).defined() ? values(grad(t)) : std::vector<double>{});
    return all;
  }
};

TEST(AutogradFailures, EveryAllocationFailsOnce) {
  manual_seed(21);
  Program p;
  backward(p.loss());
  const auto once = p.gradients();
  backward(p.loss());
  const auto twice = p.gradients();
  const auto set = [&](bool filled) {
    for (std::size_t i = 0; i < p.leaves.size(); ++i) {
      set_grad(p.leaves[i],
               filled ? tensor64({static_cast<std::int64_t>(once[i].size())}, once[i]).reshape(p.leaves[i].shape())
                      : Tensor());
    }
  };
  for (const bool filled : {false, true}) {  // first gradients, and gradients that are added to
    set(filled);
    release_pooled_memory();
    const MemoryStats before = memory_stats();
    std::int64_t nth = 1, during_backward = 0;
    for (;; ++nth) {
      bool failed = false, in_backward = false;
      try {
        const FailingAllocation failing(nth);
        const Tensor loss = p.loss();
        in_backward = true;
        backward(loss);
        failed = FailingAllocation::happened();
      } catch (const std::exception& thrown) {
        failed = true;
        during_backward += in_backward;
        EXPECT_TRUE(is_out_of_memory(thrown)) << "allocation " << nth << ": " << thrown.what();
        EXPECT_EQ(p.gradients(), filled ? once : std::vector<std::vector<double>>(p.leaves.size()))
            << "allocation " << nth;
        EXPECT_EQ(memory_stats().live_bytes, before.live_bytes) << "allocation " << nth;
      }
      if (!failed) break;
      // The next one is healthy, and adds what it should and nothing else.
      set(filled);
      backward(p.loss());
      ASSERT_EQ(p.gradients(), filled ? twice : once) << "after allocation " << nth;
      set(filled);
      release_pooled_memory();
    }
    EXPECT_GT(nth, 100);
    EXPECT_GT(during_backward, 50);
    EXPECT_EQ(p.gradients(), filled ? twice : once);
  }
}

TEST(AutogradFailures, ABackwardThatThrowsLeavesNothingBehind) {
  // Whatever is overwritten, one place after the other: the gradients stay, and healthy parts of the graph still work.
  for (int overwritten = 0; overwritten < 2; ++overwritten) {
    SCOPED_TRACE(overwritten);
    Tensor x = leaf({2}), w = leaf({5});
    Tensor a = mul(x, tensor64({1}, {1})), b = mul(x, tensor64({1}, {2})), c = mul(a, b);
    set_grad(w, tensor64({1}, {7}));
    {
      const NoGrad no_grad;
      (overwritten == 0 ? a : b).fill(3);
    }
    const Tensor root = sum(add(mul(c, c), w));  // w's gradient is there before the walk fails
    EXPECT_ERROR(backward(root), ErrorCode::autograd, "has been overwritten since");
    EXPECT_FALSE(grad(x).defined());
    EXPECT_EQ(grad(w).item(), 7);
    backward(sum(add(neg(w), w)));
    EXPECT_EQ(grad(w).item(), 7);
    backward(sum(a));
    EXPECT_EQ(grad(x).item(), 1);
  }
}

TEST(AutogradFailures, AnAnomalyLeavesNothingBehind) {
  Tensor x = leaf({0, 4}), w = leaf({1, 1});
  const Tensor root = sum(add(mul(sqrt(x), w), w));
  set_anomaly_detection(true);
  EXPECT_ERROR(backward(root), ErrorCode::autograd, "'sqrt' made the first NaN or infinity");
  set_anomaly_detection(false);
  EXPECT_FALSE(grad(x).defined());
  EXPECT_FALSE(grad(w).defined());
  backward(sum(w));
  EXPECT_EQ(values(grad(w)), (std::vector<double>{1, 1}));
}

TEST(AutogradFailures, AGradientThatReachesALeafTwiceIsCommittedOnce) {
  Tensor x = leaf({3}), y = leaf({4});
  const Tensor held = x;
  backward(sum(add(mul(x, y), x)));
  backward(sum(add(mul(x, y), x)));
  EXPECT_EQ(grad(x).item(), 10);
  EXPECT_EQ(grad(y).item(), 6);
}

TEST(AutogradFailures, AFrozenLeafIsSkipped) {
  // Every operation with every subset of its leaves frozen after recording: the others get what they would have got.
  manual_seed(22);
  const auto v = [] { return Tensor::rand({3, 3}, DType::float64); };
  const std::vector<std::pair<std::string, Function>> functions = {
      {"add", [](const auto& x) { return add(x[0], add(x[1], x[2])); }},
      {"sub", [](const auto& x) { return sub(sub(x[0], x[1]), x[2]); }},
      {"mul", [](const auto& x) { return mul(mul(x[0], x[1]), x[2]); }},
      {"div", [](const auto& x) { return div(div(x[0], x[1]), x[2]); }},
      {"pow", [](const auto& x) { return ops::pow(x[0], add(x[1], x[2])); }},
      {"maximum", [](const auto& x) { return maximum(maximum(x[0], x[1]), x[2]); }},
      {"matmul", [](const auto& x) { return matmul(matmul(x[0], x[1]), x[2]); }},
      {"vector matmul",
       [](const auto& x) {
         return matmul(x[0].reshape({9}), matmul(x[1].reshape({1, 9}).expand({9, 9}), x[2].reshape({9})));
       }},
      {"linear",
       [](const auto& x) {
         return linear(x[0], x[1], x[2].slice(0, 0, 1).reshape({3}), {.activation = Activation::relu});
       }},
      {"layer_norm",
       [](const auto& x) {
         return layer_norm(x[0], x[1].slice(0, 0, 1).reshape({3}), x[2].slice(0, 1, 2).reshape({3}));
       }},
      {"losses", [](const auto& x) { return add(mse_loss(x[0], x[1]), binary_cross_entropy(x[2], sigmoid(x[1]))); }},
      {"slices", [](const auto& x) { return add(x[0].slice(0, 0, 2), add(x[1].slice(0, 1, 3), x[2].slice(0, 0, 2))); }},
      {"reductions", [](const auto& x) { return add(ops::max(x[0]), add(mean(x[1], {0}), ops::max(x[2], {1}))); }},
      {"unary",
       [](const auto& x) { return add(gelu(x[0]), add(softmax(x[1]), x[2].to(DType::float32).to(DType::float64))); }},
  };
  for (const auto& [name, f] : functions) {
    for (unsigned frozen = 0; frozen < 8; ++frozen) {
      SCOPED_TRACE(name + ", frozen " + std::to_string(frozen));
      std::vector<Tensor> x{v(), v(), v()};
      for (Tensor& t : x) set_requires_grad(t);
      const std::int64_t live = memory_stats().live_bytes;
      {
        Tensor y = sum(f(x));
        backward(y, {.retain_graph = true});
        std::vector<std::vector<double>> want;
        for (Tensor& t : x) {
          want.push_back(values(grad(t)));
          set_grad(t, {});
        }
        for (unsigned i = 0; i < 3; ++i) {
          if (frozen >> i & 1) set_requires_grad(x[i], false);
        }
        backward(y);
        for (unsigned i = 0; i < 3; ++i) {
          EXPECT_EQ(grad(x[i]).defined(), !(frozen >> i & 1));
          if (grad(x[i]).defined()) {
            EXPECT_EQ(values(grad(x[i])), want[i]);
          }
          set_grad(x[i], {});
        }
      }
      EXPECT_EQ(memory_stats().live_bytes, live);
    }
  }
}

TEST(AutogradFailures, FrozenAndThawedAgain) {
  Tensor x = leaf({2}), y = leaf({3});
  const Tensor product = mul(x, y);
  set_requires_grad(x, false);
  set_requires_grad(x);
  backward(product, {.retain_graph = true});
  EXPECT_EQ(grad(x).item(), 3);
  set_requires_grad(x, false);
  EXPECT_FALSE(grad(x).defined());
  set_grad(x, {});  // nothing to forget
  EXPECT_ERROR(set_grad(x, tensor64({1}, {1})), ErrorCode::autograd, "not a leaf");
  backward(product);
  EXPECT_EQ(grad(y).item(), 4);
  EXPECT_ERROR(backward(x), ErrorCode::autograd, "depends on no tensor");
}

TEST(AutogradFailures, ALeafThatIsGone) {
  const std::int64_t live = memory_stats().live_bytes;
  Tensor y = leaf({3}), product;
  {
    const Tensor x = leaf({2});
    product = mul(x, y);
  }
  backward(product);
  EXPECT_EQ(grad(y).item(), 2);
  product = y = Tensor();
  EXPECT_EQ(memory_stats().live_bytes, live);
}

TEST(AutogradFailures, WritingIntoARecordedResult) {
  using Write = std::function<void(Tensor&)>;
  const Tensor other = tensor64({2}, {5, 6});
  const std::vector<std::pair<std::string, Write>> writes = {
      {"fill", [](Tensor& t) { t.fill(0); }},
      {"copy_from", [&](Tensor& t) { t.copy_from(other); }},
      {"mutable_data", [](Tensor& t) { t.mutable_data<double>()[0] = 1; }},
      {"mutable_data", [](Tensor& t) { t.mutable_strided_data<double>()[0] = 1; }},
      {"add", [&](Tensor& t) { (void)ops::add(other, other, &t); }},
      {"sum", [&](Tensor& t) { (void)ops::sum(other.expand({2, 2}), {0}, &t); }},
      {"softmax", [&](Tensor& t) { (void)ops::softmax(other, 0, &t); }},
      {"matmul", [&](Tensor& t) { ops::matmul_out(t, other, Tensor::ones({2, 2}, DType::float64)); }},
  };
  for (const auto& [name, write] : writes) {
    SCOPED_TRACE(name);
    Tensor x = leaf({1, 2});
    Tensor result = mul(x, other), view = x.slice(0, 0, 2);
    for (Tensor* t : {&result, &view}) {
      const std::vector<double> before = values(*t);
      EXPECT_ERROR(write(*t), ErrorCode::autograd, name + ": the tensor is the result of '");
      EXPECT_EQ(values(*t), before);
    }
    backward(sum(result));
    EXPECT_EQ(values(grad(x)), values(other));
    write(x);  // a leaf may be written to
    Tensor copy = detach(mul(x, other)).clone();
    write(copy);
    const NoGrad no_grad;
    Tensor recorded = result;
    write(recorded);
  }
}

TEST(AutogradFailures, AProductOfMatricesIntoARecordedResult) {
  const Tensor a = Tensor::ones({2, 2}, DType::float64);
  Tensor x = Tensor::ones({2, 2}, DType::float64);
  set_requires_grad(x);
  Tensor result = exp(x);
  EXPECT_ERROR(ops::matmul_out(result, a, a), ErrorCode::autograd, "matmul: the tensor is the result of 'exp'");
  ops::matmul_out(x, a, a);  // a leaf
  EXPECT_EQ(values(x), (std::vector<double>{2, 2, 2, 2}));
  const NoGrad no_grad;
  ops::matmul_out(result, a, a);
  EXPECT_EQ(values(result), (std::vector<double>{2, 2, 2, 2}));
}

TEST(AutogradFailures, ACopyThatWouldLoseAGradient) {
  Tensor x = leaf({1, 2}), to = tensor64({2}, {0, 0});
  EXPECT_ERROR(to.copy_from(x), ErrorCode::autograd, "copy_from: the source requires a gradient");
  EXPECT_ERROR(to.copy_from(mul(x, x)), ErrorCode::autograd, "copy_from: the source requires a gradient");
  EXPECT_EQ(values(to), (std::vector<double>{0, 0}));
  to.copy_from(detach(x));
  EXPECT_EQ(values(to), (std::vector<double>{1, 2}));
  const NoGrad no_grad;
  to.copy_from(mul(x, x));
  EXPECT_EQ(values(to), (std::vector<double>{1, 4}));
}

TEST(AutogradFailures, AGradientThatIsGiven) {
  const std::int64_t live = memory_stats().live_bytes;
  {
    Tensor x = leaf({1, 2, 3, 4});
    // A recorded one: its history, which leads back to x, is not kept.
    set_grad(x, mul(x, x));
    EXPECT_FALSE(requires_grad(grad(x)));
    // x itself: the gradient has memory of its own.
    set_grad(x, x);
    EXPECT_FALSE(grad(x).shares_storage(x));
    // Views become row-major.
    set_grad(x, tensor64({1}, {2}).expand({4}));
    EXPECT_TRUE(grad(x).is_contiguous());
    backward(sum(x));
    EXPECT_EQ(values(grad(x)), (std::vector<double>{3, 3, 3, 3}));
    const Tensor given = tensor64({4}, {1, 1, 1, 1});
    set_grad(x, given);
    EXPECT_TRUE(grad(x).shares_storage(given));
    backward(sum(x));
    EXPECT_EQ(values(given), (std::vector<double>{1, 1, 1, 1}));
    EXPECT_EQ(values(grad(x)), (std::vector<double>{2, 2, 2, 2}));
  }
  EXPECT_EQ(memory_stats().live_bytes, live);
}

TEST(AutogradFailures, AnExpandedTensorIsOneOfItsOwn) {
  Tensor x = leaf({1, 2});
  Tensor same = x.expand({2});
  EXPECT_ERROR(set_requires_grad(same, false), ErrorCode::autograd, "the result of 'expand'");
  backward(sum(mul(same, same)));
  EXPECT_EQ(values(grad(x)), (std::vector<double>{2, 4}));
  Tensor plain = tensor64({2}, {1, 2});
  Tensor marked = plain.expand({2});
  set_requires_grad(marked);
  EXPECT_FALSE(requires_grad(plain));
}

TEST(AutogradFailures, ThroughAConversion) {
  Tensor x = Tensor::ones({3});
  set_requires_grad(x);
  backward(add(sum(x.to(DType::float64)).to(DType::float32), sum(x)));
  EXPECT_EQ(grad(x).dtype(), DType::float32);
  EXPECT_EQ(values(grad(x)), (std::vector<double>{2, 2, 2}));
  EXPECT_FALSE(requires_grad(x.to(DType::int32)));
  EXPECT_TRUE(requires_grad(x.to(DType::float32)));
}

}  // namespace
}  // namespace tinytorch::testing
