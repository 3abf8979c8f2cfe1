#include <benchmark/benchmark.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "bench.h"
#include "tinytorch/threads.h"

namespace {

constexpr std::string_view threads_option = "--threads=";

bool parse_threads(std::string_view text) {
  int threads = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
  if (error != std::errc() || end != text.data() + text.size() || threads < 1) return false;
  tinytorch::set_num_threads(threads);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  tinytorch::set_num_threads(1);
  char** const last = std::remove_if(argv + 1, argv + argc, [](const char* arg) {
    const std::string_view text(arg);
    return text.starts_with(threads_option) && parse_threads(text.substr(threads_option.size()));
  });
  argc = static_cast<int>(last - argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    std::fputs("also: --threads=N, a whole number from 1\n", stderr);
    return 1;
  }
  benchmark::AddCustomContext("compiler", TINYTORCH_BENCH_COMPILER);
  benchmark::AddCustomContext("flags", TINYTORCH_BENCH_FLAGS);
  benchmark::AddCustomContext("threads", std::to_string(tinytorch::num_threads()));
  tinytorch::bench::register_benchmarks();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
