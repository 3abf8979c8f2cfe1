// The forward pass of 784-256-128-10 with each rung: `network/float32/simd/64`, the last number being the batch.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench.h"
#include "tinytorch/nn.h"
#include "tinytorch/ops.h"
#include "tinytorch/random.h"

namespace tinytorch::bench {
namespace {

using nn::Dense;
using nn::ReLU;
using nn::Sequential;

std::unique_ptr<Sequential> make_network() {
  manual_seed(42);
  std::vector<nn::ModulePtr> layers{std::make_shared<Dense>(784, 256), std::make_shared<ReLU>(),
                                    std::make_shared<Dense>(256, 128), std::make_shared<ReLU>(),
                                    std::make_shared<Dense>(128, 10)};
  return std::make_unique<Sequential>(std::move(layers));
}

void measure(benchmark::State& state, std::int64_t batch, KernelId kernel) {
  const auto network = make_network();
  const Tensor x = Tensor::rand({batch, 784});
  network->set_kernel(kernel_id("naive"));
  const Tensor expected = network->forward(x);
  network->set_kernel(kernel);
  if (!ops::allclose(network->forward(x), expected, 1e-4, 1e-5)) {
    state.SkipWithError("the result is wrong");
    return;
  }
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(network->forward(x));
  const double flops = 2.0 * static_cast<double>(batch) * (784 * 256 + 256 * 128 + 128 * 10);
  state.counters["FLOPS"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

}  // namespace

void register_benchmarks() {
  std::vector<std::string> names{"auto"};
  for (const KernelInfo& kernel : kernels()) {
    if (kernel.available) names.emplace_back(kernel.name);
  }
  for (const std::string& name : names) {
    for (const std::int64_t batch : {1, 64, 1024}) {
      benchmark::RegisterBenchmark(
          ("network/float32/" + name + "/" + std::to_string(batch)).c_str(),
          [batch, id = kernel_id(name)](benchmark::State& state) { measure(state, batch, id); })
          ->UseRealTime();
    }
  }
}

}  // namespace tinytorch::bench
