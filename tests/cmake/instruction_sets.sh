#!/usr/bin/env bash
# Fails where kernels/relaxed.cpp, which is compiled for fused multiply-add, defines a function that another file defines,
# too. Usage: instruction_sets.sh NM OBJECT...
set -euo pipefail
nm=$1
shift

# functions_of OBJECT...: the functions that the linker may take from there or from another file.
functions_of() { "$nm" --defined-only "$@" | sed -n 's/.* W //p' | sort -u; }

wide=()
others=()
for object in "$@"; do
  case $object in */kernels/relaxed.*) wide+=("$object") ;; *) others+=("$object") ;; esac
done
if [ -z "$(functions_of "${wide[@]}")" ]; then
  echo "kernels/relaxed.cpp has no such functions: does this test look at the right file?"
  exit 1
fi
shared=$(comm -12 <(functions_of "${wide[@]}") <(functions_of "${others[@]}"))
if [ -n "$shared" ]; then
  printf 'both for fused multiply-add and without:\n%s\n' "$shared"
  exit 1
fi
