#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

// Tests ask for more memory than there is; under AddressSanitizer, too, that has to reach the library as a failed
// allocation and come back as its error.
// In a module, what was freed must not fill the 2 GB that there are.
extern "C" const char* __asan_default_options() {
  return sizeof(void*) == 4 ? "allocator_may_return_null=1:quarantine_size_mb=16" : "allocator_may_return_null=1";
}

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // `--half=0` or `--half=1`: so that two processes share the tests. By Google Test's own variables, which a wasm
  // module cannot be given from outside.
  constexpr std::string_view half = "--half=";
  for (int i = 1; i < argc; ++i) {
    if (!std::string_view(argv[i]).starts_with(half)) continue;
    setenv("GTEST_TOTAL_SHARDS", "2", 1);
    setenv("GTEST_SHARD_INDEX", argv[i] + half.size(), 1);
  }
  return RUN_ALL_TESTS();
}
