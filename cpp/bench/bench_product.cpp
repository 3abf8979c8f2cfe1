// Every rung x type x shape, verified before it is timed: `product/float32/simd/64x784x256`, where the shape is
// m x k x n, and -TN or -NT says that A or B is a transposed view.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "bench.h"
#include "tinytorch/dtype.h"
#include "tinytorch/matmul.h"
#include "tinytorch/random.h"
#ifdef TINYTORCH_BENCH_WITH_OPENBLAS
#include "openblas.h"
#endif

namespace tinytorch::bench {
namespace {

enum class Transposed { none, a, b };

struct Shape {
  std::size_t m, k, n;
  Transposed transposed = Transposed::none;

  [[nodiscard]] double flops() const {
    return 2 * static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n);
  }
  [[nodiscard]] std::string name() const {
    static constexpr const char* suffix[] = {"", "-TN", "-NT"};
    return std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n) + suffix[static_cast<int>(transposed)];
  }
};

const std::vector<Shape>& shapes() {
  static const auto all = [] {
    std::vector<Shape> list;
    for (const std::size_t size : {16, 32, 64, 100, 128, 256, 500, 512, 1000, 1024, 2000}) {
      list.push_back({size, size, size});
    }
    // The layers of 784-256-128-10 forward, then what their training step adds: dW = X^T . dY and dX = dY . W^T.
    list.insert(list.end(), {{1, 784, 256}, {64, 784, 256}, {64, 256, 128}, {64, 128, 10}, {1024, 784, 256}});
    for (const Shape layer : {Shape{64, 784, 256}, Shape{64, 256, 128}, Shape{64, 128, 10}}) {
      list.push_back({layer.k, layer.m, layer.n, Transposed::a});
      if (layer.k != 784) list.push_back({layer.m, layer.n, layer.k, Transposed::b});
    }
    return list;
  }();
  return all;
}

/// The operands of one shape.
template <class T>
class Problem {
 public:
  explicit Problem(const Shape& shape)
      : shape_(shape), a_(shape.m * shape.k), b_(shape.k * shape.n), c_(shape.m * shape.n) {
    Generator generator(1);
    generator.fill_normal(std::span(a_));
    generator.fill_normal(std::span(b_));
  }

  [[nodiscard]] MatmulArgs<T> args() {
    const auto [m, k, n, transposed] = shape_;
    const auto stride = [](std::size_t size) { return static_cast<std::ptrdiff_t>(size); };
    MatmulArgs<T> args{.m = m, .n = n, .k = k, .a = a_.data(), .a_row = stride(k), .b = b_.data(), .b_row = stride(n)};
    if (transposed == Transposed::a) args.a_row = 1, args.a_col = stride(m);
    if (transposed == Transposed::b) args.b_row = 1, args.b_col = stride(k);
    args.c = c_.data();
    args.c_row = stride(n);
    return args;
  }

  /// Compares C at up to 1000 places spread over it with sums in double, inside the rounding bound
  /// gamma_k |A||B|, gamma_k = k u / (1 - k u).
  [[nodiscard]] bool correct() {
    const MatmulArgs<T> args = this->args();
    const double ku = static_cast<double>(args.k) * (std::is_same_v<T, float> ? 0x1p-24 : 0x1p-53);
    const std::size_t step = std::max<std::size_t>(1, c_.size() / 1000) | 1;  // odd: not always the same column
    for (std::size_t at = 0; at < c_.size(); at += step) {
      const auto i = static_cast<std::ptrdiff_t>(at / args.n), j = static_cast<std::ptrdiff_t>(at % args.n);
      double sum = 0, magnitude = 0;
      for (std::ptrdiff_t p = 0; p < static_cast<std::ptrdiff_t>(args.k); ++p) {
        const double product = static_cast<double>(args.a[i * args.a_row + p * args.a_col]) *
                               static_cast<double>(args.b[p * args.b_row + j * args.b_col]);
        sum += product;
        magnitude += std::abs(product);
      }
      // Twice: in double the sum above has an error of the same size.
      if (!(std::abs(static_cast<double>(c_[at]) - sum) <= 2 * ku / (1 - ku) * magnitude)) return false;
    }
    return true;
  }

 private:
  Shape shape_;
  std::vector<T> a_, b_, c_;
};

template <class T>
using Product = std::function<void(const MatmulArgs<T>&)>;

template <class T>
void measure(benchmark::State& state, const Shape& shape, const Product<T>& product) {
  Problem<T> problem(shape);
  const MatmulArgs<T> args = problem.args();
  product(args);
  if (!problem.correct()) {
    state.SkipWithError("the result is wrong");
    return;
  }
  for ([[maybe_unused]] auto _ : state) {
    product(args);
    benchmark::ClobberMemory();
  }
  state.counters["FLOPS"] =
      benchmark::Counter(shape.flops(), benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
  // What this processor could do at this moment: the clock of a shared machine changes within minutes.
  constexpr double probe_ms = 8;
  state.counters["PEAK"] = benchmark::Counter(peak_gflops(dtype_of<T>, kAutoKernel, probe_ms) * 1e9,
                                              benchmark::Counter::kDefaults, benchmark::Counter::kIs1000);
}

/// `largest` is the work in floating-point operations above which a contestant is left out.
template <class T>
void add(const std::string& contestant, double largest, const Product<T>& product) {
  for (const Shape& shape : shapes()) {
    if (shape.flops() > largest) continue;
    const std::string name = "product/" + std::string(name_of(dtype_of<T>)) + "/" + contestant + "/" + shape.name();
    benchmark::RegisterBenchmark(name.c_str(), [shape, product](benchmark::State& state) {
      measure<T>(state, shape, product);
    })->UseRealTime();
  }
}

template <class T>
void add_all() {
  // At 1 to 4 GFLOP/s the first rungs would take many seconds a call beyond 1024 square.
  constexpr double slow_limit = 2.2e9;
  for (std::size_t id = 0; id < kernels().size(); ++id) {
    const KernelInfo& kernel = kernels()[id];
    if (!kernel.available) continue;
    const bool slow = id < static_cast<std::size_t>(kernel_id("eigen"));
    add<T>(std::string(kernel.name), slow ? slow_limit : HUGE_VAL,
           [id](const MatmulArgs<T>& args) { matmul(args, static_cast<KernelId>(id)); });
  }
  add<T>("auto", HUGE_VAL, [](const MatmulArgs<T>& args) { matmul(args); });
#ifdef TINYTORCH_BENCH_WITH_OPENBLAS
  add<T>("openblas", HUGE_VAL, [](const MatmulArgs<T>& args) { openblas_matmul(args); });
#endif
}

}  // namespace

void register_benchmarks() {
  add_all<float>();
  add_all<double>();
}

}  // namespace tinytorch::bench
