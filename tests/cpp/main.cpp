#include <gtest/gtest.h>

// Tests ask for more memory than there is; under AddressSanitizer, too, that has to reach the library as a failed
// allocation and come back as its error.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
