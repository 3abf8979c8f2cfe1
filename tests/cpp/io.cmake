# Readers and writers of files. The checks of the fuzzers run here over their corpora.
set(fuzz_folder ${PROJECT_SOURCE_DIR}/tests/fuzz)
target_sources(tinytorch_tests PRIVATE io_test.cpp io_write_test.cpp io_corpus_test.cpp
  ${fuzz_folder}/readers/safetensors.cpp ${fuzz_folder}/readers/idx.cpp ${fuzz_folder}/readers/json.cpp
  ${fuzz_folder}/readers/checkpoint.cpp)
target_include_directories(tinytorch_tests PRIVATE ${fuzz_folder})
target_compile_definitions(tinytorch_tests PRIVATE TINYTORCH_CORPUS="${fuzz_folder}/readers/corpus")
