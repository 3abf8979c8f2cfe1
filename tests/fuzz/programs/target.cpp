// libFuzzer's entry: any bytes are a program.
#include <cstdio>
#include <cstdlib>

#include "program.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::size_t commands = 0;
  // Longer programs only repeat themselves: what is alive is limited.
  const std::size_t most = 64 * tinytorch::fuzz::command_bytes;
  const std::string difference = tinytorch::fuzz::run_program({data, size < most ? size : most}, commands);
  if (difference.empty()) return 0;
  std::fprintf(stderr, "%s\n", difference.c_str());
  std::abort();
}
