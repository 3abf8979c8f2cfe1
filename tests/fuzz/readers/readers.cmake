# Fuzzers of everything that reads a file. What an input must satisfy is in readers.h; tests/cpp/io_corpus_test.cpp runs
# the corpora through the same checks in every build.
foreach(reader safetensors idx checkpoint json)
  set(sources readers/main.cpp readers/${reader}.cpp)
  if(reader MATCHES "safetensors|checkpoint")
    list(APPEND sources readers/mutate_safetensors.cpp)
  endif()
  tinytorch_fuzzer(fuzz_${reader} ${sources})
  target_include_directories(fuzz_${reader} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/readers)
  target_compile_definitions(fuzz_${reader} PRIVATE READER=check_${reader})
endforeach()
target_compile_definitions(fuzz_checkpoint PRIVATE FROM_CHECKPOINTS)

foreach(reader safetensors idx checkpoint json)
  tinytorch_fuzzer_test(fuzz_${reader} 8 readers/corpus/${reader})
endforeach()
