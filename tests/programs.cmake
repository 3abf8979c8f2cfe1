# Programs of the tests: native, under sanitizers, and as wasm in Node. Included once, before tests/cpp and tests/fuzz.

# What starts such a program: nothing, or Node for a wasm build.
set(tinytorch_launcher)
if(EMSCRIPTEN)
  set(tinytorch_launcher $ENV{NODE24})
endif()

# tinytorch_test_program(NAME): the options that every program of the tests takes.
function(tinytorch_test_program name)
  # Tests may look inside: the oracle and the registry are reached through src/.
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/cpp/src)
  target_link_libraries(${name} PRIVATE tinytorch tinytorch_flags)
  # What is tested is optimised as it ships and compiled file by file; the tests themselves need neither, and build in half
  # the time.
  target_compile_options(${name} PRIVATE -O1)
  set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  if(EMSCRIPTEN)
    # CommonJS, which the package's "type": "module" would otherwise hide from Node.
    set_target_properties(${name} PROPERTIES SUFFIX .cjs)
    # The wasm heap sees the machine's own files, so that fixtures and gtest's XML output work in Node.
    target_link_options(${name} PRIVATE -sALLOW_MEMORY_GROWTH -sMAXIMUM_MEMORY=2GB -sNODERAWFS
      -sEXIT_RUNTIME -sENVIRONMENT=node -sABORTING_MALLOC=0)
    target_link_options(${name} PRIVATE -O1)
    if(TINYTORCH_THREADS)
      target_link_options(${name} PRIVATE -sENVIRONMENT=node,worker -sPTHREAD_POOL_SIZE=8)
    endif()
  endif()
endfunction()
