// Measures the largest error of each elementary function over every float32 there is, and of pow over 2^32 pairs.
//
//   cmake --preset native && cmake --build build/native --target tinytorch_accuracy
//   build/native/tests/cpp/tinytorch_accuracy [--stride N] [name...]
//
// All of it takes some minutes on two cores; a stride other than 1 takes a sample.
#include "accuracy.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tinytorch::testing {
namespace {

struct Worst {
  double error = 0;
  float at = 0, exponent = 0;
  std::uint64_t count = 0, rounded = 0;
};

constexpr std::uint64_t all_bits = std::uint64_t{1} << 32;
constexpr std::int64_t block = 16384;

float float_of(std::uint64_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits)); }

/// An exponent for pow that belongs to the base's bits: small, fractional, or so that the result stays in range.
float exponent_for(std::uint64_t bits) {
  std::uint64_t hash = (bits + 1) * 0x9E3779B97F4A7C15u;
  hash ^= hash >> 29;
  const double unit = static_cast<double>(hash >> 11) * 0x1p-52 - 1;  // [-1, 1)
  const double size = std::abs(std::log2(std::abs(static_cast<double>(float_of(bits)))));
  return static_cast<float>(hash % 4 == 0 ? std::floor(unit * 20) : unit * 140 / std::max(size, 1e-6));
}

template <class Evaluate>
Worst measure(std::uint64_t stride, const Evaluate& evaluate) {
  std::mutex mutex;
  Worst worst;
  const unsigned count = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < count; ++t) {
    threads.emplace_back([&, t] {
      Worst own;
      const std::uint64_t step = stride * block;
      for (std::uint64_t first = t * step; first < all_bits; first += count * step) evaluate(first, own);
      const std::lock_guard guard(mutex);
      if (own.error > worst.error) {
        worst.error = own.error;
        worst.at = own.at;
        worst.exponent = own.exponent;
      }
      worst.count += own.count;
      worst.rounded += own.rounded;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return worst;
}

void note(Worst& worst, float got, double want, float at, float exponent) {
  if (got != got && want != want) return;
  ++worst.count;
  if (got == static_cast<float>(want)) {
    ++worst.rounded;
    return;
  }
  const double error = ulp_error(got, want);
  if (error <= worst.error) return;
  worst.error = error;
  worst.at = at;
  worst.exponent = exponent;
}

Tensor inputs(std::uint64_t first, std::uint64_t stride) {
  Tensor x = Tensor::empty({block});
  float* values = x.mutable_data<float>();
  for (std::int64_t i = 0; i < block; ++i) {
    values[i] = float_of(std::min(first + static_cast<std::uint64_t>(i) * stride, all_bits - 1));
  }
  return x;
}

void print(const char* name, const Worst& worst) {
  const std::string exponent = worst.exponent != 0 ? " ^ " + std::to_string(worst.exponent) : "";
  std::printf("| %-7s | %11llu | %.3f %% rounded to nearest | largest error %s%.3f ulp at %.9g%s |\n", name,
              static_cast<unsigned long long>(worst.count),
              100 * static_cast<double>(worst.rounded) / static_cast<double>(worst.count),
              worst.error < 0.5 ? "<= 0.5: " : "", worst.error, static_cast<double>(worst.at), exponent.c_str());
  std::fflush(stdout);
}

int run(std::uint64_t stride, const std::vector<std::string>& names) {
  const auto wanted = [&](const char* name) {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const ElementaryFunction& f : elementary_functions) {
    if (!wanted(f.name)) continue;
    print(f.name, measure(stride, [&](std::uint64_t first, Worst& worst) {
            const Tensor x = inputs(first, stride), y = f.op(x, nullptr);
            const float *at = x.data<float>(), *got = y.data<float>();
            for (std::int64_t i = 0; i < block; ++i) {
              note(worst, got[i], f.of_float(static_cast<double>(at[i])), at[i], 0);
            }
          }));
  }
  if (!wanted("pow")) return 0;
  print("pow", measure(stride, [&](std::uint64_t first, Worst& worst) {
          const Tensor x = inputs(first, stride);
          Tensor y = Tensor::empty({block});
          float* exponent = y.mutable_data<float>();
          for (std::int64_t i = 0; i < block; ++i) {
            exponent[i] = exponent_for(first + static_cast<std::uint64_t>(i) * stride);
          }
          const Tensor z = ops::pow(x, y);
          const float *a = x.data<float>(), *b = y.data<float>(), *got = z.data<float>();
          for (std::int64_t i = 0; i < block; ++i) {
            const double want = std::pow(static_cast<double>(a[i]), static_cast<double>(b[i]));
            note(worst, got[i], want, a[i], b[i]);
          }
        }));
  return 0;
}

}  // namespace
}  // namespace tinytorch::testing

int main(int argc, char** argv) {
  std::uint64_t stride = 1;
  std::vector<std::string> names;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--stride") == 0 && i + 1 < argc) {
      stride = std::max<std::uint64_t>(std::strtoull(argv[++i], nullptr, 10), 1);
    } else {
      names.emplace_back(argv[i]);
    }
  }
  return tinytorch::testing::run(stride, names);
}
