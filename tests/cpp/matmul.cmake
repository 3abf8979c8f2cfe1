target_sources(tinytorch_tests PRIVATE matmul_test.cpp matmul_bits_test.cpp matmul_registry_test.cpp matmul_division_test.cpp
  matmul_long_sums_test.cpp matmul_kept_panels_test.cpp matmul_plan_test.cpp parallel_test.cpp)
# What the registry has to have is told from here, not asked of it.
set(isa native)
if(EMSCRIPTEN)
  set(isa ${TINYTORCH_WASM_ISA})
endif()
set_source_files_properties(matmul_registry_test.cpp PROPERTIES COMPILE_DEFINITIONS
  "TINYTORCH_TEST_ISA=\"${isa}\";TINYTORCH_TEST_THREADS=$<BOOL:${TINYTORCH_THREADS}>")
