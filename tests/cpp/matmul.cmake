target_sources(tinytorch_tests PRIVATE matmul_test.cpp matmul_bits_test.cpp matmul_registry_test.cpp matmul_division_test.cpp
  matmul_long_sums_test.cpp  matmul_kept_panels_test.cpp parallel_test.cpp)
