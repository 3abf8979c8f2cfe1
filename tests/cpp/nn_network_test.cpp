// The network of the page, 784-256-128-10, with every rung against a reference in float64.
#include <cmath>
#include <cstring>

#include "matmul/registry.h"
#include "reference.h"
#include "tensor_tester.h"
#include "tinytorch/nn.h"
#include "tinytorch/ops.h"
#include "tinytorch/threads.h"

namespace tinytorch::testing {
namespace {

struct Network {
  std::vector<std::shared_ptr<nn::Dense>> dense;
  std::shared_ptr<nn::Sequential> model;
};

Network make_network() {
  Network net;
  manual_seed(1234);
  for (const auto& [in, out] : {std::pair(784, 256), std::pair(256, 128), std::pair(128, 10)}) {
    net.dense.push_back(std::make_shared<nn::Dense>(in, out));
  }
  const auto relu = std::make_shared<nn::ReLU>();
  net.model = std::make_shared<nn::Sequential>(
      std::vector<nn::ModulePtr>{net.dense[0], relu, net.dense[1], relu, net.dense[2]});
  return net;
}

/// Values and, element by element, how far float32 arithmetic in any order may be off: the bound of each layer,
/// and the bound of its input carried through the absolute weights.
struct Bounded {
  std::vector<double> value, error;
};

Bounded reference_forward(Network& net, const Tensor& x) {
  Bounded at{values(x), std::vector<double>(static_cast<std::size_t>(x.numel()), 0)};
  const auto batch = static_cast<std::size_t>(x.size(0));
  for (std::size_t layer = 0; layer < net.dense.size(); ++layer) {
    const Tensor& weight = net.dense[layer]->weight();
    const auto in = static_cast<std::size_t>(weight.size(0)), out = static_cast<std::size_t>(weight.size(1));
    const float *w = weight.data<float>(), *b = net.dense[layer]->bias().data<float>();
    const double gamma = error_bound<float>(in);
    Bounded next{std::vector<double>(batch * out), std::vector<double>(batch * out)};
    for (std::size_t i = 0; i < batch; ++i) {
      for (std::size_t j = 0; j < out; ++j) {
        double sum = b[j], magnitude = std::abs(sum), carried = 0;
        for (std::size_t p = 0; p < in; ++p) {
          const double weight_value = w[p * out + j];
          sum += at.value[i * in + p] * weight_value;
          magnitude += (std::abs(at.value[i * in + p]) + at.error[i * in + p]) * std::abs(weight_value);
          carried += at.error[i * in + p] * std::abs(weight_value);
        }
        const bool last = layer + 1 == net.dense.size();
        next.value[i * out + j] = last || sum > 0 ? sum : 0;
        next.error[i * out + j] = carried + gamma * magnitude;
      }
    }
    at = std::move(next);
  }
  return at;
}

TEST(Network, EveryRungStaysInsideTheBound) {
  Network net = make_network();
  for (std::int64_t batch : {1, 7, 64}) {
    const Tensor x = Tensor::rand({batch, 784});
    const Bounded want = reference_forward(net, x);
    std::vector<KernelId> ids{kAutoKernel};
    for (const KernelInfo& info : kernels())
      if (info.available) ids.push_back(kernel_id(info.name));
    for (KernelId id : ids) {
      net.model->set_kernel(id);
      const std::uint64_t calls = id == kAutoKernel ? 0 : detail::kernel_calls(id);
      const std::vector<double> y = values(net.model->forward(x));
      if (id != kAutoKernel) {
        EXPECT_EQ(detail::kernel_calls(id), calls + 3);
      }
      for (std::size_t i = 0; i < y.size(); ++i) {
        ASSERT_NEAR(y[i], want.value[i], want.error[i]) << "kernel " << id << " batch " << batch << " element " << i;
      }
    }
  }
}

TEST(Network, AHundredPassesGiveTheSameBits) {
  Network net = make_network();
  const Tensor x = Tensor::rand({64, 784});
  const Tensor first = net.model->forward(x);
  (void)net.model->forward(x);  // the second time layers may keep weights in panels
  const MemoryStats before = memory_stats();
  const int threads = num_threads();
  for (int pass = 0; pass < 100; ++pass) {
    set_num_threads(pass % 3 + 1);
    const Tensor y = net.model->forward(x);
    ASSERT_EQ(std::memcmp(y.data<float>(), first.data<float>(), 640 * sizeof(float)), 0) << "pass " << pass;
  }
  set_num_threads(threads);
  EXPECT_EQ(memory_stats().live_bytes, before.live_bytes);
}

}  // namespace
}  // namespace tinytorch::testing
