// Random programs from a seed, for every build without libFuzzer:
//
//   fuzz_programs [--seconds=N] [--seed=N] [--out=FILE]
//   fuzz_programs --replay=FILE
//
// A program that fails is shortened as long as it fails, printed, and written to FILE, which fuzz_programs_target
// (preset `asan`) runs too.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "program.h"

namespace {

using Bytes = std::vector<std::uint8_t>;
using tinytorch::fuzz::command_bytes;

std::string run(const Bytes& program) {
  std::size_t commands = 0;
  return tinytorch::fuzz::run_program(program, commands);
}

/// Leaves out commands, many at once and then one by one, and makes numbers smaller, as long as the program fails.
Bytes shrink(Bytes program) {
  for (bool is_shorter = true; is_shorter;) {
    is_shorter = false;
    for (std::size_t length = program.size() / command_bytes; length > 0; length /= 2) {
      for (std::size_t at = 0; at + length * command_bytes <= program.size();) {
        Bytes shorter = program;
        const auto begin = shorter.begin() + static_cast<std::ptrdiff_t>(at);
        shorter.erase(begin, begin + static_cast<std::ptrdiff_t>(length * command_bytes));
        if (run(shorter).empty()) {
          at += command_bytes;
        } else {
          program = shorter;
          is_shorter = true;
        }
      }
    }
  }
  for (std::uint8_t& byte : program) {
    for (const int smaller : {0, 1, byte / 4, byte / 2}) {
      const std::uint8_t before = byte;
      if (smaller >= before) continue;
      byte = static_cast<std::uint8_t>(smaller);
      if (!run(program).empty()) break;
      byte = before;
    }
  }
  return program;
}

int replay(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const Bytes program{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::string difference = run(program);
  std::printf("%s\n", difference.empty() ? "no difference" : difference.c_str());
  return difference.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 20;
  std::uint64_t seed = std::random_device{}();
  std::string out = "fuzz_programs_failure.bin";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const std::string value(argument.substr(std::min(argument.find('=') + 1, argument.size())));
    if (argument.starts_with("--seconds=")) seconds = std::atof(value.c_str());
    if (argument.starts_with("--seed=")) seed = std::strtoull(value.c_str(), nullptr, 10);
    if (argument.starts_with("--out=")) out = value;
    if (argument.starts_with("--replay=")) return replay(value);
  }
  std::printf("fuzz_programs: --seed=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  const auto start = std::chrono::steady_clock::now();
  std::size_t programs = 0, commands = 0;
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) {
    Bytes program((1 + random() % 40) * command_bytes);
    for (std::uint8_t& byte : program) byte = static_cast<std::uint8_t>(random());
    ++programs;
    if (tinytorch::fuzz::run_program(program, commands).empty()) continue;
    const Bytes shortest = shrink(program);
    std::ofstream(out, std::ios::binary)
        .write(reinterpret_cast<const char*>(shortest.data()), static_cast<std::streamsize>(shortest.size()));
    std::printf("program %zu of this seed differs; shortened, it is in %s:\n%s\n", programs, out.c_str(),
                run(shortest).c_str());
    return 1;
  }
  std::printf("%zu programs, %zu commands\n", programs, commands);
  return 0;
}
