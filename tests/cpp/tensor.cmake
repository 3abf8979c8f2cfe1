target_sources(tinytorch_tests PRIVATE
  tensor_shape_test.cpp tensor_create_test.cpp tensor_view_test.cpp tensor_memory_test.cpp tensor_vector_math_test.cpp
  ops_table_test.cpp ops_elementwise_test.cpp ops_reduce_test.cpp ops_out_test.cpp ops_compare_test.cpp ops_matmul_test.cpp
  autograd_ops_test.cpp autograd_tape_test.cpp autograd_failures_test.cpp autograd_corners_test.cpp failing_allocation.cpp
  tensor_convert_test.cpp undefined_test.cpp out_overlap_test.cpp
  random_test.cpp profile_test.cpp nn_layers_test.cpp nn_subclass_test.cpp nn_modules_test.cpp nn_network_test.cpp
  nn_inference_test.cpp torch_test.cpp train_test.cpp train_optimizer_test.cpp train_loop_test.cpp
  train_checkpoint_test.cpp)
target_compile_definitions(tinytorch_tests PRIVATE TINYTORCH_FIXTURES="${CMAKE_SOURCE_DIR}/tests/fixtures")
# It replaces the allocators: where they are inlined, the compiler finds that they do not go together.
set_source_files_properties(failing_allocation.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
target_link_options(tinytorch_tests PRIVATE -Wl,--wrap=aligned_alloc)

# Every float32 through every elementary function; not part of the suite, see accuracy.cpp.
if(NOT EMSCRIPTEN)
  add_executable(tinytorch_accuracy EXCLUDE_FROM_ALL accuracy.cpp)
  tinytorch_test_program(tinytorch_accuracy)
endif()
