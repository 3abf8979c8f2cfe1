// One libFuzzer program for each reader: READER is its function in readers.h.
#include "readers.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  tinytorch::fuzz::READER(std::as_bytes(std::span(data, size)));
  return 0;
}
